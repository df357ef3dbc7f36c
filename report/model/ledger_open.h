/* ledger_open.h - a ledger as those see it who know nothing of the shim's layout.
 *
 * Called by snapshot_open (a path may be a ledger), by `run` when a session ends, and by
 * `symbolize`, which refuses ledgers.
 */
#ifndef TIDEMARK_LEDGER_OPEN_H
#define TIDEMARK_LEDGER_OPEN_H

#include <stdbool.h>
#include "snapshot.h"

/* Does the file begin like a ledger? */
bool ledger_is(const char *path);

/* What the header says of the process, which may have written anything there. */
struct ledger_look {
	bool started;  /* start-up has got as far as the name of the program */
	bool exiting;  /* the exit snapshot is being taken */
	bool finished; /* the exit snapshot was taken, or refused */
	bool execed;   /* another program has replaced this one */
};
/* -1: there is no such ledger. */
int ledger_look(const char *path, struct ledger_look *l);

/* The counters of a process that is alive or dead, as a snapshot. */
int ledger_open(const char *path, struct snapshot *s, struct tide_error *e);

#endif
