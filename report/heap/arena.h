/* arena.h - the state of glibc's allocator in another process.
 *
 * libc exports none of its names, and what precedes and follows the bins of an arena
 * differs between versions. So no offset is fixed here, only the order of members:
 * struct malloc_state begins with a lock and, up to glibc 2.42, lists of fast chunks;
 * then come top, last_remainder, 127 pairs of bins, a map of the bins, and the link to
 * the next arena.
 *
 * AR1 An arena counts only if each bin is empty, which means that it points at itself,
 *     or leads to a chunk that points back. A process may have been stopped inside
 *     malloc, so a few bins may be in between.
 * AR2 The arenas form a ring that closes, and have the same layout.
 * AR3 A heap of an arena begins with a pointer to its arena; its chain of heaps ends
 *     at the one in which the arena itself lies. What does not close is counted.
 *
 * AR4 Memory that only looks like arenas is left after a number of looks (remote.looks); what
 *     was not found then counts as not there, or as not closed.
 *
 * Threads: each call works on its own arguments.
 */
#ifndef TIDEMARK_ARENA_H
#define TIDEMARK_ARENA_H

#include <stdbool.h>
#include "process/remote.h"

struct arena {
	uint64_t address; /* of its struct malloc_state */
	uint64_t top;     /* chunk at the end of its newest heap; 0: not yet known */
	bool main;        /* of the program break, and of mappings where that cannot grow */
};

/* From struct heap_info to the end of what is in use. The main arena has no heaps. */
struct arena_heap {
	uint64_t lo, hi;
	uint32_t arena; /* index */
};

struct arenas {
	struct arena *list; /* the main arena first */
	size_t count, room;
	struct arena_heap *heaps;
	size_t heap_count, heap_room;
	uint64_t bytes;      /* of a struct malloc_state */
	uint64_t bins, next; /* offsets in it */
	size_t open_chains;  /* arenas whose heaps are not all known */
};

/* Looks for the main arena in [lo, hi), libc's variables. False: it is not there, and
 * nothing is filled in. */
bool arena_find(struct remote *memory, uint64_t lo, uint64_t hi, struct arenas *out);
/* Is there a main arena in [lo, hi) from which nothing was ever allocated? */
bool arena_untouched(struct remote *memory, uint64_t lo, uint64_t hi);
/* Adds the arenas of another libc in the same process (dlmopen), and frees them. False: they have another
 * layout and are left out. */
bool arena_join(struct arenas *to, struct arenas *more);
void arena_free(struct arenas *arenas);

#endif
