/* tracked.h - memory that is charged to a domain: tide_track, and what extensions of Python report.
 *
 * Domains are never part of the heap's totals. Entries are in LEDGER_TRACKED, where an entry that is given back is used
 * again.
 *
 * Threads: all; one lock. Signals: nested entries are not recorded. Fork: tracked_after_fork.
 */
#ifndef TIDEMARK_TRACKED_H
#define TIDEMARK_TRACKED_H

#include "walk.h"

/* The innermost frame is e. */
void tracked_put(struct thread *t, const uintptr_t *e, unsigned domain, uintptr_t p, uint64_t bytes);
/* False: this memory is not charged to the domain. */
bool tracked_take(struct thread *t, unsigned domain, uintptr_t p);
void tracked_after_fork(void);

#endif
