/* collect_kept.h - the snapshot at the end of a Python process, which is taken before that end
 * (shim/python_end.c).
 *
 * CK1  The early snapshot has its final name. When the process ends, how it ended is written into it.
 * CK2  The name comes from the ledger, which the program can write: the only file touched is an early snapshot of
 *     this process, and no file is touched for a process of another user.
 *
 * Called by collect.c and by the run's post mortem.
 */
#ifndef TIDEMARK_COLLECT_KEPT_H
#define TIDEMARK_COLLECT_KEPT_H

#include <stdbool.h>
#include "model/ledger.h"
#include "model/snapshot.h"

/* Stores the name in the ledger; a name that is too long is not stored, and the snapshot stays as it is. */
void collect_kept_note(struct ledger_header *header, const char *path);

/* Opens what the ledger names; false: it names no early snapshot of this process. */
bool collect_kept_open(struct snapshot *s, const struct ledger_copy *c);

/* Writes `process` in place of its own. The path to free; NULL: it could not be written. */
char *collect_kept_write(struct snapshot *s, const struct tide_process *process);

/* The tables of the ledger that collect_kept_finish needs. */
#define COLLECT_KEPT_TABLES (1u << LEDGER_ERRORS | 1u << LEDGER_STRINGS)

/* At the end of the process: the same with its exit status, unless the program has made an error since, which the early
 * snapshot does not have. */
char *collect_kept_finish(const struct ledger_copy *c, bool *complete);

#endif
