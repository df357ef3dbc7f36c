/* collect_private.h - a ledger that is not a file but memory of its process
 * (LEDGER_FLAG_PRIVATE): no path leads to it, so it is searched for.
 */
#ifndef TIDEMARK_COLLECT_PRIVATE_H
#define TIDEMARK_COLLECT_PRIVATE_H

#include "model/ledger.h"
#include "process/remote.h"

int collect_private(struct ledger_copy *c, struct remote *m, struct tide_error *e);

#endif
