/* python_qualified.c - qualified names of code objects before Python 3.11: python.h.
 *
 * Since 3.11 a code object has its qualified name. Before, who makes a function gives it the name, which is a constant of
 * the code around it; the code of a class begins by storing its own. The code around most functions, a module's or a
 * class's, is gone once it has run, and only the function object still has the name. There anyone may set it, as
 * functools.wraps does: such a name does not count, nor do two that differ.
 *
 * Sources: compiler_make_closure and compiler_class of Python/compile.c, Include/opcode.h, Include/code.h and
 * Include/cpython/code.h, Include/funcobject.h, functools.update_wrapper, each of 3.8 to 3.10.
 */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_private.h"

#define NAME_MOST 4096u
#define CODE_MOST (1u << 20) /* bytes of instructions */
#define CODE_NAMES 64u       /* co_names */
#define OP_STORE_NAME 90u
#define OP_LOAD_CONST 100u
#define OP_LOAD_NAME 101u
#define OP_MAKE_FUNCTION 132u
#define OP_EXTENDED_ARG 144u

struct named {
	uint64_t code, name; /* addresses; name 0: unknown */
	bool proved;         /* by the code that makes the function: no function object can say otherwise */
	bool torn;           /* two names */
	uint64_t content;    /* hash of name, file and first line */
};

struct names {
	struct python *p;
	struct named *named;
	uint64_t count, room;
	struct index by_code, by_content;
	char *text, *other; /* NAME_MOST bytes each */
};

static bool is_kind(struct python *p, uint64_t object, enum python_kind kind)
{
	uint32_t type = object >= 4096 && !(object & 7) && object < 1ull << 47
		? python_type_at(p, python_word(p, object + PYTHON_OBJECT_TYPE))
		: 0;

	return type && p->types[type].kind == kind;
}

static uint64_t hash_content(const char *name, const char *file, uint32_t first_line)
{
	uint64_t h = XXH3_64bits_withSeed(name, strlen(name), first_line);

	return XXH3_64bits_withSeed(file, strlen(file), h);
}

static struct named *find_named(struct names *n, uint64_t code)
{
	INDEX_EACH(&n->by_code, index_hash(code), probe)
	if (n->named[probe.number].code == code)
		return &n->named[probe.number];
	return NULL;
}

static bool is_same_text(struct names *n, uint64_t a, uint64_t b)
{
	return a == b
		|| (python_string(n->p, a, n->text, NAME_MOST) && python_string(n->p, b, n->other, NAME_MOST)
			&& !strcmp(n->text, n->other));
}

static void note_name(struct names *n, uint64_t code, uint64_t name, bool proved)
{
	struct named *to = find_named(n, code);

	if (!to || !is_kind(n->p, name, KIND_STR) || (to->proved && !proved))
		return;
	if (!to->name || (proved && !to->proved)) {
		to->name = name;
		to->torn = false;
	} else if (!is_same_text(n, to->name, name)) {
		to->torn = true;
	}
	to->proved = proved;
}

/* --- what code says -------------------------------------------------------------------- */

static uint64_t item_of(struct python *p, uint64_t tuple, uint64_t i)
{
	return is_kind(p, tuple, KIND_TUPLE) && i < python_word(p, tuple + PYTHON_VAR_SIZE)
		? python_word(p, tuple + p->layout->tuple.items + i * 8)
		: 0;
}

static bool is_text(struct names *n, uint64_t string, const char *wanted)
{
	return python_string(n->p, string, n->text, NAME_MOST) && !strcmp(n->text, wanted);
}

/* A class begins: __module__ = __name__; __qualname__ = the first constant. */
static bool is_class(struct names *n, uint64_t code, const uint8_t *op, uint64_t bytes)
{
	static const uint8_t start[] = { OP_LOAD_NAME, 0, OP_STORE_NAME, 1, OP_LOAD_CONST, 0, OP_STORE_NAME,
		2 };
	uint64_t names = python_word(n->p, code + CODE_NAMES);

	return bytes >= sizeof(start) && !memcmp(op, start, sizeof(start))
		&& is_text(n, item_of(n->p, names, 1), "__module__")
		&& is_text(n, item_of(n->p, names, 2), "__qualname__");
}

/* A function is made of two constants that are loaded one after the other: its code and its name. A class's name is
 * not a qualified one there. */
static void read_code(struct names *n, uint64_t code, const uint8_t *op, uint64_t bytes)
{
	uint64_t constants = python_word(n->p, code + n->p->layout->code.constants), loaded[2] = { 0 };
	uint32_t argument = 0, made;

	if (is_class(n, code, op, bytes))
		note_name(n, code, item_of(n->p, constants, 0), true);
	for (uint64_t i = 0; i + 1 < bytes; i += 2) {
		argument = argument << 8 | op[i + 1];
		if (op[i] == OP_EXTENDED_ARG)
			continue;
		if (op[i] == OP_MAKE_FUNCTION && loaded[0] && loaded[1]) {
			made = python_u32(n->p, loaded[0] + n->p->layout->code.flags);
			if (is_kind(n->p, loaded[0], KIND_CODE) && made & 1) /* CO_OPTIMIZED: not a class */
				note_name(n, loaded[0], loaded[1], true);
		}
		loaded[0] = op[i] == OP_LOAD_CONST ? loaded[1] : 0;
		loaded[1] = op[i] == OP_LOAD_CONST ? item_of(n->p, constants, argument) : 0;
		argument = 0;
	}
}

static void name_made(struct names *n, uint64_t code)
{
	uint64_t instructions = python_word(n->p, code + n->p->layout->code.code);
	uint64_t bytes = is_kind(n->p, instructions, KIND_BYTES)
		? python_word(n->p, instructions + PYTHON_VAR_SIZE)
		: 0;
	uint8_t *op;

	if (!bytes || bytes > CODE_MOST)
		return;
	op = alloc_bytes(bytes);
	python_read(n->p, instructions + PYTHON_BYTES_DATA, op, bytes);
	read_code(n, code, op, bytes);
	free(op);
}

/* --- what function objects say --------------------------------------------------------- */

static bool is_wrapper(struct names *n, uint64_t dict)
{
	struct python_dict d;

	if (!dict || !python_dict_open(n->p, dict, &d))
		return false;
	for (uint64_t i = 0; i < d.count; i++) {
		uint64_t key, value;

		python_dict_entry(n->p, &d, i, &key, &value);
		if (key && is_text(n, key, "__wrapped__"))
			return true;
	}
	return false;
}

/* Does it end with the name of the code, "f" or "….f"? */
static bool ends_with(struct names *n, uint64_t name, uint64_t last)
{
	size_t whole, part;

	if (!python_string(n->p, name, n->text, NAME_MOST) || !python_string(n->p, last, n->other, NAME_MOST))
		return false;
	whole = strlen(n->text), part = strlen(n->other);
	return whole >= part && !strcmp(n->text + whole - part, n->other)
		&& (whole == part || n->text[whole - part - 1] == '.');
}

static void name_function(struct names *n, uint64_t function)
{
	bool old = n->p->minor <= 9;
	uint64_t code = python_word(n->p, function + (old ? 16 : 48)),
		 dict = python_word(n->p, function + (old ? 72 : 88)),
		 name = python_word(n->p, function + (old ? 104 : 40));

	if (is_kind(n->p, code, KIND_CODE)
		&& ends_with(n, name, python_word(n->p, code + n->p->layout->code.name))
		&& !is_wrapper(n, dict))
		note_name(n, code, name, false);
}

/* --- all of it ------------------------------------------------------------------------- */

static void add_code(struct names *n, uint64_t code)
{
	const struct python_layout *l = n->p->layout;
	struct named *to = ARRAY_ADD(n->named, n->count, n->room);

	*to = (struct named){ .code = code };
	if (python_string(n->p, python_word(n->p, code + l->code.name), n->text, NAME_MOST)
		&& python_string(n->p, python_word(n->p, code + l->code.filename), n->other, NAME_MOST))
		to->content = hash_content(n->text, n->other, python_u32(n->p, code + l->code.first_line));
	index_add(&n->by_code, index_hash(code), (uint32_t)(n->count - 1));
	index_add(&n->by_content, to->content, (uint32_t)(n->count - 1));
}

static void each_object(
	struct names *n, enum python_kind kind, void (*visit)(struct names *n, uint64_t object))
{
	for (uint64_t i = 0; i < n->p->block_count; i++)
		if (n->p->slot[i].role == ROLE_OBJECT && n->p->types[n->p->slot[i].type].kind == kind)
			visit(n, python_object(n->p, (uint32_t)i));
}

/* The name that all live code objects of this content have; 0: they do not agree, or there are none. */
static uint64_t name_of_all(struct names *n, uint64_t content)
{
	uint64_t name = 0;

	INDEX_EACH(&n->by_content, content, probe)
	{
		const struct named *one = &n->named[probe.number];

		if (one->content != content)
			continue;
		if (!one->name || one->torn || (name && !is_same_text(n, name, one->name)))
			return 0;
		name = one->name;
	}
	return name;
}

/* Code that was not told apart from other code: of functions without a name of their own, several may begin in one
 * line; of those with one, two that differ may only come from text that was not read from a file. */
static uint64_t name_of(struct names *n, const struct python_code *c)
{
	uint64_t content = hash_content(c->name, c->file, c->first_line);
	const struct named *one = find_named(n, c->address);

	if (c->shared)
		return *c->name == '<' ? 0 : name_of_all(n, content);
	return one && one->content == content && !one->torn ? one->name : 0;
}

void python_qualify(struct python *p, struct python_code *code, uint64_t count)
{
	struct names n = { .p = p };

	if (!p->layout || p->layout->code.qualname != PYTHON_ABSENT)
		return;
	n.text = alloc_bytes(NAME_MOST);
	n.other = alloc_bytes(NAME_MOST);
	each_object(&n, KIND_CODE, add_code);
	each_object(&n, KIND_CODE, name_made);
	each_object(&n, KIND_FUNCTION, name_function);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t name = *code[i].name ? name_of(&n, &code[i]) : 0;

		if (!strcmp(code[i].name, "<module>")) /* nothing is around it */
			code[i].qualified = alloc_string(code[i].name);
		else if (name && python_string(p, name, n.text, NAME_MOST))
			code[i].qualified = alloc_string(n.text);
	}
	index_free(&n.by_code);
	index_free(&n.by_content);
	free(n.named);
	free(n.text);
	free(n.other);
}
