/* settle.h - the end of a forked child that has freed whatever it allocated.
 *
 * Fork servers and test runners make thousands of such children, and nothing of them can be
 * lost: the ledger says all there is to say, and its snapshot is made without looking at the memory
 * (LEDGER_FLAG_SETTLED).
 * Under `run` the ledger is moved to the folder SERVER_SETTLED of the session, where the settler
 * (report/collect/settled.h) finds it and writes the snapshot. The child does not wait, and asks nobody.
 *
 * SX1  A ledger in that folder is whole: its process has made its last change before the move.
 * SX2  The folder exists only while somebody looks into it, and not while too many ledgers wait
 *      there. A child that cannot move its ledger asks for its snapshot.
 */
#ifndef TIDEMARK_SHIM_SETTLE_H
#define TIDEMARK_SHIM_SETTLE_H

#include <stdbool.h>

/* At the exit of the process: true if it is such a child. Its ledger says so from then on. */
bool settle_child(void);
/* Then: true if its ledger was moved, so that nothing is left to do. */
bool settle_move(void);

#endif
