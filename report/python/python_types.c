/* python_types.c - type objects: python_private.h.
 *
 * An object is recognised by its type, and a type by the types of types: type itself, whose address is
 * known, or a subclass of it. Names of Python's kinds are those of Objects and Modules.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_private.h"

#define TYPE_READ_BYTES 416u /* how much of a type object is read */
#define NAME_MOST 256u
#define METATYPES 4u
#define BASES 64u
#define REFUSED (1u << 16)
#define TYPES_MOST (1u << 20)

static uint64_t word_of(const char *type, unsigned offset)
{
	uint64_t word;

	memcpy(&word, type + offset, sizeof(word));
	return word;
}

/* Is the object at this address a type? Its type is type, or a type whose flags say so. */
static bool is_metatype(struct python *p, uint64_t address)
{
	for (unsigned i = 0; i < METATYPES; i++) {
		if (address == p->type_type)
			return true;
		if (address < 4096 || address & 7 || address >= 1ull << 47
			|| !(python_word(p, address + PYTHON_TYPE_FLAGS) & TYPE_TYPE))
			return false;
		address = python_word(p, address + PYTHON_OBJECT_TYPE);
	}
	return false;
}

static bool is_name_sound(const char *name)
{
	for (; *name; name++)
		if ((unsigned char)*name < 0x20)
			return false;
	return true;
}

static const struct {
	const char *name;
	enum python_kind kind;
} kinds[] = {
	{ "float", KIND_FLOAT },
	{ "bytearray", KIND_BYTEARRAY },
	{ "array.array", KIND_ARRAY },
	{ "numpy.ndarray", KIND_NDARRAY },
	{ "collections.deque", KIND_DEQUE },
	{ "set", KIND_SET },
	{ "frozenset", KIND_SET },
	{ "code", KIND_CODE },
	{ "frame", KIND_FRAME },
	{ "generator", KIND_GENERATOR },
	{ "coroutine", KIND_GENERATOR },
	{ "async_generator", KIND_GENERATOR },
	{ "weakref", KIND_WEAKREF },
	{ "weakref.ReferenceType", KIND_WEAKREF },
	{ "weakproxy", KIND_WEAKREF },
	{ "weakref.ProxyType", KIND_WEAKREF },
	{ "weakcallableproxy", KIND_WEAKREF },
	{ "weakref.CallableProxyType", KIND_WEAKREF },
	{ "functools._lru_list_elem", KIND_CACHE_LINK },
	{ "functools._lru_cache_wrapper", KIND_CACHE_LINK },
	{ "module", KIND_MODULE },
	{ "memoryview", KIND_MEMORYVIEW },
	{ "ContextVar", KIND_CONTEXT_VARIABLE },
	{ "_contextvars.ContextVar", KIND_CONTEXT_VARIABLE },
	{ "function", KIND_FUNCTION },
	{ "cell", KIND_CELL },
};

static enum python_kind kind_of_name(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].kind;
	return KIND_OTHER;
}

static enum python_kind kind_of_flags(uint64_t flags)
{
	return flags & TYPE_INT      ? KIND_INT
		: flags & TYPE_STR   ? KIND_STR
		: flags & TYPE_BYTES ? KIND_BYTES
		: flags & TYPE_LIST  ? KIND_LIST
		: flags & TYPE_TUPLE ? KIND_TUPLE
		: flags & TYPE_DICT  ? KIND_DICT
		: flags & TYPE_TYPE  ? KIND_TYPE
				     : KIND_OTHER;
}

/* The kind of the type, or of its nearest base, by a name known here. Classes written in Python never
 * match. */
static enum python_kind find_kind(struct python *p, const char *type)
{
	enum python_kind kind = kind_of_flags(word_of(type, PYTHON_TYPE_FLAGS));
	char name[NAME_MOST];
	uint64_t flags = word_of(type, PYTHON_TYPE_FLAGS), base = word_of(type, PYTHON_TYPE_BASE);
	uint64_t name_at = word_of(type, PYTHON_TYPE_NAME);

	for (unsigned i = 0; i < BASES && kind == KIND_OTHER && name_at; i++) {
		python_text(p, name_at, name, sizeof(name));
		/* Types made from a specification are heap types, too, but their names include a module. */
		if (!(flags & TYPE_HEAP) || strchr(name, '.'))
			kind = kind_of_name(name);
		if (base < 4096 || base & 7 || !is_metatype(p, python_word(p, base + PYTHON_OBJECT_TYPE)))
			break;
		name_at = python_word(p, base + PYTHON_TYPE_NAME);
		flags = python_word(p, base + PYTHON_TYPE_FLAGS);
		base = python_word(p, base + PYTHON_TYPE_BASE);
	}
	return kind;
}

static void read_type_name(struct python_type *t, const char *full)
{
	const char *dot = strrchr(full, '.');

	t->name = alloc_string(dot ? dot + 1 : full);
	t->module = dot   ? alloc_printf("%.*s", (int)(dot - full), full)
		: t->heap ? NULL
			  : alloc_string("builtins");
}

/* Up to 3.9 the links of lru_cache have a type that PyType_Ready never sees (Modules/_functoolsmodule.c). */
static bool is_link_of_cache(const char *name) { return !strcmp(name, "functools._lru_list_elem"); }

/* Adds the type at an address if there is one. */
static uint32_t read_type(struct python *p, uint64_t address)
{
	struct python_type *t;
	char type[TYPE_READ_BYTES], name[NAME_MOST];
	uint64_t flags;
	bool managed;

	python_read(p, address, type, sizeof(type));
	flags = word_of(type, PYTHON_TYPE_FLAGS);
	if ((!(flags & TYPE_READY) && word_of(type, PYTHON_OBJECT_TYPE) != p->type_type)
		|| p->type_count >= TYPES_MOST || !is_metatype(p, word_of(type, PYTHON_OBJECT_TYPE))
		|| (int64_t)word_of(type, PYTHON_TYPE_BASICSIZE) < 16
		|| word_of(type, PYTHON_TYPE_BASICSIZE) > 1 << 20
		|| word_of(type, PYTHON_TYPE_ITEMSIZE) > 1 << 20)
		return 0;
	python_text(p, word_of(type, PYTHON_TYPE_NAME), name, sizeof(name));
	if (!*name || !is_name_sound(name) || (!(flags & TYPE_READY) && !is_link_of_cache(name)))
		return 0;
	if (!p->type_count)
		memset(ARRAY_ADD(p->types, p->type_count, p->type_room), 0, sizeof(*t));
	t = ARRAY_ADD(p->types, p->type_count, p->type_room);
	*t = (struct python_type){ .address = address,
		.flags = flags,
		.basic_bytes = (int64_t)word_of(type, PYTHON_TYPE_BASICSIZE),
		.item_bytes = (int64_t)word_of(type, PYTHON_TYPE_ITEMSIZE),
		.dict_offset = (int64_t)word_of(type, PYTHON_TYPE_DICTOFFSET),
		.weak_offset = (int64_t)word_of(type, PYTHON_TYPE_WEAKLIST),
		.heap = flags & TYPE_HEAP,
		.kind = find_kind(p, type) };
	managed = p->minor >= 12 ? flags & (TYPE_MANAGED_DICT | TYPE_MANAGED_WEAKREF)
		: p->minor == 11 ? flags & TYPE_MANAGED_DICT
				 : false;
	t->head = (flags & TYPE_GC ? PYTHON_GC_HEAD : 0) + (managed ? 16 : 0);
	read_type_name(t, name);
	index_add(&p->type_index, index_hash(address), p->type_count - 1);
	return p->type_count - 1;
}

uint32_t python_type_at(struct python *p, uint64_t address)
{
	uint64_t *refused;
	uint32_t type;

	if (address < 4096 || address & 7 || address >= 1ull << 47)
		return 0;
	INDEX_EACH(&p->type_index, index_hash(address), probe)
	if (p->types[probe.number].address == address)
		return probe.number;
	if (!p->refused)
		p->refused = alloc_zeroed(REFUSED, sizeof(*p->refused));
	refused = &p->refused[index_hash(address) & (REFUSED - 1)];
	if (*refused == address)
		return 0;
	type = read_type(p, address);
	if (!type)
		*refused = address;
	return type;
}

void python_types_free(struct python *p)
{
	for (uint32_t i = 0; i < p->type_count; i++) {
		free(p->types[i].name);
		free(p->types[i].module);
	}
	free(p->types);
	free(p->refused);
	index_free(&p->type_index);
}
