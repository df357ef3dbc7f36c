/* store.h - creates the ledger (layout: ledger.h; growing its tables: table.h).
 *
 * SO1  No descriptor stays open.
 * SO2  If no file can be created, the ledger is private memory
 *     (LEDGER_FLAG_PRIVATE): snapshots work while the process lives.
 *
 * Threads: one, at start-up and in a forked child. Signals: not from nested entries.
 */
#ifndef TIDEMARK_STORE_H
#define TIDEMARK_STORE_H

#include "state.h"

/* Creates the ledger and sets state.ledger. False if no memory can be had. */
bool store_open(void);
/* Path of the ledger file; "" when private. */
const char *store_path(void);
/* Calls table_shrink, and records for the collector what changed. */
void store_shrink(uint64_t spare);
/* In a forked child: creates a new ledger with the parent's stacks and modules. *number:
 * that of this thread in the parent's ledger; SLOT_THREAD_MASK if it did not have
 * one. */
bool store_fork(uint32_t *number);

#endif
