/* python_places.c - Python's names for objects and words: python_private.h.
 *
 * Only what the snapshot's references do not show by themselves: names of modules, functions and classes and
 * which dict belongs to them, variables of closures, slots, and keys that lie in no block. Sources: the
 * structures in Include/cpython and Objects/moduleobject.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "python_private.h"

#define NAME_MOST 160u
#define KEY_SHOWN 64u /* characters of a key */
#define SLOTS_MOST 4096u
#define BASES_MOST 16u
#define MODULE_DICT 16u
#define LOCAL_DUMMY_DICT 16u
#define MODULE_NAME 48u
#define CELL_CONTENT 16u
#define MEMBER_DEFINITION 40u /* PyMemberDescrObject.d_member: name, type, offset */
#define MEMBER_OBJECT 6u
#define MEMBER_OBJECT_EX 16u

static enum python_kind kind_at(struct python *p, uint64_t object)
{
	uint32_t type = object >= 4096 && !(object & 7)
		? python_type_at(p, python_word(p, object + PYTHON_OBJECT_TYPE))
		: 0;

	return type ? p->types[type].kind : KIND_OTHER;
}

static void name_module(struct python *p, struct python_places *l, uint64_t module)
{
	char name[NAME_MOST];

	if (!python_string(p, python_word(p, module + MODULE_NAME), name, sizeof(name)))
		return;
	python_places_add(l, module, PLACE_OBJECT, 0, "module %s", name);
	python_places_add(
		l, python_word(p, module + MODULE_DICT), PLACE_OBJECT, 0, "dict of module %s", name);
}

/* --- functions ------------------------------------------------------------------------ */

/* PyFunctionObject: Include/cpython/funcobject.h. */
struct function {
	uint64_t object, code, defaults, keyword_defaults, closure;
	char name[NAME_MOST];
};

static bool function_read(struct python *p, uint64_t at, struct function *f)
{
	bool old = p->minor <= 9;

	*f = (struct function){ .object = at,
		.code = python_word(p, at + (old ? 16 : 48)),
		.defaults = python_word(p, at + (old ? 32 : 56)),
		.keyword_defaults = python_word(p, at + (old ? 40 : 64)),
		.closure = python_word(p, at + (old ? 48 : 72)) };
	return kind_at(p, f->code) == KIND_CODE
		&& python_string(p, python_word(p, at + (old ? 104 : 40)), f->name, sizeof(f->name));
}

static uint64_t items_of(struct python *p, uint64_t tuple)
{
	uint64_t n = kind_at(p, tuple) == KIND_TUPLE ? python_word(p, tuple + PYTHON_VAR_SIZE) : 0;

	return n < SLOTS_MOST ? n : 0;
}

static void name_closure(struct python *p, struct python_places *l, const struct function *f)
{
	uint64_t n = items_of(p, f->closure), all = python_locals_count(p, f->code);
	char name[NAME_MOST];

	for (uint64_t i = 0; i < n && n <= all; i++) {
		uint64_t word = f->closure + p->layout->tuple.items + i * 8;

		python_locals_name(p, f->code, all - n + i, name, sizeof(name));
		python_places_add(
			l, word, PLACE_WORD, 0, "closure of function %s, variable %s", f->name, name);
		python_places_add(l, python_word(p, word) + CELL_CONTENT, PLACE_WORD, 0,
			"closure of function %s, variable %s", f->name, name);
	}
}

static void name_defaults(struct python *p, struct python_places *l, const struct function *f)
{
	const struct python_layout *layout = p->layout;
	uint64_t n = items_of(p, f->defaults);
	uint64_t arguments = python_u32(p, f->code + (p->minor <= 10 ? 16u : layout->code.first_line - 16u));
	char name[NAME_MOST];

	for (uint64_t i = 0; i < n && n <= arguments; i++) {
		python_locals_name(p, f->code, arguments - n + i, name, sizeof(name));
		python_places_add(l, f->defaults + p->layout->tuple.items + i * 8, PLACE_WORD, 0,
			"default argument %s of function %s", name, f->name);
	}
	if (f->keyword_defaults)
		python_places_add(
			l, f->keyword_defaults, PLACE_OBJECT, 0, "default arguments of function %s", f->name);
}

static void name_function(struct python *p, struct python_places *l, uint64_t object)
{
	struct function f;

	if (!function_read(p, object, &f))
		return;
	python_places_add(l, object, PLACE_OBJECT, 0, "function %s", f.name);
	name_closure(p, l, &f);
	name_defaults(p, l, &f);
}

/* --- classes -------------------------------------------------------------------------- */

/* Words of the interpreter's own types that have a name in Python. */
static const struct {
	const char *type;
	uint16_t offset;
	uint8_t since, until; /* minor versions; 0 any */
	const char *name;
} members[] = {
	{ "function", 16, 0, 9, "__code__" },
	{ "function", 24, 0, 9, "__globals__" },
	{ "function", 32, 0, 9, "__defaults__" },
	{ "function", 40, 0, 9, "__kwdefaults__" },
	{ "function", 48, 0, 9, "__closure__" },
	{ "function", 72, 0, 9, "__dict__" },
	{ "function", 16, 10, 0, "__globals__" },
	{ "function", 48, 10, 0, "__code__" },
	{ "function", 56, 10, 0, "__defaults__" },
	{ "function", 64, 10, 0, "__kwdefaults__" },
	{ "function", 72, 10, 0, "__closure__" },
	{ "function", 88, 10, 0, "__dict__" },
	{ "method", 16, 0, 0, "__func__" },
	{ "method", 24, 0, 0, "__self__" },
	{ "builtin_function_or_method", 24, 0, 0, "__self__" },
	{ "module", 16, 0, 0, "__dict__" },
	{ "type", 256, 0, 0, "__base__" },
	{ "type", 264, 0, 0, "__dict__" },
	{ "type", 336, 0, 0, "__bases__" },
	{ "type", 344, 0, 0, "__mro__" },
	{ "cell", 16, 0, 0, "cell_contents" },
	{ "traceback", 16, 0, 0, "tb_next" },
	{ "traceback", 24, 0, 0, "tb_frame" },
	{ "frame", 24, 0, 10, "f_back" },
	{ "frame", 16, 11, 0, "f_back" },
	{ "generator", 16, 0, 10, "gi_frame" },
	{ "coroutine", 16, 0, 10, "cr_frame" },
	{ "property", 16, 0, 0, "fget" },
	{ "property", 24, 0, 0, "fset" },
	{ "property", 32, 0, 0, "fdel" },
	{ "ndarray", 48, 0, 0, "base" },
	{ "ndarray", 56, 0, 0, "dtype" },
	{ "_lru_cache_wrapper", 72, 0, 0, "cache" },
	{ "_lru_cache_wrapper", 88, 0, 0, "__wrapped__" },
	{ "_lru_list_elem", 40, 0, 0, "key" },
	{ "_lru_list_elem", 48, 0, 0, "result" },
	{ "weakref", 24, 0, 0, "callback" },
	{ "ReferenceType", 24, 0, 0, "callback" },
	{ "KeyedRef", 24, 0, 0, "callback" },
};

static void name_members(struct python *p, struct python_places *l, const struct python_type *t)
{
	unsigned minor = p->minor, first = minor >= 11 ? 40 : 32;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (!strcmp(members[i].type, t->name) && minor >= members[i].since
			&& (!members[i].until || minor <= members[i].until))
			python_places_add(
				l, t->address, PLACE_SLOT, members[i].offset, "%s", members[i].name);
	if (t->heap && t->dict_offset > 0)
		python_places_add(l, t->address, PLACE_SLOT, (uint64_t)t->dict_offset, "__dict__");
	if (!(t->flags & TYPE_EXCEPTION))
		return;
	python_places_add(l, t->address, PLACE_SLOT, 16, "__dict__");
	python_places_add(l, t->address, PLACE_SLOT, 24, "args");
	python_places_add(l, t->address, PLACE_SLOT, first, "__traceback__");
	python_places_add(l, t->address, PLACE_SLOT, first + 8, "__context__");
	python_places_add(l, t->address, PLACE_SLOT, first + 16, "__cause__");
}

/* Slots, and members of C structures that are objects; `dict` belongs to the type or one of its bases. */
static void name_slots(struct python *p, struct python_places *l, uint64_t type_address, uint64_t dict)
{
	struct python_dict d;

	if (!python_dict_open(p, dict, &d))
		return;
	for (uint64_t i = 0; i < d.count && i < SLOTS_MOST; i++) {
		uint64_t key, value, member, kind;
		char name[NAME_MOST];
		uint32_t type;

		python_dict_entry(p, &d, i, &key, &value);
		type = key && value ? python_type_at(p, python_word(p, value + PYTHON_OBJECT_TYPE)) : 0;
		if (!type || strcmp(p->types[type].name, "member_descriptor") != 0)
			continue;
		member = python_word(p, value + MEMBER_DEFINITION);
		kind = python_u32(p, member + 8);
		if ((kind == MEMBER_OBJECT || kind == MEMBER_OBJECT_EX)
			&& python_string(p, key, name, sizeof(name)))
			python_places_add(
				l, type_address, PLACE_SLOT, python_word(p, member + 16), "%s", name);
	}
}

static void name_attributes(struct python *p, struct python_places *l, const struct python_type *t)
{
	struct python_dict d;

	if (!t->heap || !python_dict_keys(p, python_word(p, t->address + p->layout->type.cached_keys), &d))
		return;
	for (uint64_t i = 0; i < d.count && i < SLOTS_MOST; i++) {
		char name[NAME_MOST];
		uint64_t key = python_word(p, d.entries + i * d.stride + d.key);

		if (key && python_string(p, key, name, sizeof(name)))
			python_places_add(l, t->address, PLACE_ATTRIBUTE, i, "%s", name);
	}
}

static void name_types(struct python *p, struct python_places *l)
{

	/* Classes without instances are not known yet. */
	for (uint32_t i = 0; i < p->block_count; i++)
		if (p->slot[i].role == ROLE_OBJECT && p->types[p->slot[i].type].kind == KIND_TYPE)
			python_type_at(p, python_object(p, i));
	for (uint32_t i = 1; i < p->type_count; i++) {
		/* Names may lead to more types, which moves all of them. */
		const struct python_type copy = p->types[i], *t = &copy;
		uint64_t dict = python_word(p, t->address + PYTHON_TYPE_DICT), at = t->address;

		python_places_add(l, t->address, PLACE_OBJECT, 0, "class %s", t->name);
		if (dict)
			python_places_add(l, dict, PLACE_OBJECT, 0, "dict of class %s", t->name);
		name_members(p, l, t);
		for (unsigned base = 0; base < BASES_MOST && at >= 4096 && !(at & 7) && at < 1ull << 47;
			base++) {
			name_slots(p, l, t->address, python_word(p, at + PYTHON_TYPE_DICT));
			at = python_word(p, at + PYTHON_TYPE_BASE);
		}
		name_attributes(p, l, t);
	}
}

/* --- dicts ---------------------------------------------------------------------------- */

/* The dict of an instance that has one of its own. */
static void name_instance_dict(struct python *p, struct python_places *l, uint32_t block)
{
	const struct python_type copy = p->types[p->slot[block].type], *t = &copy;
	uint64_t object = python_object(p, block), dict;

	/* Modules/_threadmodule.c: what one thread keeps in a threading.local. */
	if (p->minor <= 12 && !strcmp(t->name, "_localdummy")) {
		dict = python_word(p, object + LOCAL_DUMMY_DICT);
		if (kind_at(p, dict) == KIND_DICT)
			python_places_add(l, dict, PLACE_OBJECT, 0, "attributes of thread-local");
		return;
	}
	if (p->minor >= 11 && t->flags & TYPE_MANAGED_DICT)
		dict = python_word(p, object - 24);
	else if (t->dict_offset > 0)
		dict = python_word(p, object + (uint64_t)t->dict_offset);
	else
		return;
	if (!(dict & 7) && kind_at(p, dict) == KIND_DICT)
		python_places_add(l, dict, PLACE_OBJECT, 0, "attributes of %s", t->name);
}

static void name_key(struct python *p, struct python_places *l, uint64_t word, uint64_t key)
{
	char text[KEY_SHOWN];
	int64_t size;

	switch (kind_at(p, key)) {
	case KIND_STR:
		if (python_string(p, key, text, sizeof(text)))
			python_places_add(l, word, PLACE_KEY, 0, "\"%s\"", text);
		break;
	case KIND_INT: /* one of the small ones: it has at most one digit */
		size = (int64_t)python_word(p, key + PYTHON_VAR_SIZE);
		if (p->minor >= 12)
			size = (size & 3) == 1 ? 0 : (size & 3) == 2 ? -(size >> 3) : size >> 3;
		if (size >= -1 && size <= 1)
			python_places_add(l, word, PLACE_KEY, 0, "%" PRId64,
				size * (int64_t)python_u32(p, key + PYTHON_LONG_DIGITS));
		break;
	default: break;
	}
}

/* Modules/_threadmodule.c: since 3.13 a threading.local has a dict from one object of this type a thread to what that
 * thread keeps in it. 0: there is none. */
static uint32_t find_local_dummy(const struct python *p)
{
	for (uint32_t i = 1; p->minor >= 13 && i < p->type_count; i++)
		if (!strcmp(p->types[i].name, "_localdummy"))
			return i;
	return 0;
}

static void name_locals(struct python *p, struct python_places *l, uint32_t dummy, uint32_t block)
{
	struct python_dict d;

	if (!python_dict_keys(p, p->blocks[block].address + p->slot[block].head, &d)
		|| d.entries + d.count * d.stride > p->blocks[block].address + p->blocks[block].bytes)
		return;
	for (uint64_t i = 0; i < d.count; i++) {
		uint64_t key, value;
		uint32_t object;

		python_dict_entry(p, &d, i, &key, &value);
		object = key ? python_object_at(p, key) : PYTHON_NONE;
		if (object != PYTHON_NONE && p->slot[object].type == dummy && kind_at(p, value) == KIND_DICT)
			python_places_add(l, value, PLACE_OBJECT, 0, "attributes of thread-local");
	}
}

/* Strings that the interpreter has in its own data, and small ints, are in no block. */
static void name_keys(struct python *p, struct python_places *l, uint32_t block)
{
	const struct tide_block *b = &p->blocks[block];
	struct python_dict d;

	if (!python_dict_keys(p, b->address + p->slot[block].head, &d)
		|| d.entries + d.count * d.stride > b->address + b->bytes)
		return;
	for (uint64_t i = 0; i < d.count; i++) {
		uint64_t key, value, entry = d.entries + i * d.stride;

		python_dict_entry(p, &d, i, &key, &value);
		if (key && python_object_at(p, value) != PYTHON_NONE
			&& python_object_at(p, key) == PYTHON_NONE)
			name_key(p, l, entry + d.value, key);
	}
}

void python_places_write(struct python *p, struct snapshot_writer *w)
{
	struct python_places *l = python_places_new(w);
	uint32_t dummy;

	python_locals_running(p, l);
	name_types(p, l);
	dummy = find_local_dummy(p);
	for (uint32_t i = 0; i < p->block_count; i++) {
		const struct python_slot *s = &p->slot[i];

		if (s->role == ROLE_DICT_KEYS && !p->no_contents)
			name_keys(p, l, i);
		if (s->role == ROLE_DICT_KEYS && dummy)
			name_locals(p, l, dummy, i);
		if (s->role != ROLE_OBJECT)
			continue;
		switch (p->types[s->type].kind) {
		case KIND_MODULE: name_module(p, l, python_object(p, i)); break;
		case KIND_FUNCTION: name_function(p, l, python_object(p, i)); break;
		case KIND_FRAME:
		case KIND_GENERATOR: python_locals_object(p, l, i); break;
		case KIND_OTHER: name_instance_dict(p, l, i); break;
		default: break;
		}
	}
	python_places_end(l);
}
