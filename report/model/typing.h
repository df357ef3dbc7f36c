/* typing.h - the types of a snapshot's blocks while the snapshot is being made, and the capacity that containers do
 * not use.
 *
 * Each part that can prove types adds its own: python/ first, then native/. The collector writes them.
 */
#ifndef TIDEMARK_TYPING_H
#define TIDEMARK_TYPING_H

#include <stdlib.h>
#include "base/array.h"
#include "snapshot.h"

struct typing {
	struct tide_type *type; /* the first is reserved: no type */
	uint32_t count, room;
	struct tide_block_type *of; /* [blocks] */
	uint64_t blocks;
	struct tide_spare *spare; /* in any order, perhaps several of a block */
	uint64_t spare_count, spare_room;
};

#define SPARE_LEAST 16u /* what malloc rounds to: below, shrinking wins nothing */

static inline void typing_begin(struct typing *t, uint64_t blocks)
{
	*t = (struct typing){ .of = alloc_zeroed(blocks + 1, sizeof(*t->of)), .blocks = blocks };
	*ARRAY_ADD(t->type, t->count, t->room) = (struct tide_type){ 0 };
}

/* The number of the new type. */
static inline uint32_t typing_add(struct typing *t, const struct tide_type *type)
{
	*ARRAY_ADD(t->type, t->count, t->room) = *type;
	return t->count - 1;
}

/* A type of C++ has no module here. */
static inline uint32_t typing_add_class(struct typing *t, struct snapshot_writer *w, const char *name)
{
	return typing_add(t,
		&(struct tide_type){ .name = snapshot_writer_string(w, name),
			.module = snapshot_writer_string(w, ""),
			.language = LANGUAGE_CXX });
}

static inline void typing_spare(struct typing *t, uint32_t block, enum tide_spare_kind kind, uint64_t bytes)
{
	if (bytes >= SPARE_LEAST)
		*ARRAY_ADD(t->spare, t->spare_count, t->spare_room) =
			(struct tide_spare){ .block = block, .kind = kind, .bytes = bytes };
}

/* Likewise, by words that a container may have left behind when it was moved. Those of a full one count as well,
 * because the one that uses most is taken where there are several. */
static inline void typing_spare_words(
	struct typing *t, uint32_t block, enum tide_spare_kind kind, uint64_t bytes)
{
	*ARRAY_ADD(t->spare, t->spare_count, t->spare_room) =
		(struct tide_spare){ .block = block, .kind = kind, .bytes = bytes };
}

/* Rust's words prove nothing without a stack, so they are kept beside those of others. */
static inline uint32_t typing_spare_rank(uint32_t kind)
{
	return kind == SPARE_RUST || kind == SPARE_RING ? kind : 0;
}

static inline int typing_compare_spare(const void *a, const void *b)
{
	const struct tide_spare *x = a, *y = b;

	if (x->block != y->block)
		return x->block < y->block ? -1 : 1;
	if (typing_spare_rank(x->kind) != typing_spare_rank(y->kind))
		return typing_spare_rank(x->kind) < typing_spare_rank(y->kind) ? -1 : 1;
	/* Of two containers that say they own it, one is old. */
	return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static inline void typing_write_spare(struct typing *t, struct snapshot_writer *w)
{
	uint64_t n = 0, kept = 0;

	if (!t->spare_count)
		return;
	qsort(t->spare, t->spare_count, sizeof(*t->spare), typing_compare_spare);
	for (uint64_t i = 0; i < t->spare_count; i++)
		if (!n || t->spare[n - 1].block != t->spare[i].block
			|| typing_spare_rank(t->spare[n - 1].kind) != typing_spare_rank(t->spare[i].kind))
			t->spare[n++] = t->spare[i];
	for (uint64_t i = 0; i < n; i++)
		if (t->spare[i].bytes >= SPARE_LEAST)
			t->spare[kept++] = t->spare[i];
	n = kept;
	snapshot_writer_section(w, SECTION_SPARE, sizeof(*t->spare), t->spare, n, SNAPSHOT_TAKE);
}

/* Adds the sections, when there is any type. The writer owns the arrays then. */
static inline void typing_write(struct typing *t, struct snapshot_writer *w)
{
	typing_write_spare(t, w);
	if (t->count > 1) {
		snapshot_writer_section(w, SECTION_TYPES, sizeof(*t->type), t->type, t->count, SNAPSHOT_TAKE);
		snapshot_writer_section(
			w, SECTION_BLOCK_TYPES, sizeof(*t->of), t->of, t->blocks, SNAPSHOT_TAKE);
	} else {
		free(t->type);
		free(t->of);
	}
	*t = (struct typing){ 0 };
}

#endif
