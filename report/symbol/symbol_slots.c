/* symbol_slots.c - see symbol_slots.h. Encodings: Intel SDM, volume 2, chapter 2.1. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "symbol_slots.h"

#define CODE_MAX ((uint64_t)1 << 22) /* bytes of one function */
#define VECTOR 16                    /* bytes of xmm registers */
#define WIDEST 32                    /* bytes that an instruction writes */

/* Bits of the REX prefix. */
enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

struct access {
	uint64_t key; /* by the offset from the register */
	uint64_t address;
	uint8_t bytes; /* that are written; 0: its address is taken, or it is that of an array */
};

struct symbol_slots {
	struct access *access;
	size_t count, room;
	uint64_t bytes; /* of code that was read */
	bool sorted;
};

struct symbol_slots *symbol_slots_new(void) { return alloc_zeroed(1, sizeof(struct symbol_slots)); }

void symbol_slots_free(struct symbol_slots *s)
{
	free(s->access);
	free(s);
}

/* Offsets of rsp are behind all of rbp. */
static uint64_t key_of(bool of_rsp, int64_t at) { return (uint64_t)at + ((of_rsp ? 3ull : 1ull) << 40); }

/* By the last byte of the opcode, whether it writes to memory, or takes an address; *bytes as in struct access, VECTOR
 * of instructions with a vector register. */
static bool is_store(uint8_t opcode, uint8_t prefix, uint8_t *bytes)
{
	switch (opcode) {
	case 0x88: /* mov */
	case 0xc6: *bytes = 1; return true;
	case 0x89: /* mov */
	case 0xc7: *bytes = prefix & REX_W ? 8 : 4; return true;
	case 0x13: /* movlps */
	case 0x17: /* movhps */
	case 0x7e: /* movd, movq */
	case 0xd6: /* movq */ *bytes = 8; return true;
	case 0x11: /* movups, movss, movsd */
	case 0x29: /* movaps */
	case 0x2b: /* movntps */
	case 0x7f: /* movdqa, movdqu */
	case 0xe7: /* movntdq */ *bytes = VECTOR; return true;
	case 0x8d: /* lea */ *bytes = 0; return true;
	default: return false;
	}
}

/* Bytes that an instruction with a vector register writes: all of it, but for movss and movsd. */
static uint8_t measure_vector(const uint8_t *opcode, size_t before)
{
	bool vex = (before > 1 && opcode[-2] == 0xc5) || (before > 2 && opcode[-3] == 0xc4);
	size_t at = 2; /* of the prefix that says which, before 0f and REX */

	if (vex && opcode[0] == 0x11 && opcode[-1] & 2)
		return 8;
	if (vex)
		return opcode[-1] & 4 ? WIDEST : VECTOR;
	if (opcode[0] != 0x11 || !before || opcode[-1] != 0x0f)
		return VECTOR;
	if (before > 1 && (opcode[-2] & 0xf0) == 0x40)
		at++;
	return before >= at && (opcode[-(ptrdiff_t)at] == 0xf2 || opcode[-(ptrdiff_t)at] == 0xf3) ? 8
												  : VECTOR;
}

/* The displacement behind a ModRM byte, and its SIB byte, whose upper bits are `mod`; false: it is cut off. */
static bool read_displacement(const uint8_t *at, size_t left, unsigned mod, int64_t *to)
{
	int8_t small;
	int32_t large;

	if (mod == 1 && left >= sizeof(small)) {
		memcpy(&small, at, sizeof(small));
		*to = small;
		return true;
	}
	if (mod == 2 && left >= sizeof(large)) {
		memcpy(&large, at, sizeof(large));
		*to = large;
		return true;
	}
	*to = 0;
	return mod == 0;
}

/* The REX prefix of an instruction whose last opcode byte is here, or 0. */
static uint8_t read_prefix(const uint8_t *opcode, size_t before)
{
	if (before && opcode[-1] == 0x0f)
		opcode--, before--;
	return before && (opcode[-1] & 0xf0) == 0x40 ? opcode[-1] : 0;
}

/* An opcode and its operand, if that is what is here. */
static void read_operand(
	struct symbol_slots *s, const uint8_t *code, size_t before, size_t left, uint64_t address)
{
	uint8_t prefix = read_prefix(code, before);
	unsigned mod = code[1] >> 6, rm = code[1] & 7;
	struct access a = { .address = address };
	bool of_rsp = false;
	int64_t at;

	if (!is_store(code[0], prefix, &a.bytes))
		return;
	if (a.bytes == VECTOR)
		a.bytes = measure_vector(code, before);
	if (mod == 3) {
		/* mov %rsp,%rdi: the address of what lies at rsp. */
		if (code[0] != 0x89 || (code[1] >> 3 & 7) != 4 || !(prefix & REX_W) || prefix & REX_R)
			return;
		at = 0;
		a.bytes = 0;
		of_rsp = true;
	} else if (prefix & REX_B) {
		return; /* r12, r13 */
	} else if (rm == 4) {
		/* A SIB byte: scale, index, base. */
		if (left < 3 || !read_displacement(code + 3, left - 3, mod, &at))
			return;
		of_rsp = (code[2] & 7) == 4;
		if (!of_rsp && ((code[2] & 7) != 5 || mod == 0))
			return;
		if ((code[2] >> 3 & 7) != 4 || prefix & REX_X)
			a.bytes = 0;
	} else if (rm != 5 || mod == 0 || !read_displacement(code + 2, left - 2, mod, &at)) {
		return;
	}
	a.key = key_of(of_rsp, at);
	*ARRAY_ADD(s->access, s->count, s->room) = a;
}

void symbol_slots_read(struct symbol_slots *s, struct symbol_module *m, uint64_t lo, uint64_t hi)
{
	uint64_t bytes = hi - lo;
	uint8_t *code;

	if (lo >= hi || bytes > CODE_MAX - s->bytes)
		return;
	s->bytes += bytes;
	code = alloc_bytes(bytes);
	if (symbol_module_data(m, lo, code, bytes))
		for (uint64_t i = 0; i + 1 < bytes; i++)
			read_operand(s, code + i, i, bytes - i, lo + i);
	free(code);
	s->sorted = false;
}

static int compare_accesses(const void *a, const void *b)
{
	const struct access *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

/* Bits of the words of a variable that an access within it, or shortly before it, writes to. */
static uint64_t find_words(const struct access *a, uint64_t first, uint64_t end)
{
	uint64_t lo = a->key > first ? a->key : first, hi = a->key + a->bytes, words = 0;

	/* The address of a member, or of an element: what lies before it is written by others. */
	if (!a->bytes)
		return a->key < first               ? 0
			: (a->key - first) / 8 < 64 ? UINT64_MAX << (a->key - first) / 8
						    : 0;
	hi = hi < end ? hi : end;
	for (uint64_t at = (lo - first) / 8; lo < hi && at <= (hi - 1 - first) / 8 && at < 64; at++)
		words |= 1ull << at;
	return words;
}

uint64_t symbol_slots_written(
	struct symbol_slots *s, bool of_rsp, int64_t at, uint64_t bytes, uint64_t lo, uint64_t hi)
{
	uint64_t first = key_of(of_rsp, at), end = first + bytes, from = first - WIDEST, words = 0;

	if (!s->sorted && s->count)
		qsort(s->access, s->count, sizeof(*s->access), compare_accesses);
	s->sorted = true;
	for (size_t i = SEARCH_UP_TO(s->access, s->count, key, from);
		i < s->count && words != SYMBOL_SLOTS_ALL; i++) {
		const struct access *a = &s->access[i];

		if (a->key >= end)
			break;
		if (a->address >= lo && a->address < hi)
			words |= find_words(a, first, end);
	}
	return words;
}
