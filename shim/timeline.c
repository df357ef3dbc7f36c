/* timeline.c - see timeline.h. */
#include <fcntl.h>
#include <sys/prctl.h>
#include "birth.h"
#include "count.h"
#include "lock.h"
#include "raw.h"
#include "table.h"
#include "timeline.h"

#define NS_PER_SECOND 1000000000u
/* A point reads a few cache lines per thread, about 1 us each with thousands of threads. */
#define POINT_THREAD_NS 20000u

static struct lock tick_lock;
static uint64_t interval_ns = 1000000; /* between points */

/* The number at text[*at], and *at behind the blank after it. */
static uint64_t read_number(const char *text, long end, long *at)
{
	uint64_t number = 0;
	for (; *at < end && text[*at] >= '0' && text[*at] <= '9'; ++*at)
		number = number * 10 + (uint64_t)(text[*at] - '0');
	++*at;
	return number;
}

/* From /proc/self/statm: its second number, and that minus the third, pages of files and of shared memory. */
static void read_resident(struct ledger_point *p)
{
	char text[96];
	if (state.no_syscalls)
		return;
	int fd = (int)raw4(SYS_openat, AT_FDCWD, "/proc/self/statm", O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return;
	long n = raw3(SYS_read, fd, text, sizeof(text) - 1), at = 0;
	raw1(SYS_close, fd);
	read_number(text, n, &at);
	uint64_t resident = read_number(text, n, &at), shared = read_number(text, n, &at);
	p->rss_bytes = resident * LEDGER_PAGE;
	p->private_bytes = resident > shared ? (resident - shared) * LEDGER_PAGE : 0;
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

static void add_point(uint64_t ns)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_TIMELINE];
	struct ledger_point *p = ledger_at(LEDGER_TIMELINE);
	if (t->count == t->capacity) {
		for (uint64_t i = 0; i < t->count / 2; i++)
			p[i] = p[2 * i];
		__atomic_store_n(&t->count, t->count / 2, __ATOMIC_RELEASE);
		interval_ns *= 2;
	}
	if (!table_reserve(LEDGER_TIMELINE, t->count + 1)) {
		missed_add(MISSED_TIMELINE, 1);
		return;
	}
	struct count_live live = count_live_now();
	state.ledger->live_blocks = live.blocks;
	p[t->count] = (struct ledger_point){ .mono_ns = ns,
		.live_bytes = live.bytes,
		.live_blocks = live.blocks,
		.total_blocks = publish_events() };
	read_resident(&p[t->count]);
	__atomic_store_n(&t->count, t->count + 1, __ATOMIC_RELEASE);
}

/* Ticks of the time stamp counter until the next point. */
static uint64_t find_next_point(void)
{
	uint64_t threads = __atomic_load_n(&state.ledger->table[LEDGER_THREADS].count, __ATOMIC_RELAXED);
	uint64_t least = threads * POINT_THREAD_NS, ns = interval_ns > least ? interval_ns : least;
	return (uint64_t)((unsigned __int128)ns * state.ledger->tsc_per_second / NS_PER_SECOND);
}

__attribute__((noinline, cold)) void timeline_tick(struct thread *t, uint64_t tsc)
{
	if (!lock_try(&tick_lock))
		return;
	if (tsc >= state.tick_tsc) {
		uint64_t ns = birth_elapsed_ns();
		birth_adjust(tsc, ns);
		if (!state.threaded)
			state.ledger->live_bytes = count_live_now().bytes;
		else if (t->base != COUNT_CHUNK)
			count_publish(t); /* it was the only thread when it last published */
		add_point(ns);
		if (t->record && !state.no_syscalls)
			raw2(SYS_prctl, PR_GET_NAME, t->record->name);
		__atomic_store_n(&state.tick_tsc, tsc + find_next_point(), __ATOMIC_RELAXED);
	}
	lock_release(&tick_lock);
}

void timeline_after_fork(void) { tick_lock.word = 0; }

void timeline_final(void)
{
	struct ledger_header *h = state.ledger;
	if (!state.threaded)
		h->live_bytes = count_live_now().bytes;
	if (lock_try(&tick_lock)) {
		add_point(birth_elapsed_ns());
		lock_release(&tick_lock);
	}
	publish_events();
}

int timeline_mark(const char *name, enum ledger_mark_kind kind)
{
	struct ledger_table *t = &state.ledger->table[LEDGER_MARKS];
	uint32_t text = table_string(name);
	lock_take(&tick_lock);
	uint64_t index = t->count;
	bool fits = table_reserve(LEDGER_MARKS, index + 1);
	if (fits) {
		struct ledger_mark *m = (struct ledger_mark *)ledger_at(LEDGER_MARKS) + index;
		struct count_live live = count_live_now();
		*m = (struct ledger_mark){ .mono_ns = birth_tsc_ns(birth_tsc()),
			.name = text,
			.kind = kind,
			.thread = thread_current->number,
			.live_bytes = live.bytes,
			.live_blocks = live.blocks };
		m->birth = birth_advance();
		__atomic_store_n(&t->count, index + 1, __ATOMIC_RELEASE);
	}
	lock_release(&tick_lock);
	return fits ? (int)index : -1;
}
