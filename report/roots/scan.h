/* scan.h - from words to references: which block does a word point into?
 *
 * A directory of pages finds the block of an address in constant time: for
 * each 4 KiB page of addresses a bit for each 16 bytes where a block starts,
 * and the number of the first block. Two levels, since arenas are far apart.
 *
 * SC1  Blocks are sorted by address and do not overlap. A block of zero bytes
 *     covers its address.
 * SC2  References of block i are edges [starts[i], starts[i+1]), by offset.
 * SC3  An interior reference is explained only by layout.h.
 */
#ifndef TIDEMARK_SCAN_H
#define TIDEMARK_SCAN_H

#include <stdbool.h>
#include "model/format.h"
#include "layout.h"
#include "process/remote.h"

#define SCAN_NONE UINT32_MAX

struct scan_page;
struct count_notes;

struct scan {
	struct tide_block *blocks; /* the caller's */
	uint64_t block_count;
	uint64_t lo, hi;              /* of all blocks */
	struct scan_page **directory; /* by address >> 22, from lo */
	uint64_t directory_count;
	bool one_a_granule;        /* of 16 bytes: no two blocks share one, and each begins with it */
	uint64_t mask;             /* --pointer-mask: bits to clear first; 0 = none */
	bool unaligned;            /* --unaligned */
	uint8_t *stack_block;      /* 1: not scanned (a stack, scanned as one; text); or NULL */
	struct layout *layout;     /* or NULL: nothing is explained */
	uint8_t *shapes;           /* layout_shape of each block */
	struct count_notes *notes; /* or NULL; count_notes.h */
	uint64_t *digests;         /* or NULL; of each block's content, 0 unknown, or nothing but zeros */
	/* What was found. */
	struct tide_root_edge *root_edges;
	uint64_t root_edge_count, root_edge_room;
	uint64_t *starts; /* block_count + 1 */
	struct tide_edge *edges;
	uint64_t edge_count, edge_room;
};

/* One reference. */
struct scan_hit {
	uint32_t block, flags;
	uint64_t to_offset;
};

/* The blocks stay the caller's, and must stay. */
void scan_begin(struct scan *s, struct tide_block *blocks, uint64_t count);
void scan_end(struct scan *s);

/* The block that covers an address, or SCAN_NONE. */
uint32_t scan_block(const struct scan *s, uint64_t address);
/* The first block that starts at or after an address; block_count when none. */
uint64_t scan_first(const struct scan *s, uint64_t address);
/* What a word refers to. */
bool scan_word(const struct scan *s, uint64_t word, struct scan_hit *hit);

/* Reads all blocks and fills starts, edges and shapes. */
void scan_heap(struct scan *s, struct remote *m);
/* After the heap and all roots: sets EDGE_EXPLAINED, and drops words to the end of blocks that are not
 * empty arrays. */
void scan_explain(struct scan *s);

/* Reads [lo, hi) and calls `found` for each reference. */
typedef void scan_found(void *context, uint64_t address, const struct scan_hit *hit);
void scan_range(struct scan *s, struct remote *m, uint64_t lo, uint64_t hi, scan_found *found, void *context);
/* Adds one reference from a root. */
void scan_root_edge(struct scan *s, uint32_t root, uint64_t address, const struct scan_hit *hit);

#endif
