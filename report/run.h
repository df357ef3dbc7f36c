/* run.h - the parts of `tidemark run`.
 *
 *   run_library    where libtidemark.so and this command are
 *   run_session    the folder in which the ledgers of one run live
 *   run_child      starts the program, passes signals on, waits
 *   summary        the lines after the run
 *
 * N1  What the program sees of us is its environment: its standard streams, signal
 *     handling, mask and process group are as they would be without us.
 * N2  The folder is private (0700), and is removed when no process uses it any more:
 *     by the run itself, else by a later one.
 */
#ifndef TIDEMARK_RUN_H
#define TIDEMARK_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

#define RUN_FAILED 125			/* our own failure */
#define RUN_CANNOT_EXECUTE 126
#define RUN_NOT_FOUND 127

/* Path of the library next to this command, or where `make install` puts it; NULL. */
char *run_library(void);
char *run_command(void);			/* path of this command; NULL */

struct run_snapshot {
	int pid;
	uint32_t reason;
	bool complete;
	char *path;
};

struct run_session {
	char *folder;				/* NULL: none could be made */
	struct run_snapshot *snapshots;		/* in the order of their writing */
	size_t count;
	size_t still_running;			/* processes that have not ended */
	size_t failed;				/* processes of which nothing could be kept */
	struct tide_error why;			/* the first failure, also of a snapshot during the run */
};

int run_session_begin(struct run_session *s, struct tide_error *e);
/* After the program's end: waits for snapshots that are being written, and makes
 * snapshots of ledgers that are left. `status` is the program's wait status. */
void run_session_end(struct run_session *s, int pid, int status);
void run_session_free(struct run_session *s);

struct run_child {
	char *const *argv;
	char **environment;			/* NAME=VALUE to set in the program */
	size_t environment_count;
	bool fixed_addresses;			/* --stable */
	int pid;
	int status;				/* as of wait() */
};

/* 0 when it ran; -1 with the exit code in e->code (125, 126, 127). */
int run_child(struct run_child *c, struct tide_error *e);

/* A snapshot of a ledger that a process left behind. */
int run_postmortem(const char *ledger, int signal, int exit_status, struct run_snapshot *out,
	struct tide_error *e);

#endif
