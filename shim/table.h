/* table.h - grows the tables of the ledger (layout: ledger.h).
 *
 * TA1  The file is sparse and mapped once; before a page is touched for the
 *     first time it is reserved (MADV_POPULATE_WRITE), so that a full file
 *     system gives an error to us and not SIGBUS to the program.
 *
 * Threads: all; a lock serialises growth. The callers' own locks, or atomic
 * counts, decide who writes which element. Signals: not from nested entries.
 * Fork: table_start in the child.
 */
#ifndef TIDEMARK_TABLE_H
#define TIDEMARK_TABLE_H

#include "state.h"

/* Starts with nothing reserved, for a ledger about to be mapped from the file `path`,
 * "" for private memory. The string must stay valid. */
void table_start(const char *path);
/* Makes bytes [from, to) of the ledger safe to touch (TA1). */
bool table_touchable(struct ledger_header *ledger, uint64_t from, uint64_t to);
/* Makes elements [0, count) of a table touchable; false when they do not fit. */
bool table_reserve(enum ledger_table_kind kind, uint64_t count);
/* How many elements are touchable now. */
uint64_t table_reserved(enum ledger_table_kind kind);
/* Unmaps what the tables do not use, except for `spare` bytes of each. */
void table_shrink(uint64_t spare);
/* Adds a string; 0 ("") when it does not fit. */
uint32_t table_string(const char *s);

#endif
