/* heap_found.c - what the parts of a walk share of its result: heap_private.h. */
#include <stdarg.h>
#include <stdio.h>
#include "base/array.h"
#include "base/error.h"
#include "base/search.h"
#include "heap_private.h"

#define STEPS_MOST (1u << 25) /* some seconds; a damaged place takes at most a few million */

uint64_t heap_found_block(const struct heap *h, uint64_t address)
{
	size_t at = SEARCH_UP_TO(h->blocks, h->count, address, address);

	return at && h->blocks[at - 1].address == address ? at - 1 : UINT64_MAX;
}

void heap_found_doubt(struct heap *h, const char *format, ...)
{
	char reason[sizeof(h->doubts)];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (h->unsure <= 3)
		error_reason(h->doubts, sizeof(h->doubts), reason);
}

bool heap_found_step(struct heap_walk *w, uint64_t steps)
{
	bool before = w->steps <= STEPS_MOST;

	w->steps += steps;
	if (before && w->steps > STEPS_MOST) {
		w->heap->unsure++;
		heap_found_doubt(w->heap, "the heap is damaged in too many places");
	}
	return w->steps <= STEPS_MOST;
}

bool heap_found_cached(struct heap_walk *w, uint64_t address, uint32_t kind)
{
	if (w->cached_count > w->heap->count) {
		w->heap->unsure++;
		heap_found_doubt(w->heap, "lists of free blocks hold more blocks than there are");
		return false;
	}
	*ARRAY_ADD(w->cached, w->cached_count, w->cached_room) = (struct heap_cached){ address, kind };
	return true;
}
