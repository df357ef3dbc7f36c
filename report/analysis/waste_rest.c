/* waste_rest.c - sums over regions: waste_rest.h. */
#include "waste_rest.h"

#include "base/search.h"
#include "waste_private.h"

struct absent {
	const struct snapshot *s;
	size_t run; /* the first one that may lie in the region */
	uint64_t bytes;
	size_t left; /* blocks that are looked at: more of them only where they are not in order (not verified yet) */
};

/* Adds what is live in [lo, hi). */
static void add_live(struct absent *a, uint64_t lo, uint64_t hi)
{
	const struct snapshot *s = a->s;
	size_t i = SEARCH_UP_TO(s->blocks, s->block_count, address, lo);

	for (i -= i > 0; i < s->block_count && s->blocks[i].address < hi && a->left; i++, a->left--) {
		const struct tide_block *b = &s->blocks[i];
		uint64_t from = b->address > lo ? b->address : lo,
			 end = b->bytes < hi - b->address ? b->address + b->bytes : hi;

		a->bytes += from < end ? end - from : 0;
	}
}

/* What is live on pages of a region that are not resident. Both lists are by address. */
static void find_absent(struct absent *a, const struct tide_region *r)
{
	uint64_t at = r->lo;

	for (; a->run < a->s->page_run_count && a->s->pages[a->run].address < r->hi; a->run++) {
		const struct tide_pages *p = &a->s->pages[a->run];
		uint64_t end = p->address + p->pages * WASTE_PAGE;

		if (end <= at || !(p->flags & PAGES_RESIDENT))
			continue;
		if (p->address > at)
			add_live(a, at, p->address);
		at = end;
		/* Heaps may end within a page. */
		if (at >= r->hi)
			break;
	}
	if (at < r->hi)
		add_live(a, at, r->hi);
}

bool waste_rest(const struct snapshot *s, struct waste_rest *rest)
{
	struct absent a = { .s = s, .left = s->block_count + s->page_run_count + s->region_count };

	*rest = (struct waste_rest){ 0 };
	for (size_t i = 0; i < s->region_count; i++) {
		const struct tide_region *r = &s->regions[i];
		uint64_t bytes = r->resident_bytes;

		switch (r->kind) {
		case REGION_FILE: rest->files += bytes; break;
		case REGION_STACK:
		case REGION_TLS: rest->stacks += bytes; break;
		case REGION_GLOBALS: rest->globals += bytes; break;
		case REGION_SHARED:
		case REGION_MAPPING: rest->mappings += bytes; break;
		case REGION_PROFILER: rest->profiler += bytes; break;
		case REGION_HEAP:
		case REGION_CHUNK:
		case REGION_FOREIGN: find_absent(&a, r); /* fall through */
		default: rest->heap += bytes;
		}
	}
	rest->live = s->process->live_bytes;
	rest->absent = a.bytes < rest->live ? a.bytes : rest->live;
	rest->live -= rest->absent;
	if (rest->live > rest->heap)
		rest->live = rest->heap;
	rest->heap -= rest->live;
	rest->all = rest->heap + rest->files + rest->stacks + rest->globals + rest->mappings + rest->profiler;
	return s->region_count != 0;
}
