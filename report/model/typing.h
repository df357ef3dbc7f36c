/* typing.h - the types of a snapshot's blocks while the snapshot is being made.
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
};

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

/* Adds the sections, when there is any type. The writer owns the arrays then. */
static inline void typing_write(struct typing *t, struct snapshot_writer *w)
{
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
