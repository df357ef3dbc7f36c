/* field.c - see field.h. */
#include <string.h>
#include "analysis/python_field.h"
#include "base/alloc.h"
#include "field.h"

char *field_at(const struct block_types *t, uint32_t block, uint64_t offset)
{
	if (!t->members || !t->inside[block])
		return NULL;
	return members_path(t->members, t->inside[block], NULL, offset);
}

char *field_text(const struct block_types *t, const struct snapshot *s, uint32_t block, uint64_t edge)
{
	char *text = python_field_text(s, block, edge);

	return text ? text : field_at(t, block, s->edges[edge].offset);
}

char *field_root(
	const struct block_types *t, const struct snapshot *s, struct symbols *symbols, uint32_t root_edge)
{
	const struct tide_root_edge *e = &s->root_edges[root_edge];
	const char *text = python_field_root(s, e);
	struct members_local local;
	uint64_t offset;
	uint32_t type;

	if (text)
		return alloc_string(text);
	type = t->members ? members_root(t->members, e, &offset) : 0;
	if (type)
		return members_path(t->members, type, symbols_root(symbols, e->root), offset);
	type = t->members ? members_local(t->members, e, &local) : 0;
	return type ? members_path(t->members, type, local.name, local.offset) : NULL;
}
