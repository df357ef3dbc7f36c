/* birth.c - see birth.h. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <time.h>
#include "birth.h"
#include "raw.h"

#define NS_PER_SECOND 1000000000u
/* The clock is refined each time its age has doubled: 2^40 times 1 ms are 35 years. */
#define CLOCKS 40u
#define CLOCK_FIRST_NS 1000000u
static struct clock clocks[CLOCKS];
static unsigned clocks_used;

/* The kernel is asked, not libc: clock_gettime may be the program's own, or faketime's. */
static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = { 0, 0 };
	raw2(SYS_clock_gettime, clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t monotonic_ns(void)
{
	if (state.no_syscalls)
		return state.ledger->started_mono_ns + birth_tsc_ns(birth_tsc());
	return clock_ns(CLOCK_MONOTONIC);
}

/* Makes the clock agree with CLOCK_MONOTONIC from here on; never jumps. */
static void improve_clock(uint64_t tsc, uint64_t ns)
{
	const struct clock *old = state.clock;
	uint64_t ticks = tsc - state.ledger->started_tsc;
	if (clocks_used == CLOCKS || !ticks)
		return;
	struct clock *c = &clocks[clocks_used++];
	c->tsc_base = tsc;
	c->ns_base = old ? birth_tsc_ns(tsc) : 0;
	c->multiplier = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
	__atomic_store_n(&state.clock, c, __ATOMIC_RELEASE);
	state.ledger->tsc_per_second = (uint64_t)((unsigned __int128)ticks * NS_PER_SECOND / (ns ? ns : 1));
}

static uint64_t tsc_at_switch;

uint64_t birth_tsc_slow(void)
{
	const struct clock *c = __atomic_load_n(&state.clock, __ATOMIC_ACQUIRE);
	/* Strict seccomp switches the counter off and allows no system call: time does not advance. */
	if (state.no_syscalls)
		return tsc_at_switch;
	uint64_t ns = clock_ns(CLOCK_MONOTONIC);
	if (!c)
		return ns;
	ns -= state.ledger->started_mono_ns;
	if (ns <= c->ns_base)
		return c->tsc_base;
	return c->tsc_base + (uint64_t)(((unsigned __int128)(ns - c->ns_base) << 32) / c->multiplier);
}

void birth_tsc_switch(bool off)
{
	if (off && !state.no_tsc)
		tsc_at_switch = __rdtsc();
	state.no_tsc = off;
}

/* The setting survives exec. */
static bool was_tsc_off(void)
{
	int mode = PR_TSC_ENABLE;
	return raw5(SYS_prctl, PR_GET_TSC, &mode, 0, 0, 0) == 0 && mode != PR_TSC_ENABLE;
}

void birth_start(void)
{
	struct ledger_header *h = state.ledger;
	state.no_tsc = was_tsc_off();
	h->started_wall_ns = clock_ns(CLOCK_REALTIME);
	h->started_mono_ns = monotonic_ns();
	h->started_tsc = birth_tsc();
	h->birth_now = 1;
	/* 30 us are enough for a first estimate (about 0.2 %). */
	uint64_t ns = 0;
	for (int turns = 0; ns < 30000 && turns < 100000; turns++)
		ns = monotonic_ns() - h->started_mono_ns;
	improve_clock(birth_tsc(), ns);
	clocks[0].tsc_base = h->started_tsc;
	state.tick_tsc = h->started_tsc;
}

uint64_t birth_elapsed_ns(void) { return monotonic_ns() - state.ledger->started_mono_ns; }

void birth_adjust(uint64_t tsc, uint64_t ns)
{
	if (!state.no_syscalls && clocks_used < CLOCKS && ns >> clocks_used >= CLOCK_FIRST_NS)
		improve_clock(tsc, ns);
}

uint32_t birth_advance(void)
{
	birth_at(birth_tsc());
	uint32_t *word = &state.ledger->birth_now, now = __atomic_load_n(word, __ATOMIC_RELAXED);
	while (now < BIRTH_MAX)
		if (__atomic_compare_exchange_n(
			    word, &now, now + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return now;
	return now;
}
