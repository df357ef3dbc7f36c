/* heap_busy.h - is a thread in the middle of malloc? What it is changing does not close (heap.h, HP1).
 *
 *   heap_busy_find   while the process runs: where its arenas are
 *   heap_is_busy     while it is stopped: a word of each arena
 *
 * HB1 Each arena begins with its lock (struct malloc_state, glibc 2.26 to 2.43), which a process with several
 *     threads takes for each change of chunks and bins. What a thread does to its own cache is not detected.
 */
#ifndef TIDEMARK_HEAP_BUSY_H
#define TIDEMARK_HEAP_BUSY_H

#include <stdbool.h>
#include "process/remote.h"

struct heap_busy {
	struct remote memory;
	uint64_t *first; /* the main arena of each copy of libc */
	size_t count, room;
	uint64_t next; /* offset of the link to the next arena */
	bool open;
};

/* Finds nothing where there is no glibc, or where the process may not be read. `b` was zeroed or
 * found before. Call heap_busy_end in any case. */
void heap_busy_find(struct heap_busy *b, int pid);
bool heap_is_busy(struct heap_busy *b);
void heap_busy_end(struct heap_busy *b);

#endif
