/* leftovers.h - ledgers that processes without `tidemark run` have left behind.
 *
 * A process removes its ledger at its exit. One that is killed cannot, and its ledger is
 * all that is left of its profile: `tidemark doctor` lists it, `tidemark snap` makes a
 * snapshot of it. One that calls exec leaves a useless ledger.
 *
 * LO1  A ledger is removed when its program was replaced by exec, and when newer ones of
 *      ended processes use up the limits: LEFTOVERS_KEPT files, LEFTOVERS_BYTES.
 * LO2  Process numbers are valid in their own PID namespace only. Of a ledger of another namespace, or of another
 *      version, only the kernel knows whether its process has ended: no process has the file open for writing
 *      or mapped, so a read lease is given (fcntl(2)). Those of other versions, which nothing can read, are removed
 *      then. At most LEFTOVERS_LEASES files are asked about at one start.
 * LO3  A lease that somebody breaks sends a signal: all are blocked until it is given back, and SIGIO is taken.
 *
 * Called once at the start of a process, before it has threads.
 */
#ifndef TIDEMARK_LEFTOVERS_H
#define TIDEMARK_LEFTOVERS_H

#include <stdint.h>

#define LEFTOVERS_KEPT 8u
#define LEFTOVERS_BYTES (64u << 20)
#define LEFTOVERS_LEASES 64u

/* `ledger`: path of this process's own ledger; the others are in the same folder. */
void leftovers_remove(const char *ledger);

/* The PID namespace of this process, as a number; 0 where /proc does not say. */
uint64_t leftovers_namespace(void);

#endif
