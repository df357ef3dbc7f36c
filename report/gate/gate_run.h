/* gate_run.h - runs the program of a scenario under `tidemark run`.
 *
 * GR1 Snapshots go to OUTPUT/SCENARIO/ and stay there; older ones of the same
 *     scenario are deleted first: they must not be judged.
 * GR2 A scenario runs in the folder of the gate file, in a process group of its
 *     own, without input; what it prints goes to OUTPUT/SCENARIO.log. A program
 *     given after `--` keeps its terminal.
 * GR3 A wrong status, a signal or a time-out is not an error of this module: `reason`
 *     says why the run cannot be judged.
 * GR4 Runs do not meet: while it is under way, a run has a locked folder of its own,
 *     OUTPUT/.SCENARIO.XXXXXX, and takes only the snapshots in it. Two gates may run
 *     the same scenario at once: from the end of the run until gate_run_free the folder of the
 *     snapshots has a shared lock, and nothing in it is deleted.
 */
#ifndef TIDEMARK_GATE_RUN_H
#define TIDEMARK_GATE_RUN_H

#include <stdbool.h>
#include <sys/types.h>
#include "gate_config.h"

struct gate_run {
	char *folder; /* of the snapshots */
	char *log;    /* NULL: not kept */
	char **snapshots;
	size_t snapshot_count; /* sorted by name */
	char *unseen;          /* a program of the run that could not be followed: "PATH (why)"; NULL */
	char *reason;          /* NULL: the program ended as it should */
	uint64_t elapsed_ms;
	pid_t pid; /* of `tidemark run` */
	int lock;  /* on the folder, while snapshots in it are of interest; above 0 where there is one */
};

/* Runs s->command by `sh -c`, or `program` (NULL-terminated) when it is not NULL. `again` names the
 * second run. `quiet_stdout`: the program's output must not go to our stdout. */
int gate_run(const struct gate_config *c, const struct gate_scenario *s, char *const *program,
	const char *output, bool again, bool quiet_stdout, struct gate_run *run, struct tide_error *e);
void gate_run_free(struct gate_run *run);

/* The last `lines` lines of the log, for a report; "" when there is none. To free. */
char *gate_run_tail(const struct gate_run *run, unsigned lines);

#endif
