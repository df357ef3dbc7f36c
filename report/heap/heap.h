/* heap.h - all blocks of glibc's heap in another process, without help from that process.
 *
 *   arena_find ──▶ arenas and their heaps
 *   heap_walk  ──▶ chunk by chunk through each of them, and through mapped chunks;
 *                  minus what lies in bins, in fast bins and in the threads' caches
 *
 * Called by the collector, for an image, a stopped process, or a core file.
 *
 * HP1 Only what closes is taken as part of the heap: a walk from chunk to chunk ends at the arena's top or
 *     at fence posts; the size before a free chunk is repeated behind it; lists lead to chunks that were
 *     walked, of the size that the list is for, and are as long as their counts say. What does not close is
 *     counted in `unsure`; the bins of an arena whose lock is held are exempt: they are being changed, and
 *     the list of blocks does not depend on them.
 * HP2 No offset is tied to a version of glibc. Where layouts differ (heap headers, caches,
 *     links of lists that are mangled or not), the one that closes is taken.
 * HP3 Blocks are sorted by address and do not overlap; their bytes are usable bytes, which are up to 40
 *     more than the program asked for.
 * HP4 Memory and time are bounded by the memory of the process: a list has no more elements
 *     than there are blocks, and each chunk is walked once.
 */
#ifndef TIDEMARK_HEAP_H
#define TIDEMARK_HEAP_H

#include <stdbool.h>
#include "arena.h"
#include "model/format.h"
#include "process/remote.h"

enum heap_free_kind {
	HEAP_FREE_BIN = 1, /* coalesced, in a bin */
	HEAP_FREE_FAST,    /* in a fast bin; marked as in use */
	HEAP_FREE_CACHE,   /* in a thread's cache (tcache); marked as in use */
	HEAP_FREE_TOP,     /* the rest of an arena's newest segment */
};

/* A free chunk: its first two words and the memory behind them. */
struct heap_chunk {
	uint64_t address, bytes;
	uint32_t kind;  /* enum heap_free_kind */
	uint32_t arena; /* index in arenas.list; HEAP_NO_ARENA for a mapped chunk in a cache */
};
#define HEAP_NO_ARENA UINT32_MAX

/* Memory in which chunks lie one after the other, up to and including top or fence posts. */
struct heap_segment {
	uint64_t lo, hi;
	uint32_t arena; /* HEAP_NO_ARENA: one mapped chunk */
};

struct heap_thread {
	uint64_t pointer; /* thread pointer (the base of fs) */
	uint64_t cache;   /* block of its tcache; 0: it has none, or it was not found */
	uint32_t arena;   /* index of the arena that it uses; HEAP_NO_ARENA unknown */
};

struct heap {
	struct tide_block *blocks; /* by address; site 0, birth 0, no thread */
	uint64_t count, room;
	struct heap_chunk *free_chunks; /* by address */
	uint64_t free_count, free_room;
	struct heap_segment *segments; /* by address */
	uint64_t segment_count, segment_room;
	struct heap_thread *threads; /* as many as heap_walk was given */
	uint64_t thread_count;
	struct arenas arenas;
	struct heap_settings {
		bool known;
		uint64_t trim_threshold, top_pad;     /* M_TRIM_THRESHOLD, M_TOP_PAD: of now */
		uint64_t huge_page;                   /* the break is lowered in steps of it; 0: of pages */
		uint64_t heap_page;                   /* and the end of a heap of another arena */
		bool drifts;                          /* mapped_bytes may have some for each mremap, too */
		uint64_t mapped_chunks, mapped_bytes; /* as libc counts them; known where they drift */
	} settings;                                   /* of the first libc */
	/* Summary. */
	char allocator[64];     /* "glibc 2.36"; "" when no heap of glibc was found */
	uint64_t walked;        /* chunks in arenas: in use, free and cached, without top and fence posts */
	uint64_t mapped_chunks; /* with a mapping of their own */
	uint64_t mapped_bytes;
	uint64_t cached_tcache, cached_fast; /* chunks */
	uint64_t caches;                     /* tcaches found */
	uint64_t unsure;                     /* places that did not close */
	bool untouched;                      /* there is a glibc, and nothing was ever allocated with it */
	char doubts[512];                    /* the first of them, for a person; "" = none */
};

/* `pointers`: thread pointers of the known threads. False when no heap of glibc was found: then there are
 * no blocks. Call heap_end in either case. */
bool heap_walk(struct heap *h, struct remote *memory, const uint64_t *pointers, size_t count);
void heap_end(struct heap *h);

#endif
