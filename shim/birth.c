/* birth.c - see birth.h. */
#include <fcntl.h>
#include <sys/prctl.h>
#include <time.h>
#include "birth.h"
#include "count.h"
#include "lock.h"
#include "raw.h"
#include "store.h"

/* The clock is made better each time its age has doubled: 2^40 times 1 ms. */
static struct clock clocks[40];
static unsigned clock_used;
static struct lock tick_lock;
static uint64_t interval_ns = 1000000;	/* between points of the timeline */
/* A point reads a few lines of each thread, about 1 us where there are thousands. */
#define POINT_THREAD_NS 20000u

/* The kernel is asked, not libc: clock_gettime may be the program's own, or faketime's. */
static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = { 0, 0 };
	raw2(SYS_clock_gettime, clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t monotonic_ns(void)
{
	if (state.no_syscalls)
		return state.ledger->started_mono_ns + birth_tsc_ns(__rdtsc());
	return clock_ns(CLOCK_MONOTONIC);
}

/* Makes the clock agree with CLOCK_MONOTONIC from here on; never jumps. */
static void clock_improve(uint64_t tsc, uint64_t ns)
{
	const struct clock *old = state.clock;
	uint64_t ticks = tsc - state.ledger->started_tsc;
	if (clock_used == sizeof clocks / sizeof clocks[0] || !ticks)
		return;
	struct clock *c = &clocks[clock_used++];
	c->tsc_base = tsc;
	c->ns_base = old ? birth_tsc_ns(tsc) : 0;
	c->multiplier = (uint64_t)(((unsigned __int128)ns << 32) / ticks);
	__atomic_store_n(&state.clock, c, __ATOMIC_RELEASE);
	state.ledger->tsc_per_second = (uint64_t)((unsigned __int128)ticks * 1000000000u / (ns ? ns : 1));
}

void birth_start(void)
{
	struct ledger_header *h = state.ledger;
	h->started_wall_ns = clock_ns(CLOCK_REALTIME);
	h->started_mono_ns = monotonic_ns();
	h->started_tsc = __rdtsc();
	h->birth_now = 1;
	/* 30 us are enough for a first estimate (about 0.2 %). */
	uint64_t ns = 0;
	for (int turns = 0; ns < 30000 && turns < 100000; turns++)
		ns = monotonic_ns() - h->started_mono_ns;
	clock_improve(__rdtsc(), ns);
	clocks[0].tsc_base = h->started_tsc;
	state.tick_tsc = h->started_tsc;
}

uint32_t birth_advance(void)
{
	birth_at(__rdtsc());
	uint32_t *word = &state.ledger->birth_now, now = __atomic_load_n(word, __ATOMIC_RELAXED);
	while (now < BIRTH_MAX)
		if (__atomic_compare_exchange_n(word, &now, now + 1, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			return now;
	return now;
}

/* Resident pages from /proc/self/statm: its second number. */
static uint64_t resident_bytes(void)
{
	char text[64];
	if (state.no_syscalls)
		return 0;
	int fd = (int)raw4(SYS_openat, AT_FDCWD, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	long n = raw3(SYS_read, fd, text, sizeof text - 1);
	raw1(SYS_close, fd);
	uint64_t pages = 0;
	long i = 0;
	while (i < n && text[i] != ' ')
		i++;
	for (i++; i < n && text[i] >= '0' && text[i] <= '9'; i++)
		pages = pages * 10 + (uint64_t)(text[i] - '0');
	return pages * 4096;
}

/* Publishes what the threads have counted; returns the allocations so far. */
static uint64_t publish_events(void)
{
	uint64_t events = 0;
	for (struct thread *t = __atomic_load_n(&state.threads, __ATOMIC_ACQUIRE); t; t = t->next) {
		uint64_t made = __atomic_load_n(&t->events, __ATOMIC_RELAXED);
		events += made;
		if (t->record)
			t->record->allocations = made;
	}
	state.ledger->events = events;
	return events;
}

/* When the table is full every second point goes, and points come half as often. */
static void timeline_add(uint64_t ns)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_TIMELINE];
	struct ledger_point *p = ledger_at(LEDGER_TIMELINE);
	if (t->count == t->capacity) {
		for (uint64_t i = 0; i < t->count / 2; i++)
			p[i] = p[2 * i];
		__atomic_store_n(&t->count, t->count / 2, __ATOMIC_RELEASE);
		interval_ns *= 2;
	}
	if (!store_reserve(LEDGER_TIMELINE, t->count + 1)) {
		missed_add(MISSED_TIMELINE, 1);
		return;
	}
	struct count_live live = count_live_now();
	state.ledger->live_blocks = live.blocks;
	p[t->count] = (struct ledger_point){ .mono_ns = ns, .live_bytes = live.bytes,
		.live_blocks = live.blocks, .rss_bytes = resident_bytes(), .total_blocks = publish_events() };
	__atomic_store_n(&t->count, t->count + 1, __ATOMIC_RELEASE);
}

__attribute__((noinline, cold))
void birth_tick(struct thread *t, uint64_t tsc)
{
	if (!lock_try(&tick_lock))
		return;
	if (tsc >= state.tick_tsc) {
		uint64_t ns = monotonic_ns() - state.ledger->started_mono_ns;
		if (clock_used < 40 && !state.no_syscalls && ns >> clock_used >= 1000000)
			clock_improve(tsc, ns);
		if (!state.threaded)
			state.ledger->live_bytes = count_live_now().bytes;
		else if (t->base != COUNT_CHUNK)
			count_publish(t);	/* it was alone when it published last */
		timeline_add(ns);
		if (t->record && !state.no_syscalls)
			raw2(SYS_prctl, PR_GET_NAME, t->record->name);
		uint64_t threads = __atomic_load_n(&state.ledger->table[LEDGER_THREADS].count, __ATOMIC_RELAXED);
		uint64_t least = threads * POINT_THREAD_NS, interval = interval_ns > least ? interval_ns : least;
		__atomic_store_n(&state.tick_tsc, tsc + (uint64_t)((unsigned __int128)interval
			* state.ledger->tsc_per_second / 1000000000u), __ATOMIC_RELAXED);
	}
	lock_release(&tick_lock);
}

void birth_after_fork(void)
{
	tick_lock.word = 0;
}

void birth_final(void)
{
	struct ledger_header *h = state.ledger;
	if (!state.threaded)
		h->live_bytes = count_live_now().bytes;
	if (lock_try(&tick_lock)) {
		timeline_add(monotonic_ns() - h->started_mono_ns);
		lock_release(&tick_lock);
	}
	publish_events();
}

int birth_mark(const char *name, enum ledger_mark_kind kind)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_MARKS];
	uint32_t text = store_string(name);
	lock_take(&tick_lock);
	uint64_t index = t->count;
	bool room = store_reserve(LEDGER_MARKS, index + 1);
	if (room) {
		struct ledger_mark *m = (struct ledger_mark *)ledger_at(LEDGER_MARKS) + index;
		struct count_live live = count_live_now();
		*m = (struct ledger_mark){ .mono_ns = birth_tsc_ns(__rdtsc()), .name = text, .kind = kind,
			.thread = thread_current->number, .live_bytes = live.bytes, .live_blocks = live.blocks };
		m->birth = birth_advance();
		__atomic_store_n(&t->count, index + 1, __ATOMIC_RELEASE);
	}
	lock_release(&tick_lock);
	return room ? (int)index : -1;
}
