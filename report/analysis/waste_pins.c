/* waste_pins.c - what would be given back if the blocks of one group alone were freed: waste.h, WS3.
 *
 * Of each group, the blocks between which there is nothing but free memory, and the free memory around them,
 * become one free chunk. All groups are followed in one pass: each has at most one such stretch open at a time.
 */
#include <stdlib.h>
#include "base/alloc.h"
#include "waste_private.h"

struct stretch {
	uint64_t lo, hi;
	uint64_t given;                 /* by free chunks in it, as they are */
	const struct waste_run *first;  /* of these chunks, as long as its region is looked at */
	uint64_t own;                   /* resident bytes of its blocks */
	const struct tide_arena *arena; /* NULL: it is not open */
	bool top;
	bool at_once; /* free() itself coalesces one of its blocks, and looks at the end of the heap */
};

/* Smaller chunks wait in fast bins until malloc_trim coalesces them: DEFAULT_MXFAST (malloc/malloc.c). */
#define FAST_MOST 128u

struct waste_pins {
	struct waste *w;
	struct stretch *open; /* one per group, and one for the threads' caches */
};

struct waste_pins *waste_pins_new(struct waste *w)
{
	struct waste_pins *p = alloc_zeroed(1, sizeof(*p));

	p->w = w;
	p->open = alloc_zeroed(w->group_count + 1, sizeof(*p->open));
	return p;
}

static struct waste_group *group_at(struct waste_pins *p, size_t group)
{
	return group < p->w->group_count ? &p->w->groups[group] : &p->w->caches;
}

/* What malloc_trim gives back of runs up to `last` as they are, from `from` to `end`. */
static uint64_t given_in(struct waste_heap *h, const struct waste_run *run, const struct waste_run *last,
	uint64_t from, uint64_t end)
{
	uint64_t given = 0;

	for (; run && run <= last; run++)
		given += waste_pages_of(
			&h->pages, run->from > from ? run->from : from, run->end < end ? run->end : end)
				 .resident;
	return given;
}

static void close_stretch(struct waste_pins *p, struct waste_heap *h, size_t group)
{
	struct stretch *t = &p->open[group];
	struct waste_group *g = group_at(p, group);
	uint64_t from, end, bytes, all;
	bool stays;

	if (!t->arena)
		return;
	waste_returnable(t->arena, t->lo, t->hi, t->top, true, &from, &end);
	all = waste_pages_of(&h->pages, from, end).resident;
	bytes = all > t->given ? all - t->given : 0;
	stays = t->top && t->arena->kind != ARENA_MAIN && !t->at_once;
	g->pinned_first += t->top ? (int64_t)((stays ? 0 : all) - t->given) : (int64_t)bytes;
	/* What stays of the end of a heap was given back in part before the blocks made it the end. */
	if (t->top)
		bytes = all - given_in(h, t->first, h->runs + h->run_count - 1, from, end);
	if (stays) {
		g->pinned_top += bytes > t->own ? bytes - t->own : 0;
	} else {
		g->pinned += bytes;
		g->pinned_free += bytes > t->own ? bytes - t->own : 0;
	}
	t->arena = NULL;
}

/* `left` and `right`: the free memory at its sides, or NULL. */
static void add_item(struct waste_pins *p, struct waste_heap *h, size_t group, const struct waste_item *item,
	const struct waste_run *left, const struct waste_run *right)
{
	struct stretch *t = &p->open[group];

	if (t->arena && (t->arena != h->arena || t->hi != item->lo))
		close_stretch(p, h, group);
	if (!t->arena)
		*t = (struct stretch){ .lo = left ? left->lo : item->lo,
			.given = left ? left->given : 0,
			.first = left ? left : right,
			.arena = h->arena };
	t->own += waste_pages_of(&h->pages, item->lo + WASTE_SHIFT, item->hi + WASTE_SHIFT).resident;
	t->hi = right ? right->hi : item->hi;
	t->given += right ? right->given : 0;
	t->top = right && right->top;
	if (!t->first)
		t->first = right;
	t->at_once |= item->hi - item->lo > FAST_MOST;
	if (t->top)
		close_stretch(p, h, group);
}

void waste_pins_region(struct waste_pins *p, struct waste_heap *h)
{
	const struct waste_run *run = h->runs, *last = h->runs + h->run_count, *left = NULL;

	for (size_t i = 0; h->arena && i < h->item_count; i++) {
		const struct waste_item *item = &h->items[i];

		while (run < last && run->hi <= item->lo)
			left = run++;
		if (item->kind == ITEM_BLOCK || item->kind == ITEM_CACHED)
			add_item(p, h,
				item->kind == ITEM_BLOCK ? waste_group_of(p->w, item->index)
							 : p->w->group_count,
				item, left && left->hi == item->lo ? left : NULL,
				run < last && run->lo == item->hi ? run : NULL);
	}
}

void waste_pins_end(struct waste_pins *p, struct waste_heap *h)
{
	for (size_t i = 0; i <= p->w->group_count; i++)
		close_stretch(p, h, i);
	free(p->open);
	free(p);
}
