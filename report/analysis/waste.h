/* waste.h - where the resident memory of a process is, and which blocks keep free memory from going back.
 *
 *   SECTION_REGIONS, PAGES, CHUNKS, ARENAS, BLOCKS ──waste_find──▶ parts, arenas, rows by group
 *
 * WS1 Each resident byte is in one part; the parts add up to `resident` exactly. Swapped bytes and addresses are
 *     counted separately, and add up as well.
 * WS2 What malloc_trim(0) gives back is computed as glibc does it (mtrim and systrim in malloc/malloc.c, 2.31 to
 *     2.43): in every arena fast bins are coalesced; each free chunk gives back the whole pages after its first
 *     48 bytes; the main arena's top, where it ends at the program break, gives back all whole pages from its end
 *     except for 33 bytes (whole huge pages with glibc.malloc.hugetlb=1). The top of another arena stays, and so do the threads' caches.
 * WS3 A row's pinned bytes are what would be given back in addition if its blocks alone were freed: their chunks
 *     coalesce with free neighbours and with each other, and the rule above is applied to what results. Exact by
 *     pages; their own memory is part of it. free() itself gives back memory at the end of another arena's heap:
 *     that counts, with M_TRIM_THRESHOLD and M_TOP_PAD as they are then. But not for blocks of fast bins, which
 *     free() does not coalesce: malloc_trim makes them part of that arena's top, and leaves it alone (`pinned_top`).
 *     What malloc_trim(0) gives back now is taken as gone: of what then stays of an end, nothing is subtracted.
 *     Without that call, pages that it would have given back stay with such an end: `pinned_first` subtracts them,
 *     and may be negative. For other stretches the order does not matter.
 * WS4 Groups are sites, unless the caller has others; a walk of the heap has a site for each size (SITE_OF_SIZE), and
 *     no slack.
 *
 * Linear in blocks, chunks and runs of pages, except for an occasional binary search for a run.
 */
#ifndef TIDEMARK_WASTE_H
#define TIDEMARK_WASTE_H

#include <stdbool.h>
#include "model/snapshot.h"

enum waste_part {
	WASTE_LIVE,      /* what was asked for */
	WASTE_SLACK,     /* the rest of live blocks, up to their usable size */
	WASTE_UNTOUCHED, /* whole pages in live blocks that were never touched, so not resident */
	WASTE_FREE_PINNED,
	WASTE_FREE_RETURNABLE,
	WASTE_ALLOCATOR, /* headers, arenas, caches */
	WASTE_STACKS,
	WASTE_TLS,
	WASTE_GLOBALS,
	WASTE_FILES,
	WASTE_SHARED,
	WASTE_MAPPINGS,
	WASTE_PROFILER,
	WASTE_UNKNOWN,
	WASTE_PARTS
};

struct waste_bytes {
	uint64_t resident, swapped, virtual_;
};

struct waste_arena {
	uint64_t bytes; /* from the system */
	uint64_t live, free, free_resident, top, returnable;
	uint64_t last; /* the live block that is nearest below top; SNAPSHOT_NONE */
};

/* Of a site, or of what the caller groups by. */
struct waste_group {
	uint64_t blocks, bytes;
	uint64_t pinned;      /* WS3 */
	uint64_t pinned_free; /* of these, what is free memory now */
	uint64_t pinned_top;  /* free memory that would become a part of some arena's top, which stays */
	int64_t pinned_first; /* WS3: as `pinned`, of blocks that are freed before malloc_trim is called at all */
	uint64_t slack;       /* usable minus requested bytes */
	uint64_t untouched, untouched_blocks;
	uint32_t oldest;  /* birth number */
	uint32_t example; /* one of its blocks */
};

struct waste {
	const struct snapshot *s;
	struct waste_bytes part[WASTE_PARTS];
	struct waste_bytes all;
	uint64_t huge; /* resident bytes in huge pages */
	struct waste_arena *arenas;
	size_t arena_count;
	struct waste_group *groups;
	size_t group_count;
	const uint32_t *group_of; /* [blocks] the caller's; NULL: sites */
	bool walked;              /* blocks have usable bytes only: no slack is known */
	bool python;              /* CPython's small objects are blocks */
	uint64_t python_free;     /* resident bytes of its arenas in which no object lives */
	uint64_t foreign;         /* resident bytes without a block, of an allocator that cannot be walked */
	bool unseen;              /* there is an allocator whose blocks are not known at all */
	uint64_t cached, cached_blocks; /* free memory in the threads' caches */
	struct waste_group caches;      /* what these pin */
};

/* -1: the snapshot does not say where the memory is. */
int waste_find(struct waste *w, const struct snapshot *s, struct tide_error *e);
/* With groups of the caller: `group_of` each block, below `count`; kept until waste_free. */
int waste_find_groups(struct waste *w, const struct snapshot *s, const uint32_t *group_of, size_t count,
	struct tide_error *e);
void waste_free(struct waste *w);

/* "free_pinned", as in the JSON contract. */
const char *waste_part_name(enum waste_part part);
/* Of resident bytes, what is neither in use nor owned by others: slack, free memory. */
uint64_t waste_wasted(const struct waste *w);

#endif
