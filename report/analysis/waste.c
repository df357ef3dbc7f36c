/* waste.c - the parts of resident memory: waste.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/search.h"
#include "waste_private.h"

static const char *const part_name[WASTE_PARTS] = { "live", "slack", "untouched", "free_pinned",
	"free_returnable", "allocator", "stacks", "tls", "globals", "files", "shared", "mappings", "profiler",
	"unknown" };

const char *waste_part_name(enum waste_part part) { return part < WASTE_PARTS ? part_name[part] : "unknown"; }

uint64_t waste_wasted(const struct waste *w)
{
	return w->part[WASTE_SLACK].resident + w->part[WASTE_FREE_PINNED].resident
		+ w->part[WASTE_FREE_RETURNABLE].resident;
}

static void add_bytes(struct waste_bytes *to, struct waste_bytes b)
{
	to->resident += b.resident;
	to->swapped += b.swapped;
	to->virtual_ += b.virtual_;
}

/* Charges [lo, hi) to a part, in a region whose pages are known. */
static void charge(struct waste *w, struct waste_heap *h, enum waste_part part, uint64_t lo, uint64_t hi)
{
	if (lo < hi)
		add_bytes(&w->part[part], waste_pages_of(&h->pages, lo, hi));
}

/* --- live blocks ---------------------------------------------------------------- */

/* Whole pages inside [lo, hi) that are neither in memory nor in swap. */
static uint64_t count_untouched(struct waste_heap *h, uint64_t lo, uint64_t hi)
{
	struct waste_bytes b;

	lo = (lo + WASTE_PAGE - 1) & ~(WASTE_PAGE - 1);
	hi &= ~(WASTE_PAGE - 1);
	if (lo >= hi)
		return 0;
	b = waste_pages_of(&h->pages, lo, hi);
	return b.virtual_ - b.resident - b.swapped;
}

/* A live block, and what it can use up to `end`. */
static void charge_block(struct waste *w, struct waste_heap *h, uint32_t index, uint64_t end)
{
	const struct tide_block *b = &h->s->blocks[index];
	struct waste_group *g = &w->groups[waste_group_of(w, index)];
	uint64_t room = b->address < end ? end - b->address : 0, bytes = b->bytes < room ? b->bytes : room;
	uint64_t untouched = count_untouched(h, b->address, b->address + bytes);

	charge(w, h, WASTE_LIVE, b->address, b->address + bytes);
	w->part[WASTE_LIVE].virtual_ -= untouched;
	w->part[WASTE_UNTOUCHED].virtual_ += untouched;
	charge(w, h, WASTE_SLACK, b->address + bytes, end);
	if (!g->blocks || b->birth < g->oldest) {
		g->oldest = b->birth;
		g->example = index;
	}
	g->blocks++;
	g->bytes += b->bytes;
	g->slack += b->address + bytes < end ? end - b->address - bytes : 0;
	g->untouched += untouched;
	g->untouched_blocks += untouched != 0;
}

/* --- regions ---------------------------------------------------------------------- */

static void charge_free(struct waste *w, struct waste_heap *h, const struct waste_run *run)
{
	uint64_t lo = run->lo + WASTE_SHIFT, hi = run->hi + WASTE_SHIFT, from = run->from, end = run->end;

	if (hi > h->region->hi)
		hi = h->region->hi;
	if (from >= end)
		from = end = hi;
	charge(w, h, WASTE_FREE_PINNED, lo, from);
	charge(w, h, WASTE_FREE_RETURNABLE, from, end);
	charge(w, h, WASTE_FREE_PINNED, end, hi);
}

static void charge_items(struct waste *w, struct waste_heap *h)
{
	const struct tide_region *r = h->region;
	const struct waste_run *run = h->runs;

	charge(w, h, WASTE_ALLOCATOR, r->lo,
		h->item_count && h->items[0].lo + WASTE_SHIFT < r->hi ? h->items[0].lo + WASTE_SHIFT : r->hi);
	for (size_t i = 0; i < h->item_count; i++) {
		const struct waste_item *item = &h->items[i];
		uint64_t lo = item->lo + WASTE_SHIFT, hi = item->hi + WASTE_SHIFT;

		if (hi > r->hi)
			hi = r->hi;
		switch (item->kind) {
		case ITEM_BLOCK:
			charge(w, h, WASTE_ALLOCATOR, lo,
				item->lo + WASTE_HEADER < hi ? item->lo + WASTE_HEADER : hi);
			charge_block(w, h, item->index, hi);
			break;
		case ITEM_FREE:
		case ITEM_TOP:
			if (run < h->runs + h->run_count && run->lo == item->lo)
				charge_free(w, h, run++);
			break;
		case ITEM_CACHED:
			charge(w, h, WASTE_FREE_PINNED, lo, hi);
			w->cached += hi - lo;
			w->cached_blocks++;
			break;
		default: charge(w, h, WASTE_ALLOCATOR, lo, hi);
		}
	}
}

static void sum_arena(struct waste *w, struct waste_heap *h)
{
	struct waste_arena *a = &w->arenas[h->region->item];
	uint64_t top = h->arena->top;

	for (size_t i = 0; i < h->item_count; i++) {
		const struct waste_item *item = &h->items[i];
		uint64_t bytes = item->hi - item->lo;

		switch (item->kind) {
		case ITEM_BLOCK:
			a->live += h->s->blocks[item->index].bytes;
			if (top >= h->region->lo && top < h->region->hi && item->lo < top)
				a->last = item->index;
			break;
		case ITEM_TOP: a->top = bytes; /* fall through */
		case ITEM_FREE:
		case ITEM_CACHED:
			a->free += bytes;
			a->free_resident += waste_pages_of(&h->pages, item->lo, item->hi).resident;
			break;
		default:;
		}
	}
	for (size_t i = 0; i < h->run_count; i++)
		a->returnable += h->runs[i].given;
}

/* Memory outside blocks, in an allocator whose lists cannot be read here. All small objects of CPython are known,
 * so the rest of its arenas is free; in another allocator it may be free or its own. Otherwise the blocks lie where
 * the walk of glibc's heap did not reach. */
static void charge_rest_of(struct waste *w, struct waste_heap *h, uint64_t lo, uint64_t hi, bool python)
{
	uint64_t bytes = lo < hi ? waste_pages_of(&h->pages, lo, hi).resident : 0;

	if (python) {
		charge(w, h, WASTE_FREE_PINNED, lo, hi);
		w->python_free += bytes;
	} else if (w->s->process->flags & (PROCESS_FOREIGN | PROCESS_OWN_MALLOC)) {
		charge(w, h, WASTE_ALLOCATOR, lo, hi);
		w->foreign += bytes;
	} else {
		charge(w, h, WASTE_UNKNOWN, lo, hi);
	}
}

static void charge_rest(struct waste *w, struct waste_heap *h, uint64_t lo, uint64_t hi)
{
	const struct snapshot *s = w->s;

	/* Without their list, all of it is taken for arenas. */
	if (!s->python_arena_count) {
		charge_rest_of(w, h, lo, hi, w->python);
		return;
	}
	while (lo < hi) {
		size_t i = SEARCH_UP_TO(s->python_arenas, s->python_arena_count, address, lo);
		const struct tide_python_arena *last = i ? &s->python_arenas[i - 1] : NULL;
		bool inside = last && lo - last->address < last->bytes;
		uint64_t end = inside               ? last->address + last->bytes
			: i < s->python_arena_count ? s->python_arenas[i].address
						    : hi;

		if (end > hi || end <= lo)
			end = hi;
		charge_rest_of(w, h, lo, end, inside);
		lo = end;
	}
}

static void charge_foreign(struct waste *w, struct waste_heap *h, const struct tide_region *r)
{
	const struct snapshot *s = h->s;
	uint64_t at = r->lo;

	for (size_t i = SEARCH_UP_TO(s->blocks, s->block_count, address, r->lo - 1);
		i < s->block_count && s->blocks[i].address < r->hi; i++) {
		const struct tide_block *b = &s->blocks[i];

		if (b->address < at)
			continue;
		charge_rest(w, h, at, b->address);
		at = b->bytes < r->hi - b->address ? b->address + b->bytes : r->hi;
		charge_block(w, h, (uint32_t)i, at);
	}
	charge_rest(w, h, at, r->hi);
}

/* When it is freed, it goes back as a whole. */
static void charge_chunk(struct waste *w, struct waste_heap *h)
{
	for (size_t i = 0; i < h->item_count; i++)
		if (h->items[i].kind == ITEM_BLOCK) {
			struct waste_group *g = &w->groups[waste_group_of(w, h->items[i].index)];

			g->pinned += h->region->resident_bytes;
			g->pinned_first += (int64_t)h->region->resident_bytes;
			return;
		}
}

static void charge_region(
	struct waste *w, struct waste_heap *h, struct waste_pins *pins, const struct tide_region *r)
{
	static const enum waste_part part[REGION_KINDS] = { [REGION_UNKNOWN] = WASTE_UNKNOWN,
		[REGION_STACK] = WASTE_STACKS,
		[REGION_TLS] = WASTE_TLS,
		[REGION_GLOBALS] = WASTE_GLOBALS,
		[REGION_FILE] = WASTE_FILES,
		[REGION_SHARED] = WASTE_SHARED,
		[REGION_MAPPING] = WASTE_MAPPINGS,
		[REGION_PROFILER] = WASTE_PROFILER };
	struct waste_bytes bytes = { r->resident_bytes, r->swapped_bytes, r->hi - r->lo };

	add_bytes(&w->all, bytes);
	w->huge += r->huge_bytes;
	switch (r->kind) {
	case REGION_HEAP:
	case REGION_CHUNK:
		waste_items_read(h, r);
		charge_items(w, h);
		if (r->kind == REGION_HEAP)
			sum_arena(w, h);
		else
			charge_chunk(w, h);
		waste_pins_region(pins, h);
		break;
	case REGION_FOREIGN: charge_foreign(w, h, r); break;
	default: add_bytes(&w->part[r->kind < REGION_KINDS ? part[r->kind] : WASTE_UNKNOWN], bytes);
	}
}

/* In a damaged file the sections may contradict each other: the rest is unknown, never lost. */
static void balance_parts(struct waste *w)
{
	uint64_t known = 0;

	for (int i = 0; i < WASTE_PARTS; i++)
		known += w->part[i].resident;
	if (known < w->all.resident)
		w->part[WASTE_UNKNOWN].resident += w->all.resident - known;
	else
		w->all.resident = known;
}

int waste_find(struct waste *w, const struct snapshot *s, struct tide_error *e)
{
	return waste_find_groups(w, s, NULL, s->site_count, e);
}

int waste_find_groups(struct waste *w, const struct snapshot *s, const uint32_t *group_of, size_t count,
	struct tide_error *e)
{
	struct waste_heap h = { .s = s };
	struct waste_pins *pins;
	const char *why = snapshot_string(s, s->process->incomplete_why);

	*w = (struct waste){ .s = s, .group_count = count, .group_of = group_of };
	if (!s->region_count)
		return error_set(e, EXIT_UNMEASURED,
			"cannot say where the memory is|%s|take one of the running process, with references",
			s->process->references ? s->process->flags & (PROCESS_BRIEF | PROCESS_SETTLED)
					? "the snapshot has no map of the memory: a child that ends soon after its "
					  "fork does not wait for one"
					: "the snapshot has no map of the memory: it is of an older version"
				: *why         ? why
					       : "the snapshot was taken without an image of the process");
	w->walked = s->process->flags & PROCESS_WALKED;
	w->unseen = s->process->flags & PROCESS_OWN_MALLOC || (w->walked && s->process->allocator);
	for (size_t i = 0; i < s->module_count && !(s->process->flags & PROCESS_FOREIGN); i++)
		w->python |= s->modules[i].flags & MODULE_PYTHON;
	w->groups = alloc_zeroed(w->group_count + 1, sizeof(*w->groups));
	w->arena_count = s->arena_count;
	w->arenas = alloc_zeroed(w->arena_count + 1, sizeof(*w->arenas));
	for (size_t i = 0; i < w->arena_count; i++)
		w->arenas[i] = (struct waste_arena){ .bytes = s->arenas[i].bytes, .last = SNAPSHOT_NONE };
	waste_pages_begin(&h.pages, s);
	pins = waste_pins_new(w);
	for (size_t i = 0; i < s->region_count; i++)
		charge_region(w, &h, pins, &s->regions[i]);
	waste_pins_end(pins, &h);
	waste_pages_end(&h.pages);
	balance_parts(w);
	free(h.items);
	free(h.runs);
	return 0;
}

void waste_free(struct waste *w)
{
	free(w->arenas);
	free(w->groups);
	*w = (struct waste){ 0 };
}
