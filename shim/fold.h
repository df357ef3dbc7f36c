/* fold.h - shorter stacks for a program that has too many of them.
 *
 * Recursion makes a stack for each depth and each order of calls. From a number of sites on
 * (TIDEMARK_SITES) a new stack is made simpler before it gets a site: what lies between two
 * occurrences of the same frame goes, so that each cycle of calls, direct or mutual, is there
 * once; and the more sites there are beyond that number, the fewer of the innermost frames are
 * kept. So the sites never become many more than twice that number. Sums stay exact: every block
 * is still charged to some site.
 *
 * A native frame repeats another only where both were called by the same line of Python: the interpreter is
 * between any two of them.
 *
 * FO1  The same stack gives the same result as long as the limit of frames is the same.
 * FO2  The innermost frame stays: it calls the allocator.
 *
 * Threads: one at a time, under the lock of sites.
 */
#ifndef TIDEMARK_FOLD_H
#define TIDEMARK_FOLD_H

#include "state.h"

/* Unless TIDEMARK_SITES says otherwise. A stack of Python differs by its lines, so there are more. */
#define FOLD_SITES 200000u
#define FOLD_SITES_PYTHON 500000u

struct fold {
	struct walk_place place[WALK_DEPTH_MAX];
	struct walk_frame frame[WALK_DEPTH_MAX];
	uintptr_t
		python[WALK_DEPTH_MAX]; /* of native frames: the nearest one of Python further out; 0: none */
	uint32_t count;
	bool cut; /* outer frames were left out */
};

/* Frames that a new stack may have when there are this many sites; 0: the stack is kept whole. */
uint32_t fold_limit(uint64_t sites, uint64_t most);

/* Folds a stack, the outermost frame first, into `f`. False if nothing of it is left out. */
bool fold_stack(struct fold *f, const struct walk_place *places, const struct walk_frame *frames,
	uint32_t count, uint32_t limit);

#endif
