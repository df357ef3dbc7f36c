/* pages.h - which pages of a process are in memory, which in swap: as runs.
 *
 * PG1 A run is one stretch of pages of equal state. Runs are by address, do not overlap, and are as long as
 *     they can be within a range that was asked for.
 * PG2 The page of zeros, which the kernel maps where memory was read and never written, is nobody's memory and
 *     counts in no RSS: such pages are in no run. Kernels before 6.7 do not tell them apart: pages_zero.
 * PG3 An image shows the pages of private memory of the moment at which it was made. Pages of files and of
 *     shared memory it does not have: a process gets these again when it touches them.
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

/* Adds the runs of [lo, hi), which is above all that is there. `pagemap`: a descriptor. Bytes resident. */
uint64_t pages_read(struct page_runs *p, int pagemap, uint64_t lo, uint64_t hi);
/* Takes as many bytes of pages that hold nothing but zeros out of the runs from `first` on: what the kernel
 * counts less than it shows. */
void pages_zero(struct page_runs *p, size_t first, uint64_t bytes, struct remote *memory);
void pages_free(struct page_runs *p);

#endif
