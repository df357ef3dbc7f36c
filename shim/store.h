/* store.h - making the ledger (layout: ledger.h; growing its tables: table.h).
 *
 * SO1  No descriptor stays open.
 * SO2  Where no file can be had the ledger is private memory
 *     (LEDGER_FLAG_PRIVATE): snapshots work while the process lives.
 *
 * Threads: one, at start-up and in a forked child. Signals: not from nested entries.
 */
#ifndef TIDEMARK_STORE_H
#define TIDEMARK_STORE_H

#include "state.h"

/* Creates the ledger and sets state.ledger. False: no memory at all. */
bool store_open(void);
/* Path of the ledger file; "" when private. */
const char *store_path(void);
/* table_shrink, with what the collector has to know of it. */
void store_shrink(uint64_t spare);
/* In a forked child: a new ledger with the parent's stacks and modules. *number: that of
 * this thread in the parent's ledger; SLOT_THREAD_MASK where it had none. */
bool store_fork(uint32_t *number);

#endif
