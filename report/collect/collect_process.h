/* collect_process.h - what /proc says about a process at a snapshot. */
#ifndef TIDEMARK_COLLECT_PROCESS_H
#define TIDEMARK_COLLECT_PROCESS_H

#include <stdbool.h>
#include "model/ledger.h"
#include "model/snapshot.h"
#include "process/remote.h"

/* A mapping as smaps has it. */
struct collect_mapping {
	uint64_t lo, hi, rss_bytes;
	bool special;  /* its pages count in no RSS: hugetlbfs, devices */
	bool left_out; /* a clone does not inherit it */
};

struct collect_process {
	uint64_t rss_bytes, virtual_bytes, pss_bytes, own_bytes;
	uint64_t touched_bytes; /* private memory, resident or swapped out: no honest table is larger */
	struct collect_mapping *mappings; /* by address */
	size_t mapping_count, mapping_room;
};

/* From now on files of modules are opened where the process found them: below its root where it is in a container, which
 * is said; 0: a core, whose files are those of this machine. */
bool collect_process_contained(int pid);
/* RSS and size, while the threads are stopped. */
void collect_process_quick(struct collect_process *p, int pid);
/* The resident part of the shim's own memory and of the library itself; 0 when the kernel does not say. */
void collect_process_own(struct collect_process *p, int pid, const struct ledger_copy *ledger);
/* Mappings from smaps, and PSS. */
void collect_process_smaps(struct collect_process *p, int pid);
/* The same, and SECTION_MAPPINGS. */
void collect_process_mappings(struct collect_process *p, int pid, struct snapshot_writer *w);
/* The section without resident sizes, which take much longer: of mappings that have been read. */
void collect_process_maps(const struct remote *m, struct snapshot_writer *w);

/* Names of code made at run time, where the program writes them for perf. -1: they cannot be used; *e says
 * what is missing. */
int collect_process_code(int pid, uint64_t started_wall_ns, struct snapshot_writer *w, struct tide_error *e);
/* Is the process young, and its memory small enough for an image to keep for a while (collect.h, CL4)? */
bool collect_process_small(const struct collect_process *p, int pid);

void collect_process_free(struct collect_process *p);

#endif
