/* heap_private.h - the parts of the walk: heap.h.
 *
 *   heap.c         finds the arenas, runs the parts, counts
 *   heap_found.c   blocks by address, doubts
 *   heap_read.c    words of the process: in order through windows, single ones through a few pages
 *   heap_walk.c    from chunk to chunk
 *   heap_place.c   where chunks may be: heaps, the program break, mappings
 *   heap_mapped.c  chunks with a mapping of their own
 *   heap_lists.c   bins and fast bins
 *   heap_cache.c   the threads' caches
 *   heap_settings.c what libc gives back by itself
 *   heap_busy.c    whether this is a good moment
 */
#ifndef TIDEMARK_HEAP_PRIVATE_H
#define TIDEMARK_HEAP_PRIVATE_H

#include "base/index.h"
#include "heap.h"

/* malloc/malloc.c, x86-64, glibc 2.26 to 2.43: a chunk is {size of the chunk before, if that is free; own
 * size and flags}; its block begins after these, and ends with the first word of the next chunk. */
#define CHUNK_HEADER 16u
#define CHUNK_LEAST 32u
#define CHUNK_PREVIOUS_USED 1u
#define CHUNK_MAPPED 2u
#define CHUNK_OTHER_ARENA 4u
#define CHUNK_FLAGS 7u
#define FENCE_SIZE 16u /* of a fence post, which ends a segment that could not grow */

#define HEAP_PAGE 4096u
#define HEAP_MAPPED_DRIFT 16u /* bytes that libc counts too many for each mremap: heap_settings.c */
#define READ_PAGES 256u
#define READ_WINDOW (1u << 20)

struct heap_reader {
	struct remote *memory;
	char *window;
	uint64_t lo, bytes, ahead; /* of the window; bytes of the next one */
	uint64_t page[READ_PAGES]; /* address | 1; 0 empty */
	char *pages;
};

/* A block that lies in a list of free ones. */
struct heap_cached {
	uint64_t address;
	uint32_t kind; /* enum heap_free_kind; 0: a cache itself */
};

struct heap_walk {
	struct heap *heap;
	struct heap_reader read;
	struct heap_cached *cached;
	size_t cached_count, cached_room;
	bool *top_seen;          /* by arena */
	uint64_t steps;          /* that were tried: heap_found_step */
	struct index by_address; /* of the arenas */
	bool links_mangled;      /* as in the last link that led to a block in one reading only */
};

/* The variables of the module that mapping `i` belongs to: a writable part of a file, and the anonymous
 * memory after it (.bss). False: it is something else. */
bool heap_data_range(const struct remote *m, size_t i, uint64_t *lo, uint64_t *hi);

/* Counts steps of a search that may lead nowhere, so that the process cannot decide how long it takes. False:
 * enough was tried, and the walk is not sure. */
bool heap_found_step(struct heap_walk *w, uint64_t steps);
void heap_found_doubt(struct heap *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

void heap_read_begin(struct heap_reader *r, struct remote *memory);
void heap_read_end(struct heap_reader *r);
/* The two words at `address`, in a walk upwards. */
bool heap_read_header(struct heap_reader *r, uint64_t address, uint64_t words[2]);
/* A word anywhere; 0 when it cannot be read. */
uint64_t heap_read_word(struct heap_reader *r, uint64_t address);

/* Notes a free block for heap_cache_drop. False: the lists hold more blocks than there are. */
bool heap_found_cached(struct heap_walk *w, uint64_t address, uint32_t kind);

enum heap_walk_end { WALK_TOP, WALK_FENCE, WALK_OPEN };
/* Adds the chunks from `lo` on. `end`: no chunk reaches beyond it. *at is then after top or the fence posts,
 * or at something that cannot be a chunk; *steps is the number of chunks added before it. */
enum heap_walk_end heap_walk_chunks(
	struct heap_walk *w, uint64_t lo, uint64_t end, uint32_t arena, uint64_t *at, uint64_t *steps);

/* All segments, with their chunks. */
void heap_place(struct heap_walk *w);
/* Adds the mapped chunk at `at`, if there is one, in memory that ends at `end`; returns the address after
 * it, or 0. */
uint64_t heap_mapped(struct heap_walk *w, uint64_t at, uint64_t end, bool first);
/* Compares libc's counts of them with what was found; [lo, hi) are its variables. */
void heap_mapped_check(struct heap_walk *w, uint64_t lo, uint64_t hi);

/* Of the libc whose variables are [lo, hi). */
void heap_settings(struct heap *h, struct remote *memory, uint64_t lo, uint64_t hi);

/* The index of the block at an address; UINT64_MAX. */
uint64_t heap_found_block(const struct heap *h, uint64_t address);
void heap_lists(struct heap_walk *w);
/* The block that a link leads to, stored at `place`; `end`: it is the last of its list. */
uint64_t heap_lists_follow(struct heap_walk *w, uint64_t place, uint64_t stored, bool *end);

void heap_cache(struct heap_walk *w);
/* Takes what is in `cached` out of the blocks. */
void heap_cache_drop(struct heap_walk *w);

#endif
