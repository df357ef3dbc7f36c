/* held.h - how much memory the allocator of a running process holds, and how much of that is not live.
 *
 * HE1 The process goes on during the measurement: the figures are of some moments close to each other. `wasted` means the same
 *     as in `tidemark waste`: free memory and slack that are resident.
 * HE2 Costs about a tenth of a second for a million blocks, in the caller's process only.
 */
#ifndef TIDEMARK_HELD_H
#define TIDEMARK_HELD_H

#include "base/error.h"

struct held {
	uint64_t resident; /* of the process, without the profiler's own */
	uint64_t bytes;    /* of these, held by malloc, and by Python for small objects */
	uint64_t live;     /* of these, in blocks */
	uint64_t wasted;   /* the rest, without headers of blocks */
};

/* -1: the ledger or the process cannot be read. */
int held_measure(struct held *h, const char *ledger, int pid, struct tide_error *e);

#endif
