/* collect_process.h - what /proc tells of a process at a snapshot. */
#ifndef TIDEMARK_COLLECT_PROCESS_H
#define TIDEMARK_COLLECT_PROCESS_H

#include "snapshot.h"

struct collect_process {
	uint64_t rss_bytes, virtual_bytes, pss_bytes;
};

/* RSS and size: while the threads stand. */
void collect_process_quick(struct collect_process *p, int pid);
/* SECTION_MAPPINGS out of smaps, and PSS. */
void collect_process_mappings(struct collect_process *p, int pid, struct snapshot_writer *w);

#endif
