/* collect_memory.h - where the memory of a process is: the address space as regions, and the pages of heaps.
 *
 *   collect_memory_pages     as soon as the image exists: which pages are in memory
 *   collect_memory_regions   when roots and heap are known: what they are for; the sections
 *
 * M1  Pages of private memory are those of the image, from the moment at which all threads were stopped. An image
 *     has no pages of files and of shared memory that were not written, so these are read from the process
 *     itself, a few milliseconds later. Where the process is stopped until the snapshot is written, everything is
 *     from one moment.
 * M2  Regions do not overlap and cover every mapping; their resident bytes add up to the resident memory, as
 *     /proc/PID/smaps_rollup counts it: without pages of zeros, huge pages of hugetlbfs, and device memory.
 * M3  Residency is read before anything else: reading memory can make pages.
 * M4  A core does not tell what was resident. Of private memory, what is in it counts as resident: pages that were never
 *     touched are holes in cores that the kernel and gcore write to a disk.
 */
#ifndef TIDEMARK_COLLECT_MEMORY_H
#define TIDEMARK_COLLECT_MEMORY_H

#include "blockmap.h"
#include "collect_process.h"
#include "heap/heap.h"
#include "process/pages.h"
#include "roots/references.h"

struct collect_memory {
	struct page_runs pages; /* of all private memory, by address */
	struct region_mapping {
		uint64_t lo, hi;
		uint32_t kind; /* enum tide_region_kind, where nothing else is known */
	} * mappings;
	size_t mapping_count, mapping_room;
	uint64_t resident_bytes;
};

/* `image` is what the snapshot is read from: the process `p` itself, or an image of it. */
void collect_memory_pages(
	struct collect_memory *m, struct remote *image, const struct collect_process *p, int pid);
/* The same, of a core. */
void collect_memory_core(struct collect_memory *m, struct remote *core);
/* SECTION_REGIONS and SECTION_PAGES. */
void collect_memory_regions(struct collect_memory *m, const struct references *g, const struct heap *heap,
	const struct blockmap *blocks, struct snapshot_writer *w);
void collect_memory_free(struct collect_memory *m);

#endif
