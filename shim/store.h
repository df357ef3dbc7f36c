/* store.h - making and growing the ledger (layout: ledger.h).
 *
 * T1  The file is sparse and mapped once; before a page is touched for the
 *     first time it is reserved (MADV_POPULATE_WRITE), so that a full file
 *     system gives an error to us and not SIGBUS to the program.
 * T2  No descriptor stays open.
 * T3  Where no file can be had the ledger is private memory
 *     (LEDGER_FLAG_PRIVATE): snapshots work while the process lives.
 *
 * Threads: store_reserve and store_string under their caller's lock, or with
 * atomic counts as said. Signals: not from nested entries.
 */
#ifndef TIDEMARK_STORE_H
#define TIDEMARK_STORE_H

#include "state.h"

/* Creates the ledger and sets state.ledger. False: no memory at all. */
bool store_open(void);
/* Path of the ledger file; "" when private. */
const char *store_path(void);
/* Makes elements [0, count) of a table touchable; false when there is no room. */
bool store_reserve(enum ledger_table_kind kind, uint64_t count);
/* Unmaps what the tables do not use, but for `spare` bytes of each big one. */
void store_shrink(uint64_t spare);
/* Adds a string; 0 ("") when it does not fit. Takes a lock. */
uint32_t store_string(const char *s);
/* In a forked child: a new ledger with the parent's stacks and modules. *number: that of
 * this thread in the parent's ledger; SLOT_THREAD_MASK where it had none. */
bool store_fork(uint32_t *number);

#endif
