/* gate_private.h - what gate_measure.c and gate_sites.c share: the open snapshots of a scenario. */
#ifndef TIDEMARK_GATE_PRIVATE_H
#define TIDEMARK_GATE_PRIVATE_H

#include "gate_measure.h"
#include "model/snapshot.h"
#include "symbol/symbol.h"

struct gate_process {
	struct snapshot *steps;   /* in order; the last is judged */
	struct symbols **symbols; /* [step_count] */
	size_t step_count;
};

struct gate_sources {
	struct gate_process *processes;
	size_t count;
	struct source_root *roots;
	struct gate_origin {
		uint32_t process, site; /* whose stack stands for a merged site */
	} * origins;
	size_t origin_count;
};

/* Lost blocks of one site in the judged snapshot of a process. */
struct gate_lost {
	uint64_t unreferenced_blocks, unreferenced_bytes, cycle_blocks, cycle_bytes;
	uint64_t lost_blocks, lost_bytes, below_blocks, below_bytes;
};

/* Fills m->sites: the sites of all processes, merged by key. lost[process][site]. */
void gate_sites_merge(struct gate_sources *s, struct gate_lost *const *lost, const struct gate_source *source,
	struct gate_measure *m);

#endif
