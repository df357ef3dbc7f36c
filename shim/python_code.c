/* python_code.c - code objects of CPython: names and lines; see python.h.
 *
 * Two tables in memory of our own: address of a live code object → number, and hash of its content →
 * number. Code that is created again and again, as by eval() in a loop, keeps one number, so
 * sites that pass through it stay the same.
 *
 * PY5  A name is copied when a frame of the code is first seen, at most NAME_MOST bytes. A string or a
 *     code object whose count is zero is being freed, and is not read.
 * PY6  Everything is done under the lock of python_site.c, which the caller
 *     holds.
 *
 * Sources: Objects/lnotab_notes.txt (3.8, 3.9, 3.10), Objects/locations.md (3.11 and later), PEP 626, PEP 393.
 */
#include "memory.h"
#include "python.h"
#include "python_lines.h"
#include "python_private.h"
#include "site.h"
#include "table.h"

uint32_t python_code_ends[1u << PYTHON_CODE_ENDS_BITS];
uint32_t python_code_ends_all;
uint8_t python_code_filter[1u << PYTHON_CODE_FILTER_BITS];

#define NAME_MOST 4096u
#define FILTER_FULL UINT8_MAX /* saturated: the number is no longer known */
#define GONE 1u               /* a removed entry: a search continues past it */

struct entry {
	uint64_t key; /* address or hash; 0: free */
	uint32_t number, spare;
};
struct index {
	struct entry *entry;
	uint64_t mask, used; /* entries that are not free */
};
static struct index by_address, by_content, by_string;

static uint64_t start_of(const struct index *x, uint64_t key)
{
	return (key >> 4) * MIX_GOLDEN >> 20 & x->mask;
}

static struct entry *find_entry(const struct index *x, uint64_t key)
{
	if (!x->entry)
		return NULL;
	for (uint64_t i = start_of(x, key); x->entry[i].key; i = (i + 1) & x->mask)
		if (x->entry[i].key == key)
			return &x->entry[i];
	return NULL;
}

static bool put_entry(struct index *x, uint64_t key, uint32_t number)
{
	if (!x->entry || (x->used + 1) * 2 > x->mask + 1) {
		struct index old = *x;
		uint64_t live = 0;
		for (uint64_t i = 0; old.entry && i <= old.mask; i++)
			live += old.entry[i].key > GONE;
		uint64_t room = 1024;
		while (room < live * 4)
			room *= 2;
		struct entry *fresh = memory_map(room * sizeof *fresh, 0);
		if (!fresh)
			return false;
		*x = (struct index){ fresh, room - 1, 0 };
		for (uint64_t i = 0; old.entry && i <= old.mask; i++)
			if (old.entry[i].key > GONE)
				put_entry(x, old.entry[i].key, old.entry[i].number);
		if (old.entry)
			memory_unmap(old.entry, (old.mask + 1) * sizeof *fresh);
	}
	uint64_t i = start_of(x, key);
	while (x->entry[i].key > GONE)
		i = (i + 1) & x->mask;
	x->used += !x->entry[i].key;
	x->entry[i] = (struct entry){ .key = key, .number = number };
	return true;
}

static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t count)
{
	const uint8_t *p = bytes;
	for (size_t i = 0; i < count; i++)
		h = (h ^ p[i]) * MIX_FNV;
	return h;
}

/* --- text ---------------------------------------------------------------------------- */

static bool is_alive(uintptr_t object, uintptr_t type)
{
	return object >= LEDGER_PAGE && !(object & 7) && python_is_held(python.layout, object)
		&& python_word(object, python_type_offset(python.layout)) == type;
}

/* Bits of state in PyASCIIObject, the same from 3.8 to 3.13: interned 2, kind 3, compact 1, ascii 1. */
static unsigned read_kind(uint32_t bits) { return bits >> 2 & 7; }
static bool read_compact(uint32_t bits) { return bits >> 5 & 1; }
static bool read_ascii(uint32_t bits) { return bits >> 6 & 1; }

/* Writes one character as UTF-8; a surrogate that represents a byte that could not be decoded (PEP
 * 383) is written as that byte. */
static unsigned put_character(char *to, uint32_t c)
{
	if (c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (c >= 0xdc80 && c <= 0xdcff) {
		to[0] = (char)(c - 0xdc00);
		return 1;
	}
	unsigned more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
	static const uint8_t head[] = { 0, 0xc0, 0xe0, 0xf0 };
	for (unsigned i = more; i; i--, c >>= 6)
		to[i] = (char)(0x80 | (c & 0x3f));
	to[0] = (char)(head[more] | c);
	return more + 1;
}

/* Where the strings of a program that names nothing point: compile(text, "", "exec"). */
#define NO_TEXT 0u

/* A str as a string of the ledger; false if it cannot be read. */
static bool read_text(uintptr_t string, uint32_t *index)
{
	static char text[NAME_MOST + 8];
	*index = NO_TEXT;
	if (!is_alive(string, python.string_type))
		return false;
	const struct python_layout *l = python.layout;
	uint32_t bits = python_string_bits(l, *(const uint32_t *)(string + PYTHON_STRING_STATE + l->wider));
	size_t length = python_word(string, PYTHON_STRING_LENGTH + l->wider), bytes = 0;
	unsigned kind = read_kind(bits);
	if (!read_compact(bits) || (kind != 1 && kind != 2 && kind != 4))
		return false;
	if (!length)
		return true;
	uintptr_t at = string + (read_ascii(bits) ? l->string.ascii : l->string.compact);
	for (size_t i = 0; i < length && bytes < NAME_MOST; i++) {
		uint32_t c = kind == 1 ? ((const uint8_t *)at)[i]
			: kind == 2    ? ((const uint16_t *)at)[i]
				       : ((const uint32_t *)at)[i];
		bytes += put_character(text + bytes, c ? c : '?');
	}
	text[bytes] = 0;
	uint64_t hash = site_mix(hash_bytes(MIX_FNV_START, text, bytes)) | 2;
	const struct entry *have = find_entry(&by_string, hash);
	*index = have ? have->number : table_string(text);
	if (!have && *index)
		put_entry(&by_string, hash, *index);
	return *index != NO_TEXT;
}

/* --- code ---------------------------------------------------------------------------- */

static const uint8_t *read_line_table(uintptr_t code, size_t *bytes)
{
	uintptr_t table = python_word(code, python.layout->code.line_table);
	*bytes = python_word(table, python_size_offset(python.layout));
	return (const uint8_t *)table + PYTHON_BYTES_DATA + python.layout->wider;
}

static uint32_t make_code(uintptr_t code, uint32_t interpreter)
{
	const struct python_layout *l = python.layout;
	struct ledger_code c = { .first_line = *(const uint32_t *)(code + l->code.first_line),
		.interpreter = interpreter };
	if (!read_text(python_word(code, l->code.name), &c.name)
		|| !read_text(python_word(code, l->code.filename), &c.file))
		return 0;
	if (l->code.qualname != PYTHON_ABSENT)
		(void)read_text(python_word(code, l->code.qualname), &c.qualified);
	size_t bytes;
	const uint8_t *lines = read_line_table(code, &bytes);
	uint64_t content = site_mix(hash_bytes(hash_bytes(MIX_FNV_START, &c, sizeof c), lines, bytes)) | 2;
	const struct entry *have = find_entry(&by_content, content);
	if (have) {
		struct ledger_code *same = (struct ledger_code *)ledger_at(LEDGER_CODES) + have->number;
		same->shared = 1;
		same->address = code;
		return have->number;
	}
	struct ledger_table *t = &state.ledger->table[LEDGER_CODES];
	uint64_t number = t->count;
	if (number > PYTHON_PLACE_CODE_MOST || !table_reserve(LEDGER_CODES, number + 1)
		|| !put_entry(&by_content, content, (uint32_t)number))
		return 0;
	c.address = code; /* not part of its content */
	((struct ledger_code *)ledger_at(LEDGER_CODES))[number] = c;
	__atomic_store_n(&t->count, number + 1, __ATOMIC_RELEASE);
	return (uint32_t)number;
}

uint32_t python_code_number(uintptr_t code, uint32_t interpreter)
{
	const struct entry *have = find_entry(&by_address, code);
	if (have)
		return have->number;
	if (!is_alive(code, python.code_type))
		return 0;
	uint32_t number = make_code(code, interpreter);
	if (!number || !put_entry(&by_address, code, number))
		return 0;
	uint8_t *known = python_code_known(code);
	if (*known != FILTER_FULL)
		__atomic_store_n(known, *known + 1, __ATOMIC_RELAXED);
	return number;
}

void python_code_freed(uintptr_t code)
{
	python_lock();
	struct entry *have = find_entry(&by_address, code);
	if (have) {
		have->key = GONE;
		uint8_t *known = python_code_known(code);
		if (*known != FILTER_FULL)
			__atomic_store_n(known, *known - 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(python_code_end(code), 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&python_code_ends_all, 1, __ATOMIC_RELAXED);
	}
	python_unlock();
}

/* --- lines --------------------------------------------------------------------------- */

static uint32_t find_line(uintptr_t code, long at)
{
	const struct python_layout *l = python.layout;
	size_t bytes;
	const uint8_t *table = read_line_table(code, &bytes);
	long first = *(const int *)(code + l->code.first_line);
	long line = at < 0 ? first /* before its first instruction */
			   : python_lines_find(l->code.lines, table, bytes, first, at);
	return line > 0 && line <= PYTHON_PLACE_LINE_MOST ? (uint32_t)line : 0;
}

/* A cache: most frames of a new stack also occur in other stacks. */
#define LINES_BITS 12
static struct {
	uint32_t number, line;
	long at;
} lines[1u << LINES_BITS];

uint32_t python_code_line(uintptr_t code, uint32_t number, long at)
{
	uint64_t i = ((uint64_t)number << 32 ^ (uint64_t)at) * MIX_GOLDEN >> (64 - LINES_BITS);
	if (lines[i].number != number || lines[i].at != at) {
		lines[i].line = find_line(code, at);
		lines[i].number = number;
		lines[i].at = at;
	}
	return lines[i].line;
}
