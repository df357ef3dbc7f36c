/* gate_measure.h - from snapshots to struct gate_measure.
 *
 *   files ─open, pick─▶ one snapshot a process ─leaks_classify─▶ lost blocks a site ─┐
 *                       earlier ones of a process, SECTION_ROUNDS ─growth_find───────┼▶ sites by key
 *                       SECTION_SITES ─live, peak────────────────────────────────────┘
 *
 * GM1 Of several snapshots of one process the last is judged; the others, in order,
 *     are rounds for growth where the process has no rounds of its own.
 * GM2 What is wrong with any judged snapshot becomes `unmeasured`: it is damaged, incomplete,
 *     without references or events, or its process was ended by a signal.
 * GM3 In a forked child, blocks it inherited are not its own leaks.
 */
#ifndef TIDEMARK_GATE_MEASURE_H
#define TIDEMARK_GATE_MEASURE_H

#include <sys/types.h>
#include "gate.h"
#include "gate_suppress.h"
#include "symbol/source_root.h"

struct gate_source {
	char *const *paths;
	size_t count;
	const char *exe;          /* name or path of the programs that count; NULL: all */
	pid_t shell_parent;       /* its child that is still a shell does not count; 0: all do */
	bool keeps_waste;         /* one of the limits is above the baseline */
	bool keeps_rss;           /* the limit is one above the baseline */
	const char *unseen;       /* a program that the library could not follow; NULL */
	bool refleaks;            /* the limit is in force */
	bool series;              /* snapshots are rounds: GM1 */
	const char *rounds;       /* SECTION_ROUNDS of this mark; NULL: growth is not judged */
	uint64_t min_rounds;      /* a process with fewer is not judged for growth */
	struct gate_rules *rules; /* use is noted */
	const struct gate_config *config;
	struct source_root *roots;
};

/* Never fails: what cannot be read is m->unmeasured. */
void gate_measure_take(const struct gate_source *source, struct gate_measure *m);
/* Adds the call stacks of findings; this is what reads symbols. `all`: also of those that do not fail. */
void gate_measure_stacks(const struct gate_measure *m, struct gate_result *r, bool all);
/* What a process of these snapshots did wrong with its memory before a signal ended it; NULL. To free. */
char *gate_measure_death(char *const *paths, size_t count);
void gate_measure_free(struct gate_measure *m);

#endif
