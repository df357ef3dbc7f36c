/* types_keep.c - see types_keep.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "types_keep.h"
#include "typed_scan.h"

struct keeping {
	struct snapshot_writer *w;
	struct members_keep *members;
	struct tide_native_type *type; /* [blocks] */
	struct tide_scanned_type *scanned;
	size_t scanned_count, room;
	uint64_t typed;
};

static struct tide_native_type keep_type(struct keeping *k, const struct block_types *t, size_t block)
{
	const char *name = block_types_name(t, block);

	if (!name && !t->inside[block])
		return (struct tide_native_type){ 0 };
	return (struct tide_native_type){ .name = snapshot_writer_string(k->w, name ? name : ""),
		.layout = members_keep_type(k->members, t->inside[block]),
		.evidence = t->evidence[block] };
}

static bool is_equal(const struct tide_native_type *a, const struct tide_native_type *b)
{
	return a->name == b->name && a->layout == b->layout && a->evidence == b->evidence;
}

static void find_types(struct keeping *k, struct snapshot *s, struct symbols *symbols)
{
	struct block_types types;

	block_types_find(&types, s, symbols);
	k->members = members_keep_new(types.members);
	for (size_t i = 0; i < s->block_count; i++) {
		k->type[i] = keep_type(k, &types, i);
		k->typed += k->type[i].evidence != EVIDENCE_NONE;
	}
	block_types_free(&types);
	typed_scan(s, symbols);
	if (!s->unused)
		return;
	block_types_find(&types, s, symbols);
	for (size_t i = 0; i < s->block_count; i++) {
		struct tide_native_type is = keep_type(k, &types, i);

		if (!is_equal(&is, &k->type[i]))
			*ARRAY_ADD(k->scanned, k->scanned_count, k->room) =
				(struct tide_scanned_type){ (uint32_t)i, is.name, is.layout, is.evidence };
	}
	block_types_free(&types);
}

static uint64_t count_stored(const struct snapshot *s)
{
	uint64_t typed = 0;

	for (size_t i = 0; i < s->native_type_count; i++)
		typed += s->native_types[i].evidence != EVIDENCE_NONE;
	return typed;
}

/* As they are; strings of a snapshot that is copied keep their offsets. */
static void keep_stored(const struct snapshot *s, struct snapshot_writer *w)
{
#define KEEP(kind, pointer, count)                                                                           \
	if (s->count)                                                                                        \
	snapshot_writer_section(w, kind, sizeof(*s->pointer), s->pointer, s->count, SNAPSHOT_COPY)
	KEEP(SECTION_NATIVE_TYPES, native_types, native_type_count);
	KEEP(SECTION_SCANNED_TYPES, scanned_types, scanned_type_count);
	KEEP(SECTION_LAYOUTS, layouts, layout_count);
	KEEP(SECTION_MEMBERS, members, member_count);
	KEEP(SECTION_VARIABLES, variables, variable_count);
#undef KEEP
}

static void write_types(struct keeping *k, size_t blocks)
{
	members_keep_roots(k->members, k->w);
	members_keep_write(k->members, k->w);
	snapshot_writer_section(k->w, SECTION_NATIVE_TYPES, sizeof(*k->type), k->type, blocks, SNAPSHOT_COPY);
	if (k->scanned_count)
		snapshot_writer_section(k->w, SECTION_SCANNED_TYPES, sizeof(*k->scanned), k->scanned,
			k->scanned_count, SNAPSHOT_COPY);
}

uint64_t types_keep(
	struct snapshot *s, const struct snapshot *old, struct symbols *symbols, struct snapshot_writer *w)
{
	struct keeping k = { .w = w };
	uint64_t stored = count_stored(old);

	if (!s->block_count)
		return 0;
	k.type = alloc_zeroed(s->block_count, sizeof(*k.type));
	find_types(&k, s, symbols);
	if (stored > k.typed)
		keep_stored(old, w);
	else
		write_types(&k, s->block_count);
	members_keep_free(k.members);
	free(k.type);
	free(k.scanned);
	return stored > k.typed ? stored : k.typed;
}
