/* python_objects.c - which block is an object: python_private.h.
 *
 * The second word of an object is its type, and the type says how many bytes come before it. Raw blocks may
 * look the same by chance, or because they hold the remains of an object: python_claims.c knows better,
 * except about what the collector's lists name.
 */
#include <string.h>
#include "python_private.h"

#define COUNT_MOST (1ll << 40)
#define DEBUG_HEAD 16u
#define HEAD_MOST 32u /* PyGC_Head and what lies in front of it since 3.11 */

int64_t python_count(const struct python *p, uint64_t word)
{
	/* Since 3.12 the lower half is the count; in immortal objects its highest bit is set. */
	if (p->minor >= 12)
		return word & 0x80000000u ? -1 : (int64_t)(uint32_t)word;
	return (int64_t)word;
}

static bool is_debug_head(uint64_t word)
{
	unsigned char domain = (unsigned char)word;

	return word >> 8 == 0xFDFDFDFDFDFDFDull && (domain == 'o' || domain == 'm' || domain == 'r');
}

/* PYTHONMALLOC=debug, -X dev: 8 bytes of size, the name of the domain, 7 of fill, then the block. What is too large
 * for pymalloc comes from the raw domain, which has a head of its own in front of that. */
static unsigned find_debug_head(const uint64_t *word)
{
	return !is_debug_head(word[1]) ? 0 : is_debug_head(word[3]) ? 2 * DEBUG_HEAD : DEBUG_HEAD;
}

unsigned python_debug_head(struct python *p, uint64_t block)
{
	uint64_t word[4] = { 0 };

	python_read(p, block, word, sizeof(word));
	return find_debug_head(word);
}

/* The links of PyGC_Head, with two flags in the second: none, or the next one points back. */
static bool are_links_sound(struct python *p, uint64_t head, uint64_t next, uint64_t previous)
{
	if (!next)
		return !(previous & ~3ull) || previous < 1ull << 47;
	/* The head of a generation may lie at a multiple of 4 only: python_gc.c. */
	return next < 1ull << 47 && !(next & 2) && (python_word(p, (next & ~3ull) + 8) & ~3ull) == head;
}

/* The fewest bytes that an object needs. A compact str is shorter than its structure. */
static uint64_t find_least_bytes(const struct python *p, const struct python_type *t)
{
	return t->kind == KIND_STR ? p->layout->string.ascii : (uint64_t)t->basic_bytes;
}

/* Is the count in fact the address of a block or of a type? Otherwise a list of types, as extensions have them,
 * would pass for an object of the second type in it. */
static bool is_address(struct python *p, int64_t count)
{
	if (count > 1 << 20 && python_type_at(p, (uint64_t)count))
		return true;
	return count > 1 << 20 && p->block_count && (uint64_t)count >= p->blocks[0].address
		&& python_block_at(p, (uint64_t)count) != PYTHON_NONE;
}

/* Since 3.14 the first word of an object in a free list is the next one of the list (pycore_freelist.h,
 * _PyFreeList_PushPtr), where older ones have a count of 0. A count has 32 bits, and flags from bit 48 on; in between
 * is nothing, but in an address below 4 GiB neither. All objects of a list have one type. */
static bool is_free_link(struct python *p, uint64_t word, uint64_t type, unsigned head)
{
	return p->minor >= 14 && word > 1 << 20 && word < 1ull << 47 && !(word & 7)
		&& python_block_at(p, word - head) != PYTHON_NONE && python_word(p, word + 8) == type;
}

static void recognise(struct python *p, uint32_t block)
{
	const struct tide_block *b = &p->blocks[block];
	struct python_slot *s = &p->slot[block];
	uint64_t word[(2 * DEBUG_HEAD + HEAD_MOST) / 8 + 2] = { 0 },
							 bytes = b->bytes < sizeof(word) ? b->bytes
											 : sizeof(word);
	unsigned shift;

	if (b->bytes < 16)
		return;
	python_read(p, b->address, word, bytes);
	shift = find_debug_head(word);
	for (unsigned head = 0; head <= HEAD_MOST; head += 16) {
		unsigned at = (shift + head) / 8;
		const struct python_type *t;
		uint32_t type;
		int64_t count;
		bool free;

		if (at + 2 > bytes / 8)
			return;
		type = python_type_at(p, word[at + 1]);
		if (!type)
			continue;
		free = is_free_link(p, word[at], word[at + 1], shift + head);
		count = free ? 0 : python_count(p, word[at]);
		/* The call may find more types, which moves them. */
		if (count < -1 || count > COUNT_MOST || is_address(p, count))
			continue;
		t = &p->types[type];
		if (t->head != head || shift + head + find_least_bytes(p, t) > b->bytes)
			continue;
		if (t->flags & TYPE_GC
			&& !are_links_sound(
				p, b->address + shift + head - PYTHON_GC_HEAD, word[at - 2], word[at - 1]))
			continue;
		s->type = type;
		s->head = (uint8_t)(shift + head);
		s->role = count ? ROLE_OBJECT : ROLE_FREE;
		return;
	}
}

void python_objects(struct python *p)
{
	for (uint64_t i = 0; i < p->block_count; i++)
		recognise(p, (uint32_t)i);
}

uint32_t python_object_at(const struct python *p, uint64_t address)
{
	for (unsigned head = 0; head <= 2 * DEBUG_HEAD + HEAD_MOST; head += 16) {
		uint32_t block = address >= head ? python_block_at(p, address - head) : PYTHON_NONE;

		if (block == PYTHON_NONE)
			continue;
		return p->slot[block].role == ROLE_OBJECT && p->slot[block].head == head ? block
											 : PYTHON_NONE;
	}
	return PYTHON_NONE;
}
