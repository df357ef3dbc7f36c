/* roots_break.c - memory that the program itself took with sbrk, between that of malloc: roots_private.h.
 *
 * glibc's main arena and the program share the program break. Where a foreign sbrk comes
 * between two of its own, malloc ends its chunk with two fence posts and goes on behind what
 * the program took (sysmalloc, malloc/malloc.c, glibc 2.27 to 2.43). Chunks lie one after the
 * other, so a walk from a known chunk ends at the next known chunk, or at `top`, unless such
 * memory lies between. Walks start at known blocks and cross large gaps only, since chunks of
 * the program's blocks need no proof. What a walk cannot explain stays the allocator's.
 */
#include "roots_private.h"

#define GAP_LEAST 1024u       /* bytes between two blocks that are worth a walk */
#define STEPS_MOST (1u << 20) /* chunks looked at in one process */
#define HEADER 16u            /* from the start of a chunk to its block */
#define FENCE 16u             /* size of a fence post */

struct walk {
	struct roots *roots;
	unsigned steps;
};

/* The size of a chunk; 0: it cannot be one. */
static uint64_t read_size(struct walk *w, uint64_t chunk)
{
	uint64_t word;

	if (w->steps == STEPS_MOST || !remote_word(w->roots->memory, chunk + 8, &word))
		return 0;
	w->steps++;
	word &= ~7ull;
	return word & 15 ? 0 : word;
}

/* From chunk to chunk. True when `goal` is one; else *fence is the end of two fence posts that the
 * walk met, or 0. */
static bool walk_chunks(struct walk *w, uint64_t chunk, uint64_t goal, uint64_t *fence)
{
	*fence = 0;
	while (chunk < goal) {
		uint64_t size = read_size(w, chunk);

		if (size == FENCE && read_size(w, chunk + FENCE) == FENCE) {
			*fence = chunk + 2 * FENCE;
			return false;
		}
		if (size < 2 * HEADER || size > goal - chunk)
			return false;
		chunk += size;
	}
	return chunk == goal;
}

/* The memory from `from` to where the allocator goes on is the program's. */
static void claim_until_closing(struct walk *w, uint64_t from, uint64_t goal)
{
	uint64_t fence, at = from;

	while (at < goal && w->steps < STEPS_MOST && !walk_chunks(w, at, goal, &fence)) {
		/* Memory of malloc between two pieces of the program's. */
		if (fence) {
			roots_claim(w->roots, from, at, CLAIM_BREAK, ROOT_MAPPING, 0, 0);
			from = fence;
			at = fence;
			continue;
		}
		at += HEADER;
	}
	if (w->steps < STEPS_MOST)
		roots_claim(w->roots, from, at, CLAIM_BREAK, ROOT_MAPPING, 0, 0);
}

void roots_break_claim(struct roots *r, const struct remote_mapping *heap)
{
	const struct tide_block *b = r->scan->blocks;
	uint64_t first = scan_first(r->scan, heap->lo), end = scan_first(r->scan, heap->hi), fence;
	struct walk w = { .roots = r };
	uint64_t top = r->arenas.count ? r->arenas.list[0].top : 0, size;

	roots_claim(r, heap->lo, heap->hi, CLAIM_ALLOCATOR, 0, 0, 0);
	if (top < heap->lo || top >= heap->hi || first == end)
		return;
	size = read_size(&w, top);
	if (!size || size > heap->hi - top)
		return;
	/* Before the first block: malloc begins where the break was at its first call. */
	if (!walk_chunks(&w, heap->lo, b[first].address - HEADER, &fence) && !fence)
		claim_until_closing(&w, heap->lo, b[first].address - HEADER);
	for (uint64_t i = first; i < end; i++) {
		uint64_t chunk = b[i].address - HEADER, goal = i + 1 < end ? b[i + 1].address - HEADER : top;

		if (goal - chunk >= b[i].bytes + GAP_LEAST && !walk_chunks(&w, chunk, goal, &fence) && fence)
			claim_until_closing(&w, fence, goal);
	}
	if (w.steps < STEPS_MOST)
		roots_claim(r, top + size, heap->hi, CLAIM_BREAK, ROOT_MAPPING, 0, 0);
}
