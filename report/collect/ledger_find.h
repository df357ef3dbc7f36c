/* ledger_find.h - where a running process keeps its ledger. Called by `snap` and `top`. */
#ifndef TIDEMARK_LEDGER_FIND_H
#define TIDEMARK_LEDGER_FIND_H

#include <stdbool.h>
#include "base/error.h"

/* PID.N.ledger: a name in a folder of ledgers and nothing else. */
bool ledger_find_is_name(const char *name);
/* The path, to be freed; NULL: the process is not profiled. */
char *ledger_find(int pid, struct tide_error *e);

#endif
