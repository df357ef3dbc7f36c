/* members_keep.c - what is known of types, in a snapshot that is written; see members.h.
 *
 * A type is kept with what lies in it, and of pointers what they point to, but not what lies in that.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "members_private.h"

/* A type that is kept; its number is that of its layout. */
struct kept {
	uint32_t type;
	bool whole; /* with its members */
};

struct members_keep {
	struct members *m;
	struct kept *kept; /* the first is reserved */
	uint32_t count, room;
	struct index numbers; /* by type */
	uint32_t *queue;      /* kept as a whole, and not looked into yet */
	uint32_t queued, queue_room;
	struct tide_variable *variable;
	uint32_t variables, variable_room;
};

struct members_keep *members_keep_new(struct members *m)
{
	struct members_keep *k = alloc_zeroed(1, sizeof(*k));

	k->m = m;
	*ARRAY_ADD(k->kept, k->count, k->room) = (struct kept){ 0 };
	return k;
}

static uint32_t add_type(struct members_keep *k, uint32_t type)
{
	uint64_t hash = index_hash(type);

	if (!type)
		return 0;
	INDEX_EACH(&k->numbers, hash, probe)
	if (k->kept[probe.number].type == type)
		return probe.number;
	index_add(&k->numbers, hash, k->count);
	*ARRAY_ADD(k->kept, k->count, k->room) = (struct kept){ .type = type };
	return k->count - 1;
}

static uint32_t add_whole(struct members_keep *k, uint32_t type)
{
	uint32_t number = add_type(k, type);

	if (number && !k->kept[number].whole) {
		k->kept[number].whole = true;
		*ARRAY_ADD(k->queue, k->queued, k->queue_room) = number;
	}
	return number;
}

static void look_into(struct members_keep *k, uint32_t type)
{
	struct members *m = k->m;

	switch (members_type_kind(m, type)) {
	case MEMBERS_POINTER: add_type(k, members_type_of(m, type)); break;
	case MEMBERS_ARRAY: add_whole(k, members_type_of(m, type)); break;
	case MEMBERS_STRUCT:
	case MEMBERS_UNION:
		members_read(m, type);
		for (uint32_t i = 0; i < m->type[type].member_count; i++)
			add_whole(k, members_member_type(m, type, i));
		break;
	default: break;
	}
}

uint32_t members_keep_type(struct members_keep *k, uint32_t type)
{
	uint32_t number = add_whole(k, type);

	while (k->queued)
		look_into(k, k->kept[k->queue[--k->queued]].type);
	return number;
}

static int compare_variables(const void *a, const void *b)
{
	const struct tide_variable *x = a, *y = b;

	if (x->root != y->root)
		return x->root < y->root ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

void members_keep_roots(struct members_keep *k, struct snapshot_writer *w)
{
	const struct snapshot *s = k->m->snapshot;
	uint32_t n = 0;

	for (size_t i = 0; i < s->root_edge_count; i++) {
		const struct tide_root_edge *e = &s->root_edges[i];
		struct members_local local = { .name = "" };
		uint32_t type = members_root(k->m, e, &local.offset);

		if (!type)
			type = members_local(k->m, e, &local);
		if (type)
			*ARRAY_ADD(k->variable, k->variables, k->variable_room) =
				(struct tide_variable){ .address = e->address - local.offset,
					.root = e->root,
					.layout = members_keep_type(k, type),
					.name = snapshot_writer_string(w, local.name) };
	}
	if (k->variables)
		qsort(k->variable, k->variables, sizeof(*k->variable), compare_variables);
	for (uint32_t i = 0; i < k->variables; i++)
		if (!n || compare_variables(&k->variable[n - 1], &k->variable[i]))
			k->variable[n++] = k->variable[i];
	k->variables = n;
}

static enum tide_language language_of(struct members *m, uint32_t type)
{
	const char *language = members_type_language(m, type);

	return !strcmp(language, "rust") ? LANGUAGE_RUST : !strcmp(language, "c") ? LANGUAGE_C : LANGUAGE_CXX;
}

/* --- writing ------------------------------------------------------------------------- */

struct writing {
	struct members_keep *k;
	struct snapshot_writer *w;
	struct tide_layout *layout;
	struct tide_member *member;
	uint32_t members, room;
};

static void write_members(struct writing *to, uint32_t type, struct tide_layout *l)
{
	l->member = to->members;
	for (uint32_t i = 0; i < to->k->m->type[type].member_count; i++) {
		const struct member *from = &to->k->m->type[type].member[i];
		struct tide_member add = { .offset = from->offset,
			.sure_at = from->sure_at,
			.name = snapshot_writer_string(to->w, from->name ? from->name : ""),
			.layout = add_type(to->k, from->type),
			.flags = (from->base ? MEMBER_BASE : 0) | (from->sure ? MEMBER_SURE : 0) };

		/* Of damaged debug information: it lies nowhere. */
		if (from->offset > l->bytes)
			continue;
		*ARRAY_ADD(to->member, to->members, to->room) = add;
		l->count++;
	}
}

static void write_type(struct writing *to, uint32_t number)
{
	struct members *m = to->k->m;
	uint32_t type = to->k->kept[number].type;
	enum members_kind kind = members_type_kind(m, type);
	bool whole = to->k->kept[number].whole, leads_on = kind == MEMBERS_POINTER || kind == MEMBERS_ARRAY;
	struct tide_layout *l = &to->layout[number];

	*l = (struct tide_layout){ .bytes = members_type_bytes(m, type),
		.name = snapshot_writer_string(to->w, members_type_name(m, type)),
		.of = whole && leads_on ? add_type(to->k, members_type_of(m, type)) : 0,
		.kind = (uint16_t)kind,
		.language = (uint8_t)language_of(m, type),
		.flags = m->type[type].partial ? LAYOUT_PARTIAL : 0 };
	if (whole && kind >= MEMBERS_STRUCT)
		write_members(to, type, l);
}

void members_keep_write(struct members_keep *k, struct snapshot_writer *w)
{
	struct writing to = { .k = k, .w = w, .layout = alloc_zeroed(k->count, sizeof(*to.layout)) };

	for (uint32_t i = 1; i < k->count; i++)
		write_type(&to, i);
	snapshot_writer_section(w, SECTION_LAYOUTS, sizeof(*to.layout), to.layout, k->count, SNAPSHOT_TAKE);
	if (to.members)
		snapshot_writer_section(
			w, SECTION_MEMBERS, sizeof(*to.member), to.member, to.members, SNAPSHOT_TAKE);
	if (k->variables)
		snapshot_writer_section(
			w, SECTION_VARIABLES, sizeof(*k->variable), k->variable, k->variables, SNAPSHOT_TAKE);
	k->variable = NULL;
}

void members_keep_free(struct members_keep *k)
{
	free(k->variable);
	free(k->kept);
	index_free(&k->numbers);
	free(k->queue);
	free(k);
}
