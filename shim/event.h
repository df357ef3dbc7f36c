/* event.h - what happens at an allocation and at a free. The parts are inlined here, so
 * that the fast path is straight-line code; PERFORMANCE.md says what it costs.
 *
 *   made:  request? → walk → site → counter → block map
 *   freed: block map → counter
 */
#ifndef TIDEMARK_EVENT_H
#define TIDEMARK_EVENT_H

#include "birth.h"
#include "block.h"
#include "count.h"
#include "enter.h"
#include "oracle.h"
#include "sample.h"
#include "walk.h"

void event_made_nested(uintptr_t p, uint64_t size);
void event_unseen(struct thread *t, uint64_t slot, uintptr_t p, uint64_t old_size);
/* Slow path while sampling, stopped, or inside __lsan_disable; reached when sample_left is
 * used up. event_pass has already charged the size to it. */
void event_made_special(struct thread *t, uintptr_t p, uint64_t size, const uintptr_t *e);
void event_recalculate_special(void);
/* Adds to LEDGER_TRACKED: a note about a block (TRACKED_*), or memory that is charged to
 * a domain and a site. */
void event_note(uintptr_t p, uint64_t bytes, uint32_t domain, uint32_t site);
/* The block p was just made by a reallocation that the fast path did not count. */
void event_reallocated(struct thread *t, uintptr_t p);
/* On the slow path while sampling: is this block a sample? */
bool event_is_sample(struct thread *t, uint64_t size);
/* Counts a block that is a sample; returns its slot word, for block_put. */
uint64_t event_sampled(struct thread *t, uintptr_t p, uint64_t size, uint32_t site);
void event_freed_sampled(struct thread *t, uintptr_t p, uint64_t slot, uint64_t size);
void event_freed_nested(uintptr_t p);
/* Counts the free of a block that was taken out of the map, in a nested event. */
void event_gone_nested(uint64_t slot, uint64_t size);
/* This block's lifetime is measured, as are those of a site's first block, of every
 * block while the thread makes few, and otherwise of about one block in 64, which
 * counts for 64. The thread's random countdown decides: a choice that depended on the
 * site would be known late, and the processor would mispredict it. */
void event_timed(struct thread *t, uintptr_t p, uint64_t *slot);
/* A block with a measured lifetime was freed. */
void event_lifetime(struct thread *t, struct ledger_counter *c, uintptr_t p, uint64_t slot);
void event_request(struct thread *t);
/* What event_made_fast left to do. Both leave the shim, and return the block. */
void *event_made_rest(struct thread *t, void *block); /* a new peak, a block that is timed */
void *event_made_walk(struct thread *t, void *block, uint64_t size, const uintptr_t *e);

/* The common allocation: no request is pending, the allocator is glibc's, the block
 * has a slot of its own, and its stack was seen recently. All doubts are checked
 * before the first change. EVENT_DOUBT: nothing was done, call event_made; EVENT_WALK:
 * nothing was done, call event_made_walk; EVENT_REST: call event_made_rest. There are
 * no calls in between: everything stays in a few registers, and almost no branch is
 * taken. */
enum event_rest { EVENT_DOUBT, EVENT_WALK, EVENT_DONE, EVENT_REST };

/* Counts the block and enters it into its slot; returns EVENT_DOUBT or as above. */
HOT_INLINE enum event_rest event_enter(struct thread *t, uintptr_t p, uint64_t size, uint64_t slack,
	uint64_t *place, struct ledger_counter *c, uint32_t site)
{
	if (unlikely(!count_size(c, size, 1)))
		return EVENT_DOUBT;
	__atomic_store_n(place,
		site | t->slot_bits | slack << SLOT_SLACK_SHIFT | (p & 16) << (SLOT_HALF_SHIFT - 4)
			| (uint64_t)birth_now() << SLOT_BIRTH_SHIFT,
		__ATOMIC_RELAXED);
	t->last = p;
	count_made(t, c, size);
	return unlikely((t->credit | --t->timed_left) < 0) ? EVENT_REST : EVENT_DONE;
}

/* The slot of a fresh block, and its slack; NULL if in doubt: the block is a mapping of
 * its own, or its slack is too large (BM3). */
HOT_INLINE uint64_t *event_place(uintptr_t p, uint64_t size, uint64_t *slack)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (unlikely(!leaf))
		return NULL;
	uint64_t *place = &leaf->slot[BLOCK_GRANULE(p)], header = *(const uint64_t *)(p - 8);
	*slack = (header & ~(uint64_t)CHUNK_FLAGS) - 8 - size;
	return unlikely(block_slot_upper(place) | (header & CHUNK_MAPPED))
			|| unlikely(*slack >= SLOT_SLACK_EXTRA)
		? NULL
		: place;
}

HOT_INLINE enum event_rest event_made_fast(struct thread *t, uintptr_t p, uint64_t size, const uintptr_t *e)
{
	uint64_t slack, *place = event_place(p, size, &slack);
	if (unlikely(!place || __atomic_load_n(&state.ledger->request, __ATOMIC_RELAXED)))
		return EVENT_DOUBT;
	const struct walk_leaf *l = walk_leaf(t, e);
	if (unlikely(!l))
		return EVENT_WALK;
	oracle_check(t, e, l->site);
	return event_enter(t, p, size, slack, place, l->counter, l->site);
}

/* As event_made_fast, for a free. */
HOT_INLINE bool event_freed_fast(struct thread *t, uintptr_t p)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (unlikely(!leaf))
		return false;
	uint64_t *place = &leaf->slot[BLOCK_GRANULE(p)], slot = __atomic_load_n(place, __ATOMIC_RELAXED);
	/* The slot must be for this half of the granule, and not timed: those bits are adjacent. */
	if (unlikely(((slot >> SLOT_HALF_SHIFT) & 7) != ((p >> 4) & 1) || slot_slack(slot) == SLOT_SLACK_EXTRA
		    || block_slot_free(place) || (p & 15)))
		return false;
	uint64_t header = *(const uint64_t *)(p - 8);
	struct ledger_counter *page = t->pages[slot_site(slot) / LEDGER_PAGE_COUNTERS];
	if (unlikely((header & CHUNK_MAPPED) || !page))
		return false;
	uint64_t size = (header & ~(uint64_t)CHUNK_FLAGS) - 8 - slot_slack(slot);
	struct ledger_counter *c = page + slot_site(slot) % LEDGER_PAGE_COUNTERS;
	if (unlikely(t->credit + (int64_t)size > t->credit_max))
		return false;
	block_slot_clear(place);
	count_freed(t, c, size);
	c->temporary += t->last == p;
	return true;
}

/* Counts the block p for its site, whose counter is c; returns the slot word to enter it with. */
HOT_INLINE uint64_t event_counted(
	struct thread *t, uintptr_t p, uint64_t size, uint32_t site, struct ledger_counter *c)
{
	if (unlikely(!count_size(c, size, 1)))
		count_new_size(c, size, 1);
	count_made(t, c, size);
	if (unlikely(t->credit < 0))
		count_publish(t);
	uint64_t slot = site | t->slot_bits;
	if (unlikely(--t->timed_left < 0))
		event_timed(t, p, &slot);
	else
		slot |= (uint64_t)birth_now() << SLOT_BIRTH_SHIFT;
	t->last = p;
	return slot;
}

HOT_INLINE void event_made_at(struct thread *t, uintptr_t p, uint64_t size, uint32_t site)
{
	uint64_t slot = event_counted(t, p, size, site, count_of(t, site));
	uint64_t old_size = 0, old = block_put(p, size, slot, &old_size);
	if (unlikely(old))
		event_unseen(t, old, p, old_size);
}

HOT_INLINE void event_made(struct thread *t, void *block, uint64_t size, const uintptr_t *e)
{
	if (unlikely(state.special)) {
		t->last = 0;
		if (t->sample_left < 0)
			event_made_special(t, (uintptr_t)block, size, e);
		return;
	}
	block_prefetch((uintptr_t)block);
	uint32_t site = walk_site(t, e);
	oracle_check(t, e, site);
	event_made_at(t, (uintptr_t)block, size, site);
}

/* May an allocation pass with nothing recorded? While sampling, nearly all do. */
HOT_INLINE bool event_pass(uint64_t size)
{
	if (likely(!state.special))
		return false;
	struct thread *t = thread_current;
	t->sample_left -= (int64_t)size;
	t->last = 0;
	return likely(t->sample_left >= 0);
}

/* Is it certain that this block was never entered? */
HOT_INLINE bool event_pass_free(const void *block)
{
	if (likely(!state.sample))
		return false;
	return likely(!__atomic_load_n(sample_filter_of((uintptr_t)block), __ATOMIC_RELAXED));
}

/* Counts the free of a block that was taken out of the map with this slot word (0: it
 * was not in the map). Its size is read only where it is used: a copy costs a
 * register. */
HOT_INLINE void event_gone(struct thread *t, void *block, uint64_t slot, const uint64_t *size)
{
	if (likely(slot)) {
		if (unlikely(state.sample)) {
			event_freed_sampled(t, (uintptr_t)block, slot, *size);
			return;
		}
		struct ledger_counter *c = count_of(t, slot_site(slot));
		count_freed(t, c, *size);
		if (unlikely(t->credit > t->credit_max))
			count_publish(t);
		if (t->last == (uintptr_t)block)
			c->temporary++;
		if (unlikely(slot_timed(slot)))
			event_lifetime(t, c, (uintptr_t)block, slot);
	} else if (!state.sample) {
		missed_add(MISSED_FOREIGN_FREES, 1);
	}
}

/* Checks a free of a block that is not in the block map, or that is timed (error.h). The
 * result is passed to error_survived. */
struct ledger_error *event_free_unknown(struct thread *t, uintptr_t p, const uintptr_t *e);
void event_free_timed(struct thread *t, uintptr_t p, uint64_t size, uint64_t slot, const uintptr_t *e);

/* Returns what error_survived gets after the real free. */
HOT_INLINE struct ledger_error *event_freed(struct thread *t, void *block, const uintptr_t *e)
{
	struct ledger_error *error = NULL;
	uint64_t size;
	__builtin_prefetch((const char *)block - 8, 1); /* the chunk's header, beside the slot */
	uint64_t slot = block_take((uintptr_t)block, &size);
	if (unlikely(!slot))
		error = event_free_unknown(t, (uintptr_t)block, e);
	else if (unlikely(slot_timed(slot)))
		event_free_timed(t, (uintptr_t)block, size, slot, e);
	event_gone(t, block, slot, &size);
	return error;
}

#endif
