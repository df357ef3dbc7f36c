/* heap_held.c - see heap_held.h. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "heap_held.h"
#include "heap_private.h"

static void add_range(struct heap_held *h, uint64_t lo, uint64_t hi)
{
	*ARRAY_ADD(h->ranges, h->count, h->room) = (struct heap_range){ lo, hi };
}

static int compare_ranges(const void *a, const void *b)
{
	const struct heap_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static void sort_ranges(struct heap_held *h)
{
	size_t kept = 0;

	if (h->count)
		qsort(h->ranges, h->count, sizeof(*h->ranges), compare_ranges);
	for (size_t i = 0; i < h->count; i++)
		if (!kept || h->ranges[i].lo >= h->ranges[kept - 1].hi)
			h->ranges[kept++] = h->ranges[i];
	h->count = kept;
}

void heap_held_find(struct heap_held *h, struct remote *memory)
{
	bool found = false;

	*h = (struct heap_held){ 0 };
	for (size_t i = 0; i < memory->mapping_count; i++) {
		struct arenas arenas;
		uint64_t lo, hi;

		if (!heap_data_range(memory, i, &lo, &hi) || !arena_find(memory, lo, hi, &arenas))
			continue;
		found = true;
		for (size_t k = 0; k < arenas.heap_count; k++)
			add_range(h, arenas.heaps[k].lo, arenas.heaps[k].hi);
		arena_free(&arenas);
	}
	for (size_t i = 0; i < memory->mapping_count && found; i++)
		if (!strcmp(memory->mappings[i].path, "[heap]"))
			add_range(h, memory->mappings[i].lo, memory->mappings[i].hi);
	sort_ranges(h);
}

void heap_held_free(struct heap_held *h)
{
	free(h->ranges);
	*h = (struct heap_held){ 0 };
}
