/* settled.h - snapshots of children that had freed all their blocks before they ended.
 *
 *   child ──moves its ledger to SERVER_SETTLED (shim/settle.h)──▶ settler ──▶ snapshot
 *
 * Nothing of such a child is lost, so its snapshot is made from the ledger alone and has no blocks and no references
 * (PROCESS_SETTLED). Without `run`, the child starts a collector, which writes the same.
 *
 * SG1  The folder is there from settled_open to settled_end, except while SETTLED_MOST ledgers wait: then children take
 *      their snapshots in the ordinary way, and wait for them.
 * SG2  What the ledger says decides nothing about files: as in collect.h, CL3.
 * SG3  A ledger that cannot be made a snapshot of is announced as a failure, and removed.
 *
 * Called by run_session.c and the server, which starts the settler as a process of its own.
 */
#ifndef TIDEMARK_SETTLED_H
#define TIDEMARK_SETTLED_H

#include "collect_output.h"

/* Writes the snapshot of such a child. */
int settled_write(struct collect *r, struct ledger_copy *c, struct snapshot_writer *w, struct tide_error *e);
/* Makes the folder in the folder of the session. */
void settled_open(const char *session);
/* The settler: writes snapshots until `control` is closed at its other end and no ledger is left. */
void settled_run(const char *session, const struct collect_settings *settings, int control);
/* Writes what the settler has left, and removes the folder. */
void settled_end(const char *session, const struct collect_settings *settings);

#endif
