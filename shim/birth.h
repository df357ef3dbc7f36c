/* birth.h - time in the shim: the time stamp counter and birth numbers.
 *
 * BR1  birth_now() only grows. A mark advances it by one, so blocks before and
 *     after a mark differ.
 * BR2  The time stamp counter is read for timed blocks only (7 ns here); the
 *     others reuse the number that the latest timed block published.
 */
#ifndef TIDEMARK_BIRTH_H
#define TIDEMARK_BIRTH_H

#include <x86intrin.h>
#include "state.h"

/* ns since started_mono_ns = ns_base + (tsc - tsc_base) * multiplier / 2^32.
 * Replaced as a whole when it becomes more exact. */
struct clock {
	uint64_t tsc_base, ns_base, multiplier;
};

/* The time stamp counter. Where the program has switched it off (PR_SET_TSC), the kernel's clock in the
 * same units. */
uint64_t birth_tsc_slow(void);
static inline uint64_t birth_tsc(void) { return likely(!state.no_tsc) ? __rdtsc() : birth_tsc_slow(); }
/* The program is about to switch the counter off, in this thread at least, or has switched it on. */
void birth_tsc_switch(bool off);

static inline uint32_t birth_now(void) { return __atomic_load_n(&state.ledger->birth_now, __ATOMIC_RELAXED); }

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
		if (__atomic_compare_exchange_n(
			    &state.ledger->birth_now, &now, n, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return n;
	return now;
}

/* Starts a new number and returns the one before it: a mark. */
uint32_t birth_advance(void);
/* Sets up the clocks. A forked child keeps its parent's. */
void birth_start(void);
/* ns since started_mono_ns, by the kernel's clock (by the time stamp counter under a
 * seccomp filter). */
uint64_t birth_elapsed_ns(void);
/* Adjusts the clock to the fact that `ns` had elapsed at `tsc`, if that makes it more exact. */
void birth_adjust(uint64_t tsc, uint64_t ns);

#endif
