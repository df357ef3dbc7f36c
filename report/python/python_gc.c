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
	uint64_t gc = gc_address(p);
	int64_t n;

	p->gc_enabled = python_u32(p, gc + p->layout->gc.enabled) != 0;
	for (unsigned i = 0; i < 3; i++) {
		uint64_t head = gc + p->layout->gc.generations + i * PYTHON_GC_GENERATION;

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
