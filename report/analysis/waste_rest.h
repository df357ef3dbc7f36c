/* waste_rest.h - what resident memory is, in a few sums: for the heads of screens.
 *
 * WE1 The sums are those of waste.h: `live` is its part of that name, and `heap` its slack, free memory and what the
 *     allocator has for itself (and what is unknown). But of a heap, only what is not resident is looked at: pages
 *     in runs, and the blocks that lie in them, so that nothing is as slow as the number of blocks.
 */
#ifndef TIDEMARK_WASTE_REST_H
#define TIDEMARK_WASTE_REST_H

#include <stdbool.h>
#include "model/snapshot.h"

struct waste_rest {
	uint64_t
		live; /* of what was asked for, the resident part: the rest was never touched, or is in swap */
	uint64_t absent; /* and that rest */
	uint64_t heap;   /* resident memory of allocators minus what is live */
	uint64_t files, stacks, globals, mappings,
		profiler; /* stacks: with TLS; mappings: and shared memory */
	uint64_t all;     /* the sum, without `live` */
};

/* False: the snapshot does not say. */
bool waste_rest(const struct snapshot *s, struct waste_rest *rest);

#endif
