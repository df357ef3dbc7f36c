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
	struct gate_origin *origins; /* whose stack stands for a merged site */
	size_t origin_count;
};

/* Lost blocks of one site in the judged snapshot of a process. */
struct gate_lost {
	uint64_t unreferenced_blocks, unreferenced_bytes, cycle_blocks, cycle_bytes;
	uint64_t lost_blocks, lost_bytes, below_blocks, below_bytes;
	struct gate_types types;
};

static inline void gate_type_add(uint32_t *to, uint32_t type)
{
	*to = !*to || *to == type ? type : type ? GATE_TYPE_UNKNOWN : *to;
}

static inline void gate_types_add(struct gate_types *to, const struct gate_types *from)
{
	for (int kind = 0; kind <= LEAK_INDIRECT; kind++)
		gate_type_add(&to->of[kind], from->of[kind]);
}

/* The place shown for a site: the first line inside the source tree, else the caller of the allocator. */
void gate_spot_find(struct gate_sources *s, struct gate_origin o, struct gate_spot *spot);
void gate_spot_free(struct gate_spot *spot);

/* Fills m->errors from the judged snapshots, whose symbols are open. */
void gate_errors_collect(struct gate_sources *s, struct gate_measure *m);
/* What a process did wrong just before it died, in words; NULL: nothing that was seen. To free. */
char *gate_errors_of_dead(const struct snapshot *s);

/* Fills m->sites: the sites of all processes, merged by key. lost[process][site]. */
void gate_sites_merge(struct gate_sources *s, struct gate_lost *const *lost, const struct gate_source *source,
	struct gate_measure *m);

#endif
