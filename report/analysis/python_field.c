/* python_field.c - see python_field.h. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_field.h"

#define TYPE_WORD 8u           /* ob_type */
#define TUPLE_ITEMS 24u        /* up to 3.13 */
#define TUPLE_ITEMS_HASHED 32u /* since 3.14 the hash is before them */
#define WEAK_REFERENT 16u
#define ATTRIBUTES "attributes of "

static int compare_place(const void *key, const void *element)
{
	const struct tide_python_place *x = key, *y = element;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static const char *place_find(
	const struct snapshot *s, uint64_t address, enum tide_place_kind kind, uint64_t number)
{
	const struct tide_python_place key = { .address = address, .kind = kind, .number = (uint16_t)number };
	const struct tide_python_place *found = NULL;

	if (s->python_place_count && number <= UINT16_MAX)
		found = bsearch(&key, s->python_places, s->python_place_count, sizeof(key), compare_place);
	return found ? snapshot_string(s, found->text) : NULL;
}

/* Both kinds of elements are sorted by their blocks, which they begin with. */
_Static_assert(!offsetof(struct tide_python_object, block) && !offsetof(struct tide_owner, block),
	"the block is first");

static int compare_block(const void *key, const void *element)
{
	const uint32_t *x = key, *y = element;

	return *x < *y ? -1 : *x > *y;
}

static const struct tide_python_object *object_of(const struct snapshot *s, uint32_t block)
{
	return s->python_object_count ? bsearch(&block, s->python_objects, s->python_object_count,
		       sizeof(*s->python_objects), compare_block)
				      : NULL;
}

static const struct tide_owner *owner_of(const struct snapshot *s, uint32_t block)
{
	return s->owner_count ? bsearch(&block, s->owners, s->owner_count, sizeof(*s->owners), compare_block)
			      : NULL;
}

static const struct tide_type *type_of(const struct snapshot *s, uint32_t block)
{
	uint32_t type = block < s->block_type_count ? s->block_types[block].type : 0;

	return type ? &s->types[type] : NULL;
}

uint32_t python_field_object(const struct snapshot *s, uint32_t block)
{
	const struct tide_owner *o = owner_of(s, block);

	return o ? o->owner : block;
}

const char *python_field_type(const struct snapshot *s, uint32_t block)
{
	const struct tide_type *t = type_of(s, python_field_object(s, block));

	return t && t->language == LANGUAGE_PYTHON ? snapshot_string(s, t->name) : NULL;
}

uint64_t python_field_id(const struct snapshot *s, uint32_t block)
{
	return object_of(s, block) && block < s->block_type_count
		? s->blocks[block].address + s->block_types[block].head
		: 0;
}

const char *python_field_label(const struct snapshot *s, uint32_t block)
{
	uint64_t id = python_field_id(s, block);

	return id ? place_find(s, id, PLACE_OBJECT, 0) : NULL;
}

int64_t python_field_stored(const struct snapshot *s, uint32_t block)
{
	const struct tide_python_object *o = object_of(s, block);

	return o && !(o->flags & PYTHON_IMMORTAL) ? (int64_t)o->stored : -1;
}

const char *python_field_root(const struct snapshot *s, const struct tide_root_edge *e)
{
	return place_find(s, e->address, PLACE_WORD, 0);
}

bool python_field_is_link(const struct snapshot *s, uint32_t block, const struct tide_edge *e)
{
	return object_of(s, block) && block < s->block_type_count && e->offset < s->block_types[block].head
		&& e->flags & EDGE_UNCOUNTED && e->offset + 24 != s->block_types[block].head
		&& e->offset + 32 != s->block_types[block].head;
}

/* --- keys ------------------------------------------------------------------------------ */

/* What is shown of an object that is a key, that an edge leads to. To be freed; NULL. */
static char *text_of(const struct snapshot *s, const struct tide_edge *e)
{
	const struct tide_type *t = type_of(s, e->block);
	const struct tide_python_object *o = object_of(s, e->block);

	if (!t || !o || e->to_offset != s->block_types[e->block].head)
		return NULL;
	if (o->flags & PYTHON_VALUE_TEXT && o->value < s->python_text_count)
		return alloc_printf("%s\"%s\"", t->flags & TYPE_FLAG_STR ? "" : "b",
			snapshot_string(s, s->python_texts[o->value].text));
	if (o->flags & PYTHON_VALUE_INT)
		return alloc_printf("%" PRId64, (int64_t)o->value);
	return alloc_printf("(%s)", snapshot_string(s, t->name));
}

static char *of_keys(const struct snapshot *s, uint32_t block, uint64_t edge, const struct tide_owner *o)
{
	const struct tide_edge *e = &s->edges[edge], *k = NULL;
	const char *type = python_field_type(s, block), *label = python_field_label(s, o->owner), *known;
	uint32_t first = o->first & ~7u, stride = o->first & OWNER_HASHES ? 24 : 16;
	char *key, *text;

	if (!o->first || e->offset < first)
		return NULL;
	if ((e->offset - first) % stride != stride - 8)
		return alloc_printf("a key of %s", label ? label : type);
	/* Edges are in the order of their offsets: the key is just before its value. */
	if (edge > s->edge_starts[block] && e[-1].offset + 8 == e->offset)
		k = &e[-1];
	known = place_find(s, s->blocks[block].address + e->offset, PLACE_KEY, 0);
	key = known ? alloc_string(known) : k ? text_of(s, k) : NULL;
	if (!key)
		return alloc_printf("a value of %s", label ? label : type);
	if (!label)
		text = alloc_printf("key %s of %s", key, type);
	else if (!strncmp(label, ATTRIBUTES, strlen(ATTRIBUTES)) && *key == '"')
		text = alloc_printf(
			"attribute %.*s of %s", (int)strlen(key) - 2, key + 1, label + strlen(ATTRIBUTES));
	else
		text = alloc_printf("%s, key %s", label, key);
	free(key);
	return text;
}

/* --- attributes ------------------------------------------------------------------------ */

/* The type whose instances share the keys of a dict; 0. */
static uint64_t sharing_type(const struct snapshot *s, uint32_t dict)
{
	for (uint64_t k = s->edge_starts[dict]; k < s->edge_starts[dict + 1] && k < s->edge_count; k++) {
		const struct tide_owner *o = owner_of(s, s->edges[k].block);
		const struct tide_type *t = o && o->role == OWNER_KEYS ? type_of(s, o->owner) : NULL;

		if (t && t->flags & TYPE_FLAG_TYPE)
			return python_field_id(s, o->owner);
	}
	return 0;
}

static char *of_values(const struct snapshot *s, const struct tide_edge *e, const struct tide_owner *o)
{
	const struct tide_type *t = type_of(s, o->owner);
	const char *type = snapshot_string(s, t->name), *label = python_field_label(s, o->owner), *name;
	bool dict = t->flags & TYPE_FLAG_DICTIONARY;
	uint64_t from = dict ? sharing_type(s, o->owner) : t->address;

	if (label && !strncmp(label, ATTRIBUTES, strlen(ATTRIBUTES)))
		type = label + strlen(ATTRIBUTES);
	if (e->offset < o->first)
		return NULL;
	name = place_find(s, from, PLACE_ATTRIBUTE, (e->offset - o->first) / 8);
	return name ? alloc_printf("attribute %s of %s", name, type) : alloc_printf("attribute of %s", type);
}

static uint32_t tuple_items(const struct snapshot *s)
{
	return snapshot_python(s, "version") >> 16 >= 0x30e ? TUPLE_ITEMS_HASHED : TUPLE_ITEMS;
}

static char *of_object(const struct snapshot *s, uint32_t block, const struct tide_edge *e)
{
	const struct tide_type *t = type_of(s, block);
	const char *type = snapshot_string(s, t->name), *label = python_field_label(s, block), *name;
	uint32_t head = s->block_types[block].head, at = e->offset - head;

	if (e->offset < head)
		return t->flags & TYPE_FLAG_DICT && e->offset + 24 == head
			? alloc_printf("__dict__ of %s", type)
			: NULL;
	if (at == TYPE_WORD)
		return alloc_printf("type of %s", label ? label : type);
	name = place_find(s, t->address, PLACE_SLOT, at);
	if (name)
		return alloc_printf("%s%s of %s", t->flags & TYPE_FLAG_SLOTS ? "attribute " : "", name,
			label ? label : type);
	if (!strcmp(type, "tuple") && at >= tuple_items(s))
		return alloc_printf("element %u of tuple", (at - tuple_items(s)) / 8);
	/* Since 3.13 the values of attributes may follow the object. */
	if (t->flags & TYPE_FLAG_DICT && at >= t->basic_bytes + 8) {
		name = place_find(s, t->address, PLACE_ATTRIBUTE, (at - t->basic_bytes) / 8 - 1);
		return name ? alloc_printf("attribute %s of %s", name, type)
			    : alloc_printf("attribute of %s", type);
	}
	return NULL;
}

/* A weak reference has its referent first, and does not count it. */
static bool is_weak(const struct snapshot *s, uint32_t block, const struct tide_edge *e, const char *type)
{
	return e->flags & EDGE_UNCOUNTED && e->offset == s->block_types[block].head + WEAK_REFERENT
		&& (strstr(type, "ref") || strstr(type, "Ref") || strstr(type, "weak")
			|| strstr(type, "Proxy"));
}

char *python_field_text(const struct snapshot *s, uint32_t block, uint64_t edge)
{
	const struct tide_owner *o = owner_of(s, block);
	const struct tide_edge *e = &s->edges[edge];
	const char *type = python_field_type(s, block), *word;

	if (!type || (!o && !object_of(s, block)))
		return NULL;
	if (!o && python_field_is_link(s, block, e))
		return alloc_printf("link of gc in %s", type);
	if (!o && is_weak(s, block, e, type))
		return alloc_string("weak reference");
	word = place_find(s, s->blocks[block].address + e->offset, PLACE_WORD, 0);
	if (word)
		return alloc_string(word);
	if (e->flags & EDGE_UNCOUNTED)
		return NULL;
	if (!o)
		return of_object(s, block, e);
	switch (o->role) {
	case OWNER_ITEMS:
		return e->offset >= o->first
			? alloc_printf("element %u of %s", (e->offset - o->first) / 8, type)
			: NULL;
	case OWNER_TABLE: return alloc_printf("member of %s", type);
	case OWNER_VALUES: return of_values(s, e, o);
	case OWNER_KEYS: return of_keys(s, block, edge, o);
	case OWNER_OTHER: return alloc_printf("in %s", type);
	default: return NULL;
	}
}

void python_field_without_numbers(char *text)
{
	static const char *const numbered[] = { "element", "key" };

	for (size_t i = 0; i < sizeof(numbered) / sizeof(numbered[0]); i++) {
		size_t word = strlen(numbered[i]);
		char *of = NULL;

		if (strncmp(text, numbered[i], word) || text[word] != ' ')
			continue;
		/* A key may have these words in it, too. */
		for (char *at = text; (at = strstr(at, " of ")); at++)
			of = at;
		if (of)
			memmove(text + word, of, strlen(of) + 1);
	}
}

/* --- where paths begin ------------------------------------------------------------------ */

const char *python_field_module(const char *label)
{
	static const char dict[] = "dict of module ";

	return label && !strncmp(label, dict, strlen(dict)) ? label + strlen(dict) : NULL;
}

bool python_field_runs(const char *label) { return label && !strncmp(label, "frame ", 6); }

void python_field_starts(const struct snapshot *s, struct python_starts *to)
{
	uint64_t blocks = 0, block_room = 0, edges = 0, edge_room = 0;

	*to = (struct python_starts){ 0 };
	for (size_t i = 0; i < s->python_place_count; i++) {
		const struct tide_python_place *p = &s->python_places[i];
		const char *text = p->kind == PLACE_OBJECT ? snapshot_string(s, p->text) : "";
		const char *module = python_field_module(text);
		uint64_t block = module || python_field_runs(text)
			? snapshot_block_at(s->blocks, s->block_count, p->address)
			: SNAPSHOT_NONE;

		if (block == SNAPSHOT_NONE)
			continue;
		*ARRAY_ADD(to->block, blocks, block_room) = (uint32_t)block;
		if (module && !strcmp(module, "__main__")) {
			to->block[blocks - 1] = to->block[0];
			to->block[0] = (uint32_t)block;
		}
	}
	for (size_t i = 0; i < s->root_edge_count && s->python_place_count; i++)
		if (!(s->root_edges[i].flags & (EDGE_STALE | EDGE_UNCOUNTED))
			&& python_field_root(s, &s->root_edges[i]))
			*ARRAY_ADD(to->edge, edges, edge_room) = (uint32_t)i;
	to->blocks = (uint32_t)blocks;
	to->edges = (uint32_t)edges;
}
