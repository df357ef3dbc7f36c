/* run.h - the parts of `tidemark run`.
 *
 *   run_library      where libtidemark.so and this command are
 *   run_session      the folder in which the ledgers of one run live
 *   run_environment  the settings of the library, as variables of the program
 *   run_child        starts the program, passes signals on, waits
 *   run_last         a snapshot of the program before a signal ends it
 *   run_postmortem   a snapshot of what a dead process has left
 *
 * RN1 What the program sees of us is its environment: its standard streams, signal
 *     handling, mask and process group are as they would be without us.
 * RN2 The folder is private (0700), and is removed when no process uses it any more:
 *     by the run itself, else by a later one.
 */
#ifndef TIDEMARK_RUN_H
#define TIDEMARK_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/error.h"
#include "collect/server.h"

#define RUN_FAILED 125 /* our own failure */
#define RUN_CANNOT_EXECUTE 126
#define RUN_NOT_FOUND 127

/* Path of the library next to this command, or where `make install` puts it; NULL. */
char *run_library(void);
char *run_command(void); /* path of this command; NULL */

/* The caller names a collector (TIDEMARK_COLLECTOR), which every program of the run then starts itself. That of
 * a run around this one may be of another build, and does not count. */
bool run_collector_named(void);

struct run_snapshot {
	int pid;
	uint32_t reason;
	bool complete;
	char *path;
};

struct run_session {
	struct collect_settings
		settings; /* where snapshots go; the caller fills it in after run_session_begin */
	struct server server;
	char *folder;                   /* NULL: none could be made */
	struct run_snapshot *snapshots; /* in the order of their writing */
	size_t count;
	char **unseen; /* programs that the library could not follow: "PATH (kind)", each once */
	size_t unseen_count;
	size_t still_running;  /* processes that have not ended */
	size_t failed;         /* processes of which nothing could be kept */
	struct tide_error why; /* the first failure, also of a snapshot during the run */
};

int run_session_begin(struct run_session *s, struct tide_error *e);
/* After the program's end: waits for snapshots that are being written, and makes
 * snapshots of ledgers that are left. `status` is the program's wait status. */
void run_session_end(struct run_session *s, int pid, int status);
void run_session_free(struct run_session *s);

/* Takes the final snapshot of the program, which a signal that we are to pass on will end: it gets the signal
 * afterwards. A program that is signalled directly leaves its counters (run_postmortem). */
void run_last(const struct run_session *s, int pid);

/* The options of a run. Strings belong to the caller; 0, NULL and false mean "not given". */
struct run_options {
	const char *output; /* pattern of the snapshots' names */
	const char *children, *rounds, *roots, *sites;
	uint64_t depth, sample, every_ns, pointer_mask;
	const char **when;
	size_t when_count, when_capacity;
	bool no_references, unaligned, stable, overwrite, verbose, at_exec, wipe, no_command_line,
		no_contents;
	bool no_python_objects; /* small objects of CPython are not blocks */
};
/* Where the snapshots of a run go, and when they are taken. */
void run_settings(struct collect_settings *s, const struct run_options *o);

struct run_child {
	char *const *argv;
	char **environment; /* NAME=VALUE to set in the program */
	size_t environment_count, environment_capacity;
	bool fixed_addresses;                    /* --stable */
	void (*started)(void *context, int pid); /* called once the program's process is there; or NULL */
	void (*ending)(
		void *context, int pid); /* called before a signal is passed on that ends it; or NULL */
	void *context;
	int pid;
	int status; /* as of wait() */
};

/* 0 when it ran; -1 with the exit code in e->code (125, 126, 127). */
int run_child(struct run_child *c, struct tide_error *e);
void run_child_free(struct run_child *c);

/* The variables that the library and its collector read. */
void run_environment(
	struct run_child *c, const struct run_options *o, const char *library, const struct run_session *s);
/* --stable: fixed hash seeds and addresses, as far as the caller has not set them. */
void run_environment_stable(struct run_child *c);

/* A snapshot of a ledger that a process left behind. */
int run_postmortem(const char *ledger, int pid, const struct collect_settings *settings, int signal,
	int exit_status, struct run_snapshot *out, struct tide_error *e);

#endif
