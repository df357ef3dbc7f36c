/* collect_output.h - where a snapshot goes.
 *
 * The pattern of the run (%e exe, %p pid, %n sequence, %t time, %%) relative to the folder
 * in which the program was started. So that several snapshots of one run do not get the
 * same name, what the pattern lacks is put before ".tide":
 *
 *   %p  in processes other than the one that `run` started
 *   %n  in snapshots from which the program goes on
 *
 * %n is replaced in the last part of the path only: in folders it would lead to other
 * folders (/proc/%n/root).
 */
#ifndef TIDEMARK_COLLECT_OUTPUT_H
#define TIDEMARK_COLLECT_OUTPUT_H

#include <stdbool.h>
#include "model/ledger.h"
#include "model/ledger_map.h"
#include "model/snapshot.h"

struct collect;

#define OUTPUT_DEFAULT "tidemark.%e.%p.tide"

/* Chosen by the person who runs the command, never by the profiled process: the ledger's content counts
 * only where the process has at least the collector's rights (collect.h, CL3). */
struct collect_settings {
	char *pattern;  /* "": OUTPUT_DEFAULT */
	char *folder;   /* where a relative pattern starts; "": the current folder */
	bool overwrite; /* replace a file of that name */
	char *every;    /* interval and conditions of snapshots during the run, as typed; NULL: none */
	char *when;
	bool verbose; /* messages of collectors are shown */
	int root;     /* the process that `run` started, which needs no %p; 0: not known */
};

/* What the environment of the process said at its start. */
void collect_settings_of(struct collect_settings *s, const struct ledger_copy *c);
void collect_settings_free(struct collect_settings *s);

/* The name of a snapshot, to be freed. Of the ledger it takes the last part of the program's name, the
 * process number and whether the process was forked. */
char *collect_output(
	const struct collect_settings *s, const struct ledger_copy *c, uint32_t reason, uint32_t sequence);
/* A process that another user owns, or has changed to another user, may have written into the ledger where a snapshot
 * goes: we must not follow that (CL3). -1 where nobody else has given a name. */
int collect_output_check(
	const struct collect *r, const struct ledger_map *map, bool *foreign, struct tide_error *e);
/* The snapshot as the request wants it: its path in r->written. */
int collect_output_write(
	struct collect *r, const struct ledger_copy *c, struct snapshot_writer *w, struct tide_error *e);
/* `run` listens: a line in the file "snapshots" of its session folder, when there is one. */
void collect_announce(const char *ledger, int pid, uint32_t reason, int complete, const char *path);
/* The same for a snapshot that could not be written: complete is -1, the text takes the place of the
 * path. */
void collect_announce_failure(const char *ledger, int pid, const struct tide_error *e);

#endif
