/* heap_held.h - the memory that glibc's arenas hold, without a walk through it.
 *
 * For a process that runs: only the arenas' own words are read, and what changes during that is as it was at some
 * moment. Memory that the main arena took where the program break could not grow is left out, and so are mapped
 * chunks.
 */
#ifndef TIDEMARK_HEAP_HELD_H
#define TIDEMARK_HEAP_HELD_H

#include "process/remote.h"

struct heap_held {
	struct heap_range {
		uint64_t lo, hi;
	} * ranges; /* by address; they do not overlap */
	size_t count, room;
};

void heap_held_find(struct heap_held *h, struct remote *memory);
void heap_held_free(struct heap_held *h);

#endif
