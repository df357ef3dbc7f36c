/* birth.h - time in the shim: the time stamp counter, birth numbers, periodic work.
 *
 * H1  birth_now() only grows. A mark advances it by one, so blocks before and
 *     after a mark differ.
 * H2  The time stamp counter is read for timed blocks only (7 ns here); the
 *     others take the number that the latest timed block left behind.
 */
#ifndef TIDEMARK_BIRTH_H
#define TIDEMARK_BIRTH_H

#include <x86intrin.h>
#include "state.h"

/* ns since started_mono_ns = ns_base + (tsc - tsc_base) * multiplier / 2^32.
 * Replaced as a whole when it becomes more exact. */
struct clock { uint64_t tsc_base, ns_base, multiplier; };

static inline uint32_t birth_now(void)
{
	return __atomic_load_n(&state.ledger->birth_now, __ATOMIC_RELAXED);
}

/* ns since started_mono_ns. */
static inline uint64_t birth_tsc_ns(uint64_t tsc)
{
	const struct clock *c = __atomic_load_n(&state.clock, __ATOMIC_ACQUIRE);
	uint64_t d = tsc - c->tsc_base;
	if ((int64_t)d < 0)
		return c->ns_base;
	return c->ns_base + (uint64_t)((unsigned __int128)d * c->multiplier >> 32);
}

/* The number of this moment; raises birth_now to it. */
static inline uint32_t birth_at(uint64_t tsc)
{
	uint32_t n = birth_of_ns(birth_tsc_ns(tsc)), now = birth_now();
	while (n > now)
		if (__atomic_compare_exchange_n(&state.ledger->birth_now, &now, n, true,
		    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return n;
	return now;
}

/* Starts a new number and returns the one before it: a mark. */
uint32_t birth_advance(void);
/* Sets up the clocks. In a forked child they simply go on. */
void birth_start(void);
/* Periodic work: a point of the timeline, thread's name, process counters. */
void birth_tick(struct thread *t, uint64_t tsc);
/* The last point of the timeline, and totals, before an exit snapshot. */
void birth_final(void);
void birth_after_fork(void);
/* Adds a mark; returns its index or -1. */
int birth_mark(const char *name, enum ledger_mark_kind kind);

#endif
