/* timeline.h - points, marks and totals: what is recorded periodically.
 *
 * TI1  The table of points has a fixed size: when it is full, every second point
 *     is dropped and points come half as often.
 *
 * Threads: all; one lock, for which a mark waits; a tick that finds it taken is
 * skipped. Signals: not from nested entries. Fork: timeline_after_fork.
 */
#ifndef TIDEMARK_TIMELINE_H
#define TIDEMARK_TIMELINE_H

#include "state.h"

/* Periodic work, once state.tick_tsc has passed: a point, the thread's name, process
 * counters. `tsc`: the time stamp counter now. */
void timeline_tick(struct thread *t, uint64_t tsc);
/* Records the last point, and totals, before a snapshot. */
void timeline_final(void);
/* Adds a mark; returns its index or -1. */
int timeline_mark(const char *name, enum ledger_mark_kind kind);
void timeline_after_fork(void);

#endif
