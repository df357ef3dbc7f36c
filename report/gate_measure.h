/* gate_measure.h - from snapshots to struct gate_measure.
 *
 *   files ─open, pick─▶ one snapshot a process ─leaks_classify─▶ lost blocks a site ─┐
 *                       earlier ones of a process, SECTION_ROUNDS ─growth_find───────┼▶ sites by key
 *                       SECTION_SITES ─live, peak────────────────────────────────────┘
 *
 * M1  Of several snapshots of one process the last is judged; the others, in order,
 *     are rounds for growth where the process has no rounds of its own.
 * M2  What is wrong with any judged snapshot is `unmeasured`: damaged, incomplete,
 *     without references, ended by a signal, without an event.
 * M3  In a forked child, blocks it inherited are not its own leaks.
 */
#ifndef TIDEMARK_GATE_MEASURE_H
#define TIDEMARK_GATE_MEASURE_H

#include <sys/types.h>
#include "gate.h"
#include "gate_suppress.h"
#include "source_root.h"

struct gate_source {
	char *const *paths;	size_t count;
	const char *exe;		/* name or path of the programs that count; NULL: all */
	pid_t shell_parent;		/* its child that is still a shell does not count; 0: all do */
	bool series;			/* snapshots are rounds: M1 */
	const char *rounds;		/* SECTION_ROUNDS of this mark; NULL: growth is not judged */
	uint64_t min_rounds;		/* a process with fewer is not judged for growth */
	struct gate_rules *rules;	/* use is noted */
	const struct gate_config *config;
	struct source_root *roots;
};

/* Never fails: what cannot be read is m->unmeasured. */
void gate_measure(const struct gate_source *source, struct gate_measure *m);

/* The parts, in gate_sites.c. */
struct gate_process {
	struct snapshot *steps;		/* in order; the last is judged */
	struct symbols **symbols;	/* [step_count] */
	size_t step_count;
};
struct gate_sources {
	struct gate_process *processes;	size_t count;
	struct source_root *roots;
	struct gate_origin { uint32_t process, site; } *origins;	size_t origin_count;
};
/* Lost blocks of site i of a process's judged snapshot. */
struct gate_lost {
	uint64_t unreferenced_blocks, unreferenced_bytes, cycle_blocks, cycle_bytes;
	uint64_t lost_blocks, lost_bytes, below_blocks, below_bytes;
};
void gate_sites_merge(struct gate_sources *s, struct gate_lost *const *lost, const struct gate_source *source,
	struct gate_measure *m);

#endif
