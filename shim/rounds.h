/* rounds.h - the floor of each site over the rounds of a run.
 *
 * A leak that is still referenced shows as a site whose least number of live
 * blocks rises for ever. The shim notes, at each mark that ends a round, what
 * every site holds, in a table of fixed size (struct ledger_rounds); the report
 * cuts it into windows (report/analysis/growth.h).
 *
 * RO1  Called after a mark was noted, if its name is that in TIDEMARK_ROUNDS.
 *     Costs one pass over the counters in use.
 * RO2  One thread at a time; a second one finds rounds_busy set, adds to
 *     missed.rounds and goes on. The word lies in the ledger, so that a forked
 *     child starts with a free one.
 * RO3  Other threads may change counters at the same time: each value read is one the
 *     site really had around the mark.
 *
 * Signals: a handler that marks during a mark is handled as in RO2.
 */
#ifndef TIDEMARK_ROUNDS_H
#define TIDEMARK_ROUNDS_H

#include "ledger.h"

/* Ends a round in `ledger`. `now` is scratch for `capacity` sites, kept by the caller between
 * calls, zero at the first call for this ledger: now[i].seen says that row i was written. */
struct rounds_now {
	int32_t live;
	uint32_t seen;
};
void rounds_note(struct ledger_header *ledger, struct rounds_now *now, uint32_t capacity);

#endif
