/* fork.h - a forked child gets a ledger of its own.
 *
 * The child finds out at its first event, from a word that the kernel wiped
 * (MADV_WIPEONFORK), so that a raw clone is covered, too.
 */
#ifndef TIDEMARK_FORK_H
#define TIDEMARK_FORK_H

#include <stdbool.h>

/* The first event in a forked child: starts its ledger, with the blocks that it
 * inherited. False if that is not possible; the child is then not profiled. */
bool fork_child(void);

#endif
