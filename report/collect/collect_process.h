/* collect_process.h - what /proc says about a process at a snapshot. */
#ifndef TIDEMARK_COLLECT_PROCESS_H
#define TIDEMARK_COLLECT_PROCESS_H

#include "model/ledger.h"
#include "model/snapshot.h"

struct collect_process {
	uint64_t rss_bytes, virtual_bytes, pss_bytes, own_bytes;
	uint64_t touched_bytes; /* private memory, resident or swapped out: no honest table is larger */
};

/* RSS and size: while the threads stand. */
void collect_process_quick(struct collect_process *p, int pid);
/* What is resident of the shim's own memory and of the library itself; 0 when the kernel does not tell. */
void collect_process_own(struct collect_process *p, int pid, const struct ledger_copy *ledger);
/* SECTION_MAPPINGS out of smaps, and PSS. */
void collect_process_mappings(struct collect_process *p, int pid, struct snapshot_writer *w);

#endif
