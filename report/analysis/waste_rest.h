/* waste_rest.h - what resident memory is besides live blocks, in a few sums: for the heads of screens.
 *
 * Computed from regions alone, so that no block is read; waste.h has the parts exactly.
 */
#ifndef TIDEMARK_WASTE_REST_H
#define TIDEMARK_WASTE_REST_H

#include <stdbool.h>
#include "model/snapshot.h"

struct waste_rest {
	uint64_t heap; /* resident memory of allocators minus what is live: free memory, slack, headers */
	uint64_t files, stacks, globals, mappings,
		profiler; /* stacks: with TLS; mappings: and shared memory */
	uint64_t all;     /* their sum */
};

/* False: the snapshot does not say. */
bool waste_rest(const struct snapshot *s, struct waste_rest *rest);

#endif
