/* heap_place.c - where chunks may be, and where a walk that closes begins: heap_private.h.
 *
 * Chunks of the main arena lie in the memory of the program break, which the program may use as well
 * (sbrk), and, where that could not grow, in mappings that are recorded nowhere. The other arenas have
 * heaps, which they list. All of this is anonymous memory; adjacent mappings are one range here, since
 * the kernel may have joined them.
 */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/search.h"
#include "heap_private.h"

#define HEADERS_MOST 8u    /* of 16 bytes: struct heap_info has 2, and 3 from glibc 2.35 on */
#define KEEP_LEAST 64u     /* chunks that were proved one by one before one was not */
#define SEARCH_MOST 65536u /* places tried after something that cannot be a chunk */
#define NONCONTIGUOUS 2u   /* a bit of malloc_state.flags */

struct state {
	uint64_t count, free_count, walked;
};

static struct state state_of(const struct heap *h)
{
	return (struct state){ h->count, h->free_count, h->walked };
}

static void roll_back(struct heap *h, struct state s)
{
	h->count = s.count;
	h->free_count = s.free_count;
	h->walked = s.walked;
}

static void add_segment(struct heap *h, uint64_t lo, uint64_t hi, uint32_t arena)
{
	*ARRAY_ADD(h->segments, h->segment_count, h->segment_room) = (struct heap_segment){ lo, hi, arena };
}

/* Adds the chunks of [lo, ...) when a walk from there closes; returns the address after them, else 0.
 * *broken is then where a long walk met something that cannot be a chunk; the chunks before it are kept. */
static uint64_t try_segment(struct heap_walk *w, uint64_t lo, uint64_t end, uint32_t arena, uint64_t *broken)
{
	struct state before = state_of(w->heap);
	uint64_t at, steps;
	enum heap_walk_end how = heap_walk_chunks(w, lo, end, arena, &at, &steps);

	*broken = 0;
	w->top_seen[arena] |= how == WALK_TOP;
	if (how != WALK_OPEN) {
		add_segment(w->heap, lo, at, arena);
		return at;
	}
	heap_found_step(w, steps + 1);
	if (steps < KEEP_LEAST) {
		roll_back(w->heap, before);
		return 0;
	}
	add_segment(w->heap, lo, at, arena);
	*broken = at;
	w->heap->unsure++;
	heap_found_doubt(w->heap,
		(uint32_t)heap_read_word(&w->read, w->heap->arenas.list[arena].address)
			? "a thread was stopped inside malloc, in the middle of a change at 0x%llx"
			: "the heap is damaged at 0x%llx",
		(unsigned long long)at);
	return 0;
}

/* The first place from `lo` on, at multiples of 16, at which a walk closes. */
static uint64_t search_segment(struct heap_walk *w, uint64_t lo, uint64_t end, uint32_t arena)
{
	uint64_t broken, words[2];

	for (unsigned n = 0; n < SEARCH_MOST && end - lo >= CHUNK_LEAST; n++, lo += 16) {
		uint64_t behind;

		if (!heap_found_step(w, 1))
			return 0;
		if (!heap_read_header(&w->read, lo, words) || (words[1] & ~7ull) < CHUNK_LEAST)
			continue;
		behind = try_segment(w, lo, end, arena, &broken);
		if (behind)
			return behind;
		if (broken)
			lo = broken;
	}
	return 0;
}

/* --- heaps of arenas ------------------------------------------------------------- */

static void place_heap(struct heap_walk *w, const struct arena_heap *heap, uint64_t hi)
{
	const struct arenas *all = &w->heap->arenas;
	const struct arena *a = &all->list[heap->arena];
	bool holds = a->address > heap->lo && a->address < heap->hi;
	uint64_t first = holds ? (a->address + all->bytes + 15) & ~15ull : heap->lo + 32, broken = 0;

	for (unsigned i = 0; i < HEADERS_MOST && !broken; i++)
		if (try_segment(w, first + 16 * i, hi, heap->arena, &broken) == hi)
			return;
	if (!search_segment(w, broken ? broken + 16 : first, hi, heap->arena) && !broken) {
		w->heap->unsure++;
		heap_found_doubt(w->heap, "a heap at 0x%llx does not close", (unsigned long long)heap->lo);
	}
}

/* --- the main arena ------------------------------------------------------------- */

static bool is_noncontiguous(struct heap_walk *w, const struct arena *a)
{
	return heap_read_word(&w->read, a->address) >> 32 & NONCONTIGUOUS;
}

/* The main arena whose chunks may begin at `at`, and lie before `end`; UINT32_MAX. */
static uint32_t is_main_at(struct heap_walk *w, uint64_t at, uint64_t end, bool is_break)
{
	const struct arenas *all = &w->heap->arenas;

	for (uint32_t i = 0; i < all->count; i++)
		if (all->list[i].main && all->list[i].top >= at && all->list[i].top < end)
			return i;
	for (uint32_t i = 0; i < all->count; i++)
		if (all->list[i].main && (is_break || is_noncontiguous(w, &all->list[i])))
			return i;
	return UINT32_MAX;
}

/* Memory of the program break: malloc's, interspersed with what the program took with sbrk. */
static void place_break(struct heap_walk *w, uint64_t lo, uint64_t hi)
{
	uint32_t arena = is_main_at(w, lo, hi, true);
	uint64_t broken = 0;

	while (arena != UINT32_MAX && lo < hi && !w->top_seen[arena]) {
		uint64_t behind = try_segment(w, lo, hi, arena, &broken);

		if (!behind)
			behind = search_segment(w, (broken ? broken : lo) + 16, hi, arena);
		if (!behind)
			break;
		lo = behind;
	}
}

/* A page at which memory of malloc may begin; returns the address after that memory, or 0. `first`: memory
 * of something else ends here. */
static uint64_t place_page(struct heap_walk *w, uint64_t at, uint64_t end, bool first)
{
	uint64_t size = heap_read_word(&w->read, at + 8), broken, behind;
	uint32_t arena;

	if (size & CHUNK_MAPPED || first)
		return (behind = heap_mapped(w, at, end, first)) ? behind
			: size & CHUNK_MAPPED                    ? 0
								 : place_page(w, at, end, false);
	if ((size & CHUNK_FLAGS) != CHUNK_PREVIOUS_USED || size < CHUNK_LEAST || size > end - at)
		return 0;
	arena = is_main_at(w, at, end, false);
	if (arena == UINT32_MAX)
		return 0;
	behind = try_segment(w, at, end, arena, &broken);
	/* What was kept is not walked again. */
	return behind ? behind : broken ? (broken / HEAP_PAGE + 1) * HEAP_PAGE : 0;
}

static void place_anonymous(struct heap_walk *w, uint64_t lo, uint64_t hi)
{
	uint64_t from = lo, end;
	bool first = true;

	while (remote_run(w->read.memory, &from, &end, hi)) {
		for (uint64_t at = from; at < end;) {
			uint64_t behind = place_page(w, at, hi, first || at == lo);

			first = behind != 0;
			at = behind ? behind : (at / HEAP_PAGE + 1) * HEAP_PAGE;
			from = at;
		}
	}
}

/* -------------------------------------------------------------------------------- */

static bool is_break(const struct heap_walk *w, const struct remote_mapping *p)
{
	const struct arenas *all = &w->heap->arenas;

	if (!strcmp(p->path, "[heap]"))
		return true;
	for (size_t i = 0; i < all->count && !*p->path; i++)
		if (all->list[i].main && all->list[i].top >= p->lo && all->list[i].top < p->hi
			&& !is_noncontiguous((struct heap_walk *)(uintptr_t)w, &all->list[i]))
			return true;
	return false;
}

static bool is_anonymous(const struct remote_mapping *p)
{
	return p->readable && p->writable && !p->shared
		&& (!*p->path || !strcmp(p->path, "[heap]") || !strncmp(p->path, "[anon", 5));
}

static int compare_heaps(const void *a, const void *b)
{
	const struct arena_heap *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* A range of anonymous memory: heaps in it, and what is between them. Heaps that overlap are not malloc's: each
 * address is walked once. */
static void place_range(struct heap_walk *w, uint64_t lo, uint64_t hi, bool breaks)
{
	const struct arenas *all = &w->heap->arenas;
	size_t i = SEARCH_UP_TO(all->heaps, all->heap_count, lo, lo - 1);

	for (; lo < hi; i++) {
		bool heap = i < all->heap_count && all->heaps[i].lo < hi;
		uint64_t end = heap ? all->heaps[i].lo : hi;

		if (lo < end && breaks)
			place_break(w, lo, end);
		else if (lo < end)
			place_anonymous(w, lo, end);
		if (!heap) {
			lo = hi;
		} else if (end >= lo) {
			lo = all->heaps[i].hi < hi ? all->heaps[i].hi : hi;
			place_heap(w, &all->heaps[i], lo);
		}
	}
}

void heap_place(struct heap_walk *w)
{
	const struct remote *m = w->read.memory;
	struct arenas *all = &w->heap->arenas;

	if (all->heap_count)
		qsort(all->heaps, all->heap_count, sizeof(*all->heaps), compare_heaps);
	for (size_t i = 0; i < m->mapping_count;) {
		const struct remote_mapping *p = &m->mappings[i++];
		uint64_t hi = p->hi;
		bool breaks = is_break(w, p);

		if (!is_anonymous(p))
			continue;
		for (; i < m->mapping_count && m->mappings[i].lo == hi && is_anonymous(&m->mappings[i])
			&& is_break(w, &m->mappings[i]) == breaks;
			i++)
			hi = m->mappings[i].hi;
		place_range(w, p->lo, hi, breaks);
	}
	for (size_t i = 0; i < all->count; i++)
		if (!w->top_seen[i] && all->list[i].top != all->list[i].address + all->bins - CHUNK_HEADER) {
			w->heap->unsure++;
			heap_found_doubt(w->heap, "the end of the arena at 0x%llx was not reached",
				(unsigned long long)all->list[i].address);
		}
}
