/* waste_items.c - a region of the heap as a row of items: waste_private.h. */
#include "base/array.h"
#include "base/search.h"
#include "waste_private.h"

/* sizeof(struct malloc_chunk): two sizes and four links; mtrim leaves them alone. MINSIZE: what systrim
 * leaves of top, and one byte more (malloc/malloc.c). */
#define CHUNK_WORDS 48u
#define TOP_KEPT 33u
#define TRIM_THRESHOLD (128u << 10) /* M_TRIM_THRESHOLD and M_TOP_PAD, where they are not known */
#define TOP_PAD (128u << 10)

static uint64_t page_up(uint64_t a) { return (a + WASTE_PAGE - 1) & ~(WASTE_PAGE - 1); }
static uint64_t page_down(uint64_t a) { return a & ~(WASTE_PAGE - 1); }

void waste_returnable(const struct tide_arena *a, uint64_t lo, uint64_t hi, bool top, bool freed,
	uint64_t *from, uint64_t *end)
{
	const bool known = a->flags & ARENA_SETTINGS;
	uint64_t bytes = hi - lo, kept = TOP_KEPT, step = WASTE_PAGE;

	*from = *end = hi;
	if (!top) {
		if (bytes <= WASTE_PAGE - 1 + CHUNK_WORDS || page_up(lo + CHUNK_WORDS) >= page_down(hi))
			return;
		*from = page_up(lo + CHUNK_WORDS);
		*end = page_down(hi);
		return;
	}
	/* mtrim ignores the top of other arenas, but free() does not, and leaves top_pad. */
	if (a->kind != ARENA_MAIN) {
		if (!freed || bytes < (known ? a->trim_threshold : TRIM_THRESHOLD))
			return;
		kept += known ? a->top_pad : TOP_PAD;
	} else if (!(a->flags & ARENA_AT_BREAK)) {
		return;
	}
	if (known && a->huge_page)
		step = a->huge_page;
	if (bytes > kept)
		*from = hi - (bytes - kept) / step * step;
}

static void add_item(struct waste_heap *h, uint64_t lo, uint32_t kind, uint32_t index)
{
	struct waste_item *last = h->item_count ? &h->items[h->item_count - 1] : NULL;

	/* Where items overlap, in a heap that was being changed, the later one is right. */
	if (last && last->hi > lo)
		last->hi = lo;
	*ARRAY_ADD(h->items, h->item_count, h->item_room) = (struct waste_item){ lo, lo, index, kind };
}

/* The item that was added last ends here, at most; what follows belongs to the allocator. */
static void close_item(struct waste_heap *h, uint64_t bytes, uint64_t next)
{
	struct waste_item *last = h->item_count ? &h->items[h->item_count - 1] : NULL;

	if (!last)
		return;
	last->hi = next;
	if (last->kind != ITEM_BLOCK && next > last->lo + bytes) {
		last->hi = last->lo + bytes;
		add_item(h, last->hi, ITEM_OWN, 0);
		h->items[h->item_count - 1].hi = next;
	}
}

static uint32_t kind_of(const struct tide_chunk *c)
{
	switch (c->kind) {
	case CHUNK_BIN:
	case CHUNK_FAST: return ITEM_FREE;
	case CHUNK_CACHED: return ITEM_CACHED;
	case CHUNK_TOP: return ITEM_TOP;
	default: return ITEM_OWN;
	}
}

/* Both lists are by address, and so are regions. */
static void read_items(struct waste_heap *h)
{
	const struct snapshot *s = h->s;
	const struct tide_region *r = h->region;
	uint64_t bytes = 0;

	h->item_count = 0;
	h->block = SEARCH_UP_TO(s->blocks, s->block_count, address, r->lo);
	h->chunk = SEARCH_UP_TO(s->chunks, s->chunk_count, address, r->lo ? r->lo - 1 : 0);
	for (;;) {
		uint64_t block = h->block < s->block_count ? s->blocks[h->block].address - WASTE_HEADER
							   : UINT64_MAX,
			 chunk = h->chunk < s->chunk_count ? s->chunks[h->chunk].address : UINT64_MAX,
			 lo = block < chunk ? block : chunk;

		if (lo >= r->hi)
			break;
		if (lo < r->lo)
			lo = r->lo;
		close_item(h, bytes, lo);
		if (block < chunk) {
			add_item(h, lo, ITEM_BLOCK, (uint32_t)h->block++);
		} else {
			bytes = s->chunks[h->chunk].bytes;
			add_item(h, lo, kind_of(&s->chunks[h->chunk]), (uint32_t)h->chunk);
			h->chunk++;
		}
	}
	close_item(h, bytes, r->hi);
}

static void read_runs(struct waste_heap *h)
{
	h->run_count = 0;
	for (size_t i = 0; h->arena && i < h->item_count;) {
		struct waste_run *run;
		size_t first = i;

		while (i < h->item_count && (h->items[i].kind == ITEM_FREE || h->items[i].kind == ITEM_TOP))
			i++;
		if (i == first) {
			i++;
			continue;
		}
		run = ARRAY_ADD(h->runs, h->run_count, h->run_room);
		*run = (struct waste_run){ .lo = h->items[first].lo,
			.hi = h->items[i - 1].hi,
			.top = h->items[i - 1].kind == ITEM_TOP };
		waste_returnable(h->arena, run->lo, run->hi, run->top, false, &run->from, &run->end);
		run->given = waste_pages_of(&h->pages, run->from, run->end).resident;
	}
}

void waste_items_read(struct waste_heap *h, const struct tide_region *region)
{
	h->region = region;
	h->arena = region->kind == REGION_HEAP ? &h->s->arenas[region->item] : NULL;
	read_items(h);
	read_runs(h);
}
