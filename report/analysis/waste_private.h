/* waste_private.h - one region of a heap as items in the order of addresses: waste.h.
 *
 *   waste_pages.c   how much of a range is resident
 *   waste_items.c   blocks and chunks of a region, and runs of free chunks
 *   waste_pins.c    what would be given back without the blocks of a group
 *   waste.c         parts, arenas, and the order of it all
 *
 * Addresses here are those of chunks, shifted by eight bytes: the first word of a chunk belongs to the block
 * before it as long as that is in use, and so an item from `lo` to `hi` has all bytes of [lo + 8, hi + 8).
 */
#ifndef TIDEMARK_WASTE_PRIVATE_H
#define TIDEMARK_WASTE_PRIVATE_H

#include "waste.h"

#define WASTE_PAGE 4096ull
#define WASTE_SHIFT 8u   /* see above */
#define WASTE_HEADER 16u /* from a chunk to its block */

/* --- pages --- */

struct waste_pages {
	const struct tide_pages *runs;
	size_t count, near;           /* where the last search ended: the next one is usually close */
	uint64_t *resident, *swapped; /* bytes before each run, and the total */
};
void waste_pages_begin(struct waste_pages *p, const struct snapshot *s);
void waste_pages_end(struct waste_pages *p);
struct waste_bytes waste_pages_of(struct waste_pages *p, uint64_t lo, uint64_t hi);

/* --- items --- */

enum waste_item_kind { ITEM_BLOCK, ITEM_FREE, ITEM_TOP, ITEM_CACHED, ITEM_OWN };
struct waste_item {
	uint64_t lo, hi;
	uint32_t index; /* of blocks or chunks */
	uint32_t kind;  /* enum waste_item_kind */
};
/* Adjacent free chunks, which malloc_trim merges into one. */
struct waste_run {
	uint64_t lo, hi;
	uint64_t from, end; /* what it would give back; from == end: nothing */
	uint64_t given;     /* resident bytes of that */
	bool top;
};
struct waste_heap {
	const struct snapshot *s;
	struct waste_pages pages;
	/* Of the region that is looked at. */
	const struct tide_region *region;
	const struct tide_arena *arena; /* NULL: a mapped chunk */
	struct waste_item *items;
	size_t item_count, item_room;
	struct waste_run *runs;
	size_t run_count, run_room;
	/* Where the next region continues in the sections. */
	size_t block, chunk;
};
void waste_items_read(struct waste_heap *h, const struct tide_region *region);
/* What malloc_trim(0) gives back of free memory [lo, hi); `top`: it reaches the arena's end; `freed`: blocks
 * have just been freed into it. */
void waste_returnable(const struct tide_arena *a, uint64_t lo, uint64_t hi, bool top, bool freed,
	uint64_t *from, uint64_t *end);

/* --- pins --- */

struct waste_pins;
struct waste_pins *waste_pins_new(struct waste *w);
/* One region. */
void waste_pins_region(struct waste_pins *p, struct waste_heap *h);
/* The rest, and frees it. */
void waste_pins_end(struct waste_pins *p, struct waste_heap *h);

/* Blocks of a large file may not have been checked when this is called (snapshot_verify). */
static inline uint32_t waste_group_of(const struct waste *w, uint32_t block)
{
	uint32_t group = w->group_of ? w->group_of[block] : w->s->blocks[block].site;

	return group < w->group_count ? group : 0;
}

#endif
