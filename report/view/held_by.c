/* held_by.c - see held_by.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "field.h"
#include "held_by.h"

struct hold {
	uint32_t type, field, block; /* type, field: from 0 up */
};
/* The name of the field at an offset of a type, made once. */
struct place {
	uint32_t inside, field; /* field: + 1; 0 without a name */
	uint64_t offset;
};

struct search {
	struct native_types *n;
	const struct snapshot *s;
	struct hold *hold;
	size_t holds, room;
	struct place *place;
	uint32_t places, place_room;
	struct index by_place;
};

/* "slots_[3]" is "slots_[]". */
static void drop_numbers(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		*to++ = *at;
		while (*at == '[' && isdigit((unsigned char)at[1]))
			at += strspn(at + 1, "0123456789");
	}
	*to = '\0';
}

static uint32_t name_field(struct search *f, char *text)
{
	uint32_t field = 0;

	if (text) {
		drop_numbers(text);
		field = intern_text(&f->n->fields, text) + 1;
	}
	free(text);
	return field;
}

static uint32_t find_field(struct search *f, uint32_t block, uint64_t offset)
{
	struct block_types *t = &f->n->types;
	uint32_t inside = t->inside[block], field;
	uint64_t bytes = members_type_bytes(t->members, inside), hash;

	/* Elements of an array have equal fields; the first of them is another one than those that follow only in
	 * its number. */
	if (bytes && f->s->blocks[block].bytes >= 2 * bytes && offset >= bytes)
		offset = bytes + offset % bytes;
	hash = index_hash((uint64_t)inside << 40 ^ offset);
	INDEX_EACH(&f->by_place, hash, probe)
	if (f->place[probe.number].inside == inside && f->place[probe.number].offset == offset)
		return f->place[probe.number].field;
	field = name_field(f, field_at(t, block, offset));
	index_add(&f->by_place, hash, f->places);
	*ARRAY_ADD(f->place, f->places, f->place_room) = (struct place){ inside, field, offset };
	return field;
}

static void add_hold(struct search *f, uint32_t block, uint32_t field)
{
	if (field)
		*ARRAY_ADD(f->hold, f->holds, f->room) =
			(struct hold){ f->n->types.of[block] - 1, field - 1, block };
}

static bool is_native(const struct search *f, uint32_t block)
{
	return block < f->s->block_count && f->n->types.of[block] && !f->n->python[block];
}

static void find_holds(struct search *f, struct symbols *symbols)
{
	const struct snapshot *s = f->s;

	for (size_t i = 0; i < s->root_edge_count; i++)
		if (is_native(f, s->root_edges[i].block) && s->root_edges[i].root < s->root_count)
			add_hold(f, s->root_edges[i].block,
				name_field(f, field_root(&f->n->types, s, symbols, (uint32_t)i)));
	for (uint32_t i = 0; i < s->block_count && s->edge_start_count > s->block_count; i++) {
		if (!f->n->types.inside[i])
			continue;
		/* A short std::string points into itself. */
		for (uint64_t k = s->edge_starts[i]; k < s->edge_starts[i + 1] && k < s->edge_count; k++)
			if (s->edges[k].block != i && is_native(f, s->edges[k].block)
				&& !snapshot_unused(s, k))
				add_hold(f, s->edges[k].block, find_field(f, i, s->edges[k].offset));
	}
}

static int compare_holds(const void *a, const void *b)
{
	const struct hold *x = a, *y = b;

	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	if (x->field != y->field)
		return x->field < y->field ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

/* Keeps the fields that hold most blocks, in order; those that hold as many by name. */
static void add_field(struct native_types_row *row, const char *field, uint64_t blocks)
{
	size_t at = NATIVE_TYPES_FIELDS;

	while (at
		&& (row->held_by[at - 1].blocks < blocks
			|| (row->held_by[at - 1].blocks == blocks
				&& strcmp(row->held_by[at - 1].field, field) > 0)))
		at--;
	if (at == NATIVE_TYPES_FIELDS)
		return;
	memmove(&row->held_by[at + 1], &row->held_by[at],
		(NATIVE_TYPES_FIELDS - 1 - at) * sizeof(row->held_by[0]));
	row->held_by[at] = (struct native_types_field){ field, blocks };
}

void held_by_find(struct native_types *n, const struct snapshot *s, struct symbols *symbols)
{
	struct search f = { .n = n, .s = s };

	find_holds(&f, symbols);
	if (f.holds)
		qsort(f.hold, f.holds, sizeof(*f.hold), compare_holds);
	for (size_t i = 0, end; i < f.holds; i = end) {
		uint64_t blocks = 0;

		for (end = i; end < f.holds && f.hold[end].type == f.hold[i].type
			&& f.hold[end].field == f.hold[i].field;
			end++)
			blocks += end == i || f.hold[end].block != f.hold[end - 1].block;
		add_field(&n->row[f.hold[i].type], n->fields.text[f.hold[i].field], blocks);
	}
	free(f.hold);
	free(f.place);
	index_free(&f.by_place);
}
