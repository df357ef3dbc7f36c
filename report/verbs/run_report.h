/* run_report.h - what `tidemark run` prints after the program's end, and --leak-exit. */
#ifndef TIDEMARK_RUN_REPORT_H
#define TIDEMARK_RUN_REPORT_H

#include "print/summary.h"
#include "run/run.h"

/* A process by its last snapshot. */
struct run_process {
	const struct run_snapshot *snapshot;
	char *name; /* of its program; NULL when the snapshot could not be read */
	uint64_t allocations, peak_bytes;
	struct summary_lost lost;
	uint64_t errors; /* with memory, that the library saw (misuse.h) */
	bool known;      /* whether blocks are lost */
	char *why;       /* when not known */
	char *blind;     /* blind.h; NULL */
};

struct run_report {
	const struct run_session *session;
	int pid;             /* of the program */
	const char *program; /* as it was given */
	bool verbose;
	bool obstacle; /* printed already: why it cannot be profiled */
	/* Filled by run_report_examine. */
	struct run_process *processes;
	size_t count;
};

/* Reads the last snapshot of each process. `all`: however many there are, and whatever it takes to look at the types of
 * their blocks; else for as long as a person would wait. */
void run_report_examine(struct run_report *r, bool all);
void run_report_free(struct run_report *r);

/* Totals, lost blocks, warnings and the next command, on stderr. */
void run_report(const struct run_report *r);
/* The exit status of --leak-exit `code` where the program itself succeeded: `code` when any process lost
 * blocks, 0 when none did, RUN_FAILED after a message when that is not known. A process whose memory was
 * not seen counts as not known, unless `allow_blind`. */
int run_report_leaks(const struct run_report *r, int code, bool allow_blind);
/* Whether a snapshot was taken when its process ended; earlier ones are of moments during the run. */
bool run_report_is_last(const struct run_snapshot *s);

#endif
