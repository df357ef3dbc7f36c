/* walked.h - snapshots whose blocks come from a walk of the heap (heap/heap.h), with or without a ledger.
 *
 * WL1 Bytes are usable bytes. A block without a known call stack belongs to a site of all such blocks of its
 *     size (SITE_OF_SIZE).
 * WL2 Where there is a ledger, its counters stay as they are; without one, these sites hold the counters.
 */
#ifndef TIDEMARK_WALKED_H
#define TIDEMARK_WALKED_H

#include "heap/heap.h"
#include "model/ledger.h"
#include "process/image.h"
#include "process/stop.h"

/* What is known about a process without a ledger. */
struct walked_process {
	int pid, parent;
	uint32_t user;
	const char *exe, *command, *directory;     /* "" unknown */
	uint64_t started_wall_ns, started_mono_ns; /* mono 0: it has ended */
};
/* The ledger that the library would have kept, had it been there. To be freed as any copy. */
void walked_ledger(struct ledger_copy *c, const struct walked_process *p, const struct stop *s);
/* The same with what /proc says of process `pid`. */
void walked_ledger_running(struct ledger_copy *c, int pid, const struct stop *s);

/* heap_walk of the threads that were stopped. */
bool walked_heap(struct heap *h, struct remote *m, const struct stop *s);
/* image_alone, and the walk of it. A thread stopped inside malloc leaves the heap in an intermediate state, and a
 * program that was started just now has no heap yet, so the process is stopped again a moment later. */
int walked_image(struct heap *h, struct image *im, int pid, const struct image_options *o,
	void (*copy)(void *), void *context, bool *found, struct tide_error *e);

/* Sites and births of the blocks of `known`, sorted by address, for those of the walk at the same addresses.
 * Known blocks outside the heap, such as small objects of Python, join the list. */
void walked_join(struct heap *h, const struct tide_block *known, uint64_t known_count);

/* Adds a site for each size of the blocks that have none. `counters`: they, and the totals of the process, count
 * these blocks. */
void walked_sites(struct ledger_made *m, struct tide_block *blocks, uint64_t count, bool counters);

#define WALKED_VALUES 8u
/* Values for SECTION_COVERAGE; how many. */
size_t walked_values(const struct heap *h, struct snapshot_writer *w, struct tide_value to[WALKED_VALUES]);

#endif
