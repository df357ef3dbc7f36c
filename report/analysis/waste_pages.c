/* waste_pages.c - sums over runs of pages: waste_private.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "waste_private.h"

void waste_pages_begin(struct waste_pages *p, const struct snapshot *s)
{
	*p = (struct waste_pages){ .runs = s->pages, .count = s->page_run_count };
	p->resident = alloc_zeroed(p->count + 1, sizeof(*p->resident));
	p->swapped = alloc_zeroed(p->count + 1, sizeof(*p->swapped));
	for (size_t i = 0; i < p->count; i++) {
		uint64_t bytes = p->runs[i].pages * WASTE_PAGE;
		uint32_t flags = p->runs[i].flags;

		p->resident[i + 1] = p->resident[i] + (flags & PAGES_RESIDENT ? bytes : 0);
		p->swapped[i + 1] = p->swapped[i] + (flags & PAGES_SWAPPED ? bytes : 0);
	}
}

void waste_pages_end(struct waste_pages *p)
{
	free(p->resident);
	free(p->swapped);
}

/* The first run that ends above an address. */
static size_t find_run(struct waste_pages *p, uint64_t address)
{
	size_t lo = 0, hi = p->count;

	for (unsigned step = 0; step < 4 && p->near < p->count; step++, p->near++)
		if (p->runs[p->near].address + p->runs[p->near].pages * WASTE_PAGE > address) {
			if (!p->near
				|| p->runs[p->near - 1].address + p->runs[p->near - 1].pages * WASTE_PAGE
					<= address)
				return p->near;
			break;
		}
	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (p->runs[middle].address + p->runs[middle].pages * WASTE_PAGE > address)
			hi = middle;
		else
			lo = middle + 1;
	}
	return p->near = lo;
}

static void find_before(struct waste_pages *p, uint64_t address, uint64_t *resident, uint64_t *swapped)
{
	size_t i = find_run(p, address);
	uint64_t part = i < p->count && address > p->runs[i].address ? address - p->runs[i].address : 0;

	*resident = p->resident[i] + (part && p->runs[i].flags & PAGES_RESIDENT ? part : 0);
	*swapped = p->swapped[i] + (part && p->runs[i].flags & PAGES_SWAPPED ? part : 0);
}

struct waste_bytes waste_pages_of(struct waste_pages *p, uint64_t lo, uint64_t hi)
{
	uint64_t resident[2], swapped[2];

	if (lo >= hi)
		return (struct waste_bytes){ 0, 0, 0 };
	find_before(p, lo, &resident[0], &swapped[0]);
	find_before(p, hi, &resident[1], &swapped[1]);
	return (struct waste_bytes){ resident[1] - resident[0], swapped[1] - swapped[0], hi - lo };
}
