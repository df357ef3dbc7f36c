/* pages.h - which pages of a process are in memory, which in swap: as runs.
 *
 * PG1 A run is one stretch of pages of equal state. Runs are by address, do not overlap, and are as long as
 *     they can be within a range that was asked for.
 * PG2 The page of zeros, which the kernel maps where memory was read and never written, belongs to no process
 *     and counts in no RSS: such pages are in no run. Kernels before 6.7 do not distinguish them:
 *     pages_zero.
 * PG3 An image shows the pages of private memory as of the moment at which it was made. It does not have
 *     pages of files and of shared memory: a process gets these again when it touches them.
 */
#ifndef TIDEMARK_PAGES_H
#define TIDEMARK_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "remote.h"

struct page_run {
	uint64_t lo, hi;
	uint32_t flags; /* PAGES_* of format.h */
};
struct page_runs {
	struct page_run *runs;
	size_t count, room;
	bool zeros; /* some of them may be pages of zeros (PG2) */
};

/* Adds the runs of [lo, hi), which is above all existing runs. `pagemap`: a descriptor. Returns the
 * resident bytes. */
uint64_t pages_read(struct page_runs *p, int pagemap, uint64_t lo, uint64_t hi);
/* Removes up to `bytes` of pages that hold only zeros from the runs from `first` on: the kernel shows these
 * pages but does not count them. */
void pages_zero(struct page_runs *p, size_t first, uint64_t bytes, struct remote *memory);
void pages_free(struct page_runs *p);

#endif
