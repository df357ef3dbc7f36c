/* layout.c - interior references that a known layout explains: layout.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/array.h"
#include "layout.h"
#include "base/search.h"

#define KNOWN 4096u
#define ALIGNED_MOST 64u                      /* bytes that are skipped for alignment */
#define EXCEPTION_HEADER 128u                 /* __cxa_refcounted_exception, libstdc++ unwind-cxx.h */
#define EXCEPTION_CLASS 0x474e5543432b2b00ull /* "GNUCC++\0", or \1 for a dependent one */

static void add_range(struct layout_range **ranges, size_t *count, size_t *capacity, uint64_t lo, uint64_t hi)
{
	if (*count && (*ranges)[*count - 1].hi == lo) {
		(*ranges)[*count - 1].hi = hi;
		return;
	}
	*ARRAY_ADD(*ranges, *count, *capacity) = (struct layout_range){ lo, hi };
}

static bool is_in_ranges(const struct layout_range *ranges, size_t count, uint64_t address)
{
	size_t at = SEARCH_UP_TO(ranges, count, hi, address);

	return at < count && ranges[at].lo <= address;
}

void layout_begin(struct layout *l, struct remote *m)
{
	size_t code_capacity = 0, file_capacity = 0;

	*l = (struct layout){ .memory = m, .known = alloc_zeroed(KNOWN, sizeof *l->known) };
	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];

		if (p->executable)
			add_range(&l->code, &l->code_count, &code_capacity, p->lo, p->hi);
		else if (p->path[0] == '/' && p->readable && !p->shared)
			add_range(&l->files, &l->file_count, &file_capacity, p->lo, p->hi);
	}
}

void layout_end(struct layout *l)
{
	free(l->code);
	free(l->files);
	free(l->known);
	*l = (struct layout){ 0 };
}

/* A table of functions: within a module, and at least two of its first words
 * are code (Valgrind looks at 20 words; the first of a second base's table may
 * be a thunk, and pure entries are all __cxa_pure_virtual: code as well). */
static bool table_of_functions(struct layout *l, uint64_t word)
{
	uint64_t words[16], *known;
	unsigned code = 0;

	if (word & 7 || !is_in_ranges(l->files, l->file_count, word))
		return false;
	known = &l->known[(word >> 3) % KNOWN];
	if ((*known & ~1ull) == word)
		return *known & 1;
	remote_read(l->memory, word, words, sizeof words);
	for (unsigned i = 0; i < 16; i++)
		code += is_in_ranges(l->code, l->code_count, words[i]);
	*known = word | (code >= 2);
	return code >= 2;
}

/* A count of 0 fits an array without elements only. Up to `slack` of the bytes may not belong to it. */
static bool divides(uint64_t count, uint64_t bytes, uint64_t slack)
{
	return count ? count <= bytes && bytes % count <= slack : bytes <= slack;
}

/* How many of the usable bytes the program may not have asked for: chunks are multiples of 16, and
 * the least one has 24 (request2size, malloc/malloc.c). */
static uint64_t slack_of(const struct layout *l, uint64_t bytes)
{
	return !l->usable ? 0 : bytes <= 24 ? bytes : 15;
}

uint8_t layout_shape(struct layout *l, const uint64_t *w, size_t count, uint64_t bytes)
{
	uint64_t slack = slack_of(l, bytes);
	uint8_t shape = 0;

	if (count == 1)
		return bytes == 8 && !w[0] ? LAYOUT_COOKIE : 0;
	if (!count)
		return 0;
	if (divides(w[0], bytes - 8, slack))
		shape |= LAYOUT_COOKIE;
	if ((count > 2 || bytes == 16) && divides(w[1], bytes - 16, slack))
		shape |= LAYOUT_WIDE_COOKIE;
	if (w[0] <= bytes - 8 && w[0] + slack >= bytes - 8)
		shape |= LAYOUT_LENGTH;
	/* length, capacity, references; then capacity + 1 bytes of text. */
	if (count > 2 && w[0] <= w[1] && w[1] < bytes && bytes - w[1] >= 25 && bytes - w[1] < 25 + 4096)
		shape |= LAYOUT_STRING;
	if (table_of_functions(l, w[0])) {
		uint32_t used = (uint32_t)w[1], weak = (uint32_t)(w[1] >> 32);

		shape |= LAYOUT_TABLE;
		if (used < 1u << 24 && weak - 1 < 1u << 24)
			shape |= LAYOUT_SHARED;
	}
	if (count > 12 && bytes >= EXCEPTION_HEADER && (w[12] | 1) == (EXCEPTION_CLASS | 1))
		shape |= LAYOUT_EXCEPTION;
	if (w[0] < 1u << 20 && (w[0] + 2) * 16 <= bytes && (w[0] + 2) * 16 + slack >= bytes)
		shape |= LAYOUT_DTV;
	return shape;
}

/* Memory that was aligned by hand: beside what is pointed at is the address that free will be given, the block's
 * own (before it in most libraries; behind it in glibc's table of loaded objects, elf/dl-find_object.c). */
static bool is_aligned_by_hand(struct layout *l, uint64_t address, uint64_t bytes, uint64_t offset)
{
	uint64_t words[3];

	return offset % 16 == 0 && offset >= 16 && offset <= ALIGNED_MOST && offset + 16 <= bytes
		&& remote_read(l->memory, address + offset - 8, words, sizeof words) == sizeof words
		&& (words[0] == address || words[2] == address);
}

bool layout_explains(struct layout *l, uint8_t shape, uint64_t address, uint64_t bytes, uint64_t offset)
{
	uint64_t word;

	if (offset < 8)
		return true;
	if (offset > bytes)
		return false;
	if (is_aligned_by_hand(l, address, bytes, offset))
		return true;
	if (!shape)
		return false;
	if (offset == bytes) /* the elements of an array that has none */
		return (offset == 8 && shape & LAYOUT_COOKIE) || (offset == 16 && shape & LAYOUT_WIDE_COOKIE);
	if (offset == 8 && shape & (LAYOUT_COOKIE | LAYOUT_LENGTH))
		return true;
	if (offset == 16 && shape & (LAYOUT_WIDE_COOKIE | LAYOUT_SHARED | LAYOUT_EXCEPTION | LAYOUT_DTV))
		return true;
	if (offset == 24 && shape & (LAYOUT_STRING | LAYOUT_SHARED))
		return true; /* 24: libc++'s make_shared */
	if ((offset == 96 || offset == EXCEPTION_HEADER) && shape & LAYOUT_EXCEPTION)
		return true;
	return shape & LAYOUT_TABLE && offset % 8 == 0 && offset + 8 <= bytes
		&& remote_word(l->memory, address + offset, &word) && table_of_functions(l, word);
}
