/* python_gc.c - the lists of the garbage collector: python_private.h.
 *
 * Each generation is a ring through PyGC_Head, which lies 16 bytes before the object. A ring that does
 * not close, or leads to something that is not an object, switches the part off
 * (Modules/gcmodule.c).
 */
#include "python_private.h"

static uint64_t gc_address(const struct python *p)
{
	const struct python_layout *l = p->layout;

	return l->interpreter.gc == PYTHON_ABSENT ? p->runtime + l->runtime.gc
						  : p->interpreter + l->interpreter.gc;
}

/* Both neighbours of a list's head point back to it; in an empty list the head does. */
static bool is_head(struct python *p, uint64_t head)
{
	uint64_t next = python_word(p, head) & ~3ull, previous = python_word(p, head + 8) & ~3ull;

	return next && previous && (python_word(p, next + 8) & ~3ull) == head
		&& (python_word(p, previous) & ~3ull) == head;
}

/* Where the young generation begins. Debian 13's 3.13.5 aligns PyGC_Head to 4 bytes, as m68k needs it, and so leaves
 * out the 4 bytes in front of the generations; what follows them is where it was. */
static uint64_t find_generations(struct python *p, uint64_t gc)
{
	uint64_t at = gc + p->layout->gc.generations;

	return !is_head(p, at) && is_head(p, at - 4) ? at - 4 : at;
}

/* The number of objects in a ring; -1: it does not close. */
static int64_t walk_ring(struct python *p, uint64_t head, unsigned flags)
{
	uint64_t at = python_word(p, head) & ~3ull, count = 0;

	/* A ring whose objects are all missing from the block list is still a ring. */
	for (; at != head; count++) {
		uint32_t block;

		if (at < 4096 || at & 7 || at >= 1ull << 47 || count > p->block_count + (1u << 20))
			return -1;
		block = python_object_at(p, at + PYTHON_GC_HEAD);
		if (block != PYTHON_NONE)
			p->slot[block].flags |= SLOT_TRACKED | flags;
		at = python_word(p, at) & ~3ull;
	}
	return (int64_t)count;
}

void python_gc(struct python *p)
{
	uint64_t gc = gc_address(p), generations = find_generations(p, gc);
	int64_t n;

	p->gc_enabled = python_u32(p, gc + p->layout->gc.enabled) != 0;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t head = generations + i * PYTHON_GC_GENERATION;

		n = walk_ring(p, head, i << SLOT_GENERATION_SHIFT);
		if (n < 0)
			p->off[PYTHON_PART_GENERATIONS] = true;
		p->generations[i] = (struct python_generation){ n < 0 ? 0 : (uint64_t)n,
			(int32_t)python_u32(p, head + 16), (int32_t)python_u32(p, head + 20) };
	}
	n = walk_ring(p, gc + p->layout->gc.permanent, SLOT_PERMANENT);
	p->permanent.objects = n < 0 ? 0 : (uint64_t)n;
	if (n < 0)
		p->off[PYTHON_PART_GENERATIONS] = true;
}
