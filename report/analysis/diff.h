/* diff.h - two lists of keyed numbers, matched: tracemalloc's compare_to.
 *
 * Pure: knows nothing of snapshots, prints nothing. Used by `diff`, `html` and `gate`.
 *
 * DF1  Items of one side with equal keys are added up first.
 * DF2  Every key of either side is in exactly one row, except a moved pair, which is
 *     one row of two keys. Sums of the rows are the sums of the items.
 * DF3  Moved: gone on the old side, new on the other, with equal bytes and blocks,
 *     and the same leaf or the same caller (0 matches nothing). Only when asked.
 * DF4  Rows with nothing on both sides are left out.
 */
#ifndef TIDEMARK_DIFF_H
#define TIDEMARK_DIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum diff_kind { DIFF_NEW, DIFF_GONE, DIFF_GROWN, DIFF_SHRUNK, DIFF_MOVED, DIFF_SAME, DIFF_KINDS };

struct diff_item {
	uint64_t key;
	int64_t bytes, blocks;
	uint64_t leaf, caller; /* for DF3; 0 unknown */
	uint32_t origin;       /* the caller's: of items added up, the one with most bytes */
};

struct diff_side {
	int64_t bytes, blocks;
	uint32_t origin; /* DIFF_NO_ORIGIN: not on this side */
};
#define DIFF_NO_ORIGIN UINT32_MAX

struct diff_row {
	uint64_t key; /* the new one's when moved */
	enum diff_kind kind;
	struct diff_side old, new;
};

struct diff {
	struct diff_row *row; /* largest absolute difference first (bytes, then blocks) */
	size_t count;
	size_t of_kind[DIFF_KINDS];
	int64_t old_bytes, old_blocks, new_bytes, new_blocks;
};

/* Sorts the items in place. */
void diff_make(struct diff *d, struct diff_item *old_items, size_t old_count, struct diff_item *new_items,
	size_t new_count, bool pair_moved);
/* Orders the rows by blocks first. */
void diff_sort_by_blocks(struct diff *d);
void diff_free(struct diff *d);

/* Pairs what is equal in two lists sorted alike, elements of `bytes` each: `matched` is called
 * for each pair, and the rest moves together at the front of its list. `order` compares one of `gone`
 * with one of `fresh`, and may refine nothing that the lists are not sorted by. */
struct diff_list {
	void *at;
	size_t count;
};
void diff_pair(struct diff_list *gone, struct diff_list *fresh, size_t bytes,
	int (*order)(const void *gone, const void *fresh),
	void (*matched)(void *context, const void *gone, const void *fresh), void *context);
const char *diff_kind_name(enum diff_kind kind); /* "new", "gone" ... */

#endif
