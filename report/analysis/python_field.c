/* python_field.c - see python_field.h. */
#include <string.h>
#include "base/alloc.h"
#include "python_field.h"

#define TYPE_WORD 8u /* ob_type */
#define TUPLE_ITEMS 24u

static const struct tide_python_object *object_of(const struct snapshot *s, uint32_t block)
{
	size_t lo = 0, hi = s->python_object_count;

	while (lo < hi) {
		size_t middle = (lo + hi) / 2;

		if (s->python_objects[middle].block < block)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < s->python_object_count && s->python_objects[lo].block == block ? &s->python_objects[lo]
										   : NULL;
}

static const struct tide_owner *owner_of(const struct snapshot *s, uint32_t block)
{
	size_t lo = 0, hi = s->owner_count;

	while (lo < hi) {
		size_t middle = (lo + hi) / 2;

		if (s->owners[middle].block < block)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < s->owner_count && s->owners[lo].block == block ? &s->owners[lo] : NULL;
}

static const struct tide_type *type_of(const struct snapshot *s, uint32_t block)
{
	uint32_t type = block < s->block_type_count ? s->block_types[block].type : 0;

	return type ? &s->types[type] : NULL;
}

const char *python_field_type(const struct snapshot *s, uint32_t block)
{
	const struct tide_owner *o = owner_of(s, block);
	const struct tide_type *t = type_of(s, o ? o->owner : block);

	return t && t->language == LANGUAGE_PYTHON ? snapshot_string(s, t->name) : NULL;
}

int64_t python_field_stored(const struct snapshot *s, uint32_t block)
{
	const struct tide_python_object *o = object_of(s, block);

	return o && !(o->flags & PYTHON_IMMORTAL) ? (int64_t)o->stored : -1;
}

/* The text of a str object that an edge leads to the start of; NULL. */
static const char *text_of(const struct snapshot *s, const struct tide_edge *e)
{
	const struct tide_type *t = type_of(s, e->block);
	const struct tide_python_object *o = object_of(s, e->block);

	if (!t || !o || !(t->flags & TYPE_FLAG_STR) || !(o->flags & PYTHON_VALUE_TEXT)
		|| o->value >= s->python_text_count || e->to_offset != s->block_types[e->block].head)
		return NULL;
	return snapshot_string(s, s->python_texts[o->value].text);
}

/* In a table of keys the key is the word before the value. */
static const char *key_of(const struct snapshot *s, uint32_t block, uint64_t edge)
{
	const struct tide_edge *e = &s->edges[edge];
	const struct tide_type *t = type_of(s, e->block);

	if (edge <= s->edge_starts[block] || e[-1].offset + 8 != e->offset || (t && t->flags & TYPE_FLAG_STR))
		return NULL;
	return text_of(s, &e[-1]);
}

static char *of_object(const struct snapshot *s, uint32_t block, const struct tide_edge *e, const char *type)
{
	uint32_t head = s->block_types[block].head;

	if (e->offset == head + TYPE_WORD)
		return alloc_printf("type of %s", type);
	if (!strcmp(type, "tuple") && e->offset >= head + TUPLE_ITEMS)
		return alloc_printf("element %u of tuple", (e->offset - head - TUPLE_ITEMS) / 8);
	/* Since 3.13 the values of attributes may follow the object. */
	if (type_of(s, block)->flags & TYPE_FLAG_DICT && e->offset >= head + type_of(s, block)->basic_bytes)
		return alloc_printf("attribute of %s", type);
	return NULL;
}

char *python_field_text(const struct snapshot *s, uint32_t block, uint64_t edge)
{
	const struct tide_owner *o = owner_of(s, block);
	const char *type = python_field_type(s, block), *key;
	const struct tide_edge *e = &s->edges[edge];

	if (type && !o && e->offset < s->block_types[block].head)
		return alloc_printf("link of gc in %s", type);
	if (!type || e->flags & EDGE_UNCOUNTED)
		return NULL;
	if (!o)
		return of_object(s, block, e, type);
	switch (o->role) {
	case OWNER_ITEMS: return alloc_printf("element %u of %s", e->offset / 8, type);
	case OWNER_TABLE: return alloc_printf("member of %s", type);
	case OWNER_VALUES: return alloc_printf("attribute of %s", type);
	case OWNER_KEYS:
		key = key_of(s, block, edge);
		return key ? alloc_printf("key \"%s\" of %s", key, type) : alloc_printf("in %s", type);
	default: return NULL;
	}
}
