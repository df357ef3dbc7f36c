/* count.h - counters of sites and of the process.
 *
 * A thread owns a page of 64 counters for each run of 64 sites that it touched;
 * no other thread writes there (LG5). Totals of the process are kept as credit:
 * how much a thread may add before it must read shared words.
 *
 *   one thread:    credit = peak - live: it runs out exactly at a new peak
 *   more threads:  credit starts at COUNT_CHUNK; outside [0, 2 * COUNT_CHUNK]
 *                  the difference to that (base) is added to the shared total
 *
 * CN1  Peak of a site, without a trace: before a counter changes while
 *     version < peak_version, its live value is saved as its value at the peak
 *     (it has not changed since then). Exact with one thread. With more, what
 *     threads hold back hides the true maximum: the moment taken for the peak had
 *     less than it by at most 2 * COUNT_CHUNK bytes a thread (once for what was
 *     held back at the maximum, once for what was at that moment). A point of the
 *     timeline, a mark and a snapshot also include what is held back.
 * CN2  live_* of a page may be negative: blocks freed by another thread.
 */
#ifndef TIDEMARK_COUNT_H
#define TIDEMARK_COUNT_H

#include "birth.h"
#include "state.h"

#define COUNT_CHUNK LEDGER_HELD_BACK

struct ledger_counter *count_page(struct thread *t, uint32_t page);
void count_publish(struct thread *t);
void count_new_size(struct ledger_counter *c, uint64_t size, uint32_t blocks);
/* Counts how long the block p has lived; returns the time stamp counter now. */
uint64_t count_lifetime(struct thread *t, struct ledger_counter *c, uintptr_t p, uint64_t slot);
/* The calling thread is about to create the second thread. */
void count_go_threaded(struct thread *t);
/* As count_go_threaded, but called by the second thread; `first` keeps running and counting. */
void count_found_threaded(struct thread *first);
/* Live bytes and blocks of the process, with what the threads hold back; a new
 * peak is noted. Exact while no other thread is inside an event. Reads a line of
 * each thread: for points of the timeline, marks and snapshots. */
struct count_live {
	int64_t bytes, blocks;
};
struct count_live count_live_now(void);
/* Counts blocks that signal handlers made and freed inside the shim (event.c). */
void count_nested(int64_t bytes, int64_t blocks);
/* Publishes what a dead thread held back, before its memory serves another thread. */
void count_inherit(struct thread *dead);
void count_after_fork(void);
/* Counts the unseen free of a block whose address was allocated again. */
void count_unseen_free(struct thread *t, uint32_t site, uint64_t size);

HOT_INLINE struct ledger_counter *count_of(struct thread *t, uint32_t site)
{
	struct ledger_counter *page = t->pages[site / LEDGER_PAGE_COUNTERS];
	if (unlikely(!page))
		page = count_page(t, site / LEDGER_PAGE_COUNTERS);
	return page + site % LEDGER_PAGE_COUNTERS;
}

HOT_INLINE void count_touch(struct ledger_counter *c)
{
	uint32_t version = __atomic_load_n(&state.ledger->peak_version, __ATOMIC_RELAXED);
	if (c->version != version) {
		c->peak_bytes = c->live_bytes;
		c->peak_blocks = c->live_blocks;
		c->version = version;
	}
}

/* Number of bits of size. */
HOT_INLINE unsigned count_class(uint64_t size)
{
	unsigned c = 63u - (unsigned)__builtin_clzll(size << 1 | 1);
	return c < LEDGER_SIZE_CLASSES ? c : LEDGER_SIZE_CLASSES - 1;
}

/* Notes the size of `blocks` blocks that will be counted; false if the counter
 * does not have a place for it yet (then call count_new_size). */
HOT_INLINE bool count_size(struct ledger_counter *c, uint64_t size, uint32_t blocks)
{
	unsigned class = count_class(size);
	if (likely(c->size_class == class + 1))
		return true;
	if (!c->sizes)
		return false;
	((struct ledger_sizes *)ledger_at(LEDGER_SIZES))[c->sizes].count[class] += blocks;
	return true;
}

/* After either, call count_publish if credit has left [0, credit_max]. */
HOT_INLINE void count_made(struct thread *t, struct ledger_counter *c, uint64_t size)
{
	count_touch(c);
	c->live_bytes += (int64_t)size;
	c->total_bytes += size;
	c->live_blocks++;
	c->total_blocks++;
	t->events++;
	t->credit -= (int64_t)size;
}

HOT_INLINE void count_freed(struct thread *t, struct ledger_counter *c, uint64_t size)
{
	count_touch(c);
	c->live_bytes -= (int64_t)size;
	c->live_blocks--;
	t->freed++;
	t->credit += (int64_t)size;
}

#endif
