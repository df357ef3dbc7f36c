/* event.c - slow paths of allocation and free events; see event.h. */
#include "event.h"
#include "error.h"
#include "freeze.h"
#include "table.h"
#include "timeline.h"

static void take_tick(struct thread *t, uint64_t tsc)
{
	if (unlikely(tsc >= __atomic_load_n(&state.tick_tsc, __ATOMIC_RELAXED)))
		timeline_tick(t, tsc);
}

static uint64_t slot_time(struct thread *t, uintptr_t p, uint64_t *slot, unsigned timed)
{
	uint64_t tsc = birth_tsc();
	struct recent *r = &t->recent[(p >> 4) % RECENT_BLOCKS];
	r->address = p;
	r->tsc = tsc;
	*slot |= (uint64_t)birth_at(tsc) << SLOT_BIRTH_SHIFT | (uint64_t)timed << SLOT_TIMED_SHIFT;
	take_tick(t, tsc);
	return tsc;
}

/* Blocks made further apart than 1/2^17 of a second are all timed. */
#define TIMED_SLOW_BITS 17

__attribute__((noinline)) void event_timed(struct thread *t, uintptr_t p, uint64_t *slot)
{
	if (t->timed_first) {
		t->timed_left = t->timed_first > 2 ? (int32_t)t->timed_first - 2 : 0;
		t->timed_first = 0;
		slot_time(t, p, slot, 1);
		return;
	}
	uint64_t tsc = slot_time(t, p, slot, t->timed_each ? 1 : 2);
	t->timed_each = tsc - t->timed_tsc > t->timed_gap * (state.ledger->tsc_per_second >> TIMED_SLOW_BITS);
	/* 1 to 127 blocks later, 64 on average. */
	t->timed_gap = t->timed_each ? 1 : (uint32_t)((sample_random(&t->random) >> 32) % 127) + 1;
	t->timed_left = (int32_t)t->timed_gap - 1;
	t->timed_tsc = tsc;
}

__attribute__((noinline)) void event_lifetime(
	struct thread *t, struct ledger_counter *c, uintptr_t p, uint64_t slot)
{
	take_tick(t, count_lifetime(t, c, p, slot));
}

__attribute__((noinline)) void *event_made_rest(struct thread *t, void *block)
{
	uintptr_t p = (uintptr_t)block;
	if (t->credit < 0)
		count_publish(t);
	if (t->timed_left < 0) {
		uint64_t *place = &block_leaf_of(p)->slot[BLOCK_GRANULE(p)];
		uint64_t slot = slot_without_birth(*place);
		event_timed(t, p, &slot);
		*place = slot;
	}
	thread_leave(t);
	return block;
}

__attribute__((noinline)) void *event_made_walk(
	struct thread *t, void *block, uint64_t size, const uintptr_t *e)
{
	uintptr_t p = (uintptr_t)block;
	uint32_t site = walk_block(t, e);
	oracle_check(t, e, site);
	uint64_t slack, *place = event_place(p, size, &slack);
	enum event_rest rest =
		place ? event_enter(t, p, size, slack, place, count_of(t, site), site) : EVENT_DOUBT;
	if (unlikely(rest == EVENT_REST))
		return event_made_rest(t, block);
	if (unlikely(rest == EVENT_DOUBT))
		event_made_at(t, p, size, site);
	thread_leave(t);
	return block;
}

__attribute__((cold, noinline)) void event_unseen(
	struct thread *t, uint64_t old, uintptr_t p, uint64_t old_size)
{
	uint64_t size = slot_slack(old) == SLOT_SLACK_EXTRA ? old_size : block_usable(p) - slot_slack(old);
	count_unseen_free(t, slot_site(old), size);
}

/* A handler interrupted the shim in this thread: no walk, one shared site. The
 * additions are atomic, since the interrupted code may be counting too. */
static void add_nested(uint32_t site, int64_t bytes, int64_t blocks)
{
	struct thread *t = thread_current;
	struct ledger_counter *page = t->pages ? t->pages[site / LEDGER_PAGE_COUNTERS] : NULL;
	if (!page)
		return;
	struct ledger_counter *c = page + site % LEDGER_PAGE_COUNTERS;
	count_nested(bytes, blocks);
	__atomic_fetch_add(&c->live_bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&c->live_blocks, (int32_t)blocks, __ATOMIC_RELAXED);
	if (blocks > 0) {
		__atomic_fetch_add(&c->total_bytes, (uint64_t)bytes, __ATOMIC_RELAXED);
		__atomic_fetch_add(&c->total_blocks, (uint64_t)blocks, __ATOMIC_RELAXED);
	}
}

__attribute__((cold, noinline)) void event_made_nested(uintptr_t p, uint64_t size)
{
	if (state.sample)
		return;
	uint64_t old_size;
	uint64_t slot =
		LEDGER_SITE_NESTED | thread_current->slot_bits | (uint64_t)birth_now() << SLOT_BIRTH_SHIFT;
	add_nested(LEDGER_SITE_NESTED, (int64_t)size, 1);
	block_put(p, size, slot, &old_size);
}

__attribute__((cold, noinline)) void event_gone_nested(uint64_t slot, uint64_t size)
{
	if (slot && !state.sample)
		add_nested(slot_site(slot), -(int64_t)size, -1);
}

__attribute__((cold, noinline)) void event_freed_nested(uintptr_t p)
{
	uint64_t size, slot = block_take(p, &size);
	event_gone_nested(slot, size);
}

static void count_weight(struct thread *t, struct ledger_counter *c, struct sample_weight w, int sign)
{
	count_touch(c);
	c->live_bytes += sign * w.bytes;
	c->live_blocks += (int32_t)(sign * w.blocks);
	if (sign < 0)
		t->freed += (uint64_t)w.blocks;
	t->credit -= sign * w.bytes;
	if (t->credit < 0 || t->credit > t->credit_max)
		count_publish(t);
}

static uint32_t site_of(struct thread *t, const uintptr_t *e)
{
	return state.python_site ? state.python_site(t, e, 0) : walk_site(t, e);
}

__attribute__((cold, noinline)) void event_reallocated(struct thread *t, uintptr_t p)
{
	const struct block_leaf *leaf = block_leaf_of(p);
	uint64_t slot = leaf && t->last == p ? leaf->slot[BLOCK_GRANULE(p)] : 0;
	if (slot && slot_half(slot) == ((p >> 4) & 1))
		count_of(t, slot_site(slot))->reallocations++;
}

uint64_t event_sampled(struct thread *t, uintptr_t p, uint64_t size, uint32_t site)
{
	struct ledger_counter *c = count_of(t, site);
	struct sample_weight w = sample_weight(p, size, state.sample);
	if (!count_size(c, size, (uint32_t)w.blocks))
		count_new_size(c, size, (uint32_t)w.blocks);
	count_weight(t, c, w, 1);
	c->total_bytes += (uint64_t)w.bytes;
	c->total_blocks += (uint64_t)w.blocks;
	t->events += (uint64_t)w.blocks;
	uint64_t slot = site | t->slot_bits;
	slot_time(t, p, &slot, 1);
	t->last = p;
	return slot;
}

bool event_is_sample(struct thread *t, uint64_t size)
{
	bool drawn = t->sample_left > SAMPLE_UNDRAWN / 2;
	t->sample_left = sample_next(&t->random, state.sample);
	if (drawn)
		return true;
	t->sample_left -= (int64_t)size;
	if (t->sample_left >= 0)
		return false;
	t->sample_left = sample_next(&t->random, state.sample);
	return true;
}

static void made_sampled(struct thread *t, uintptr_t p, uint64_t size, const uintptr_t *e)
{
	if (!event_is_sample(t, size))
		return;
	uint64_t slot = event_sampled(t, p, size, site_of(t, e)), old_size = 0;
	uint64_t old = block_put(p, size, slot, &old_size);
	if (!old) {
		sample_filter_add(p);
	} else {
		uint64_t was =
			slot_slack(old) == SLOT_SLACK_EXTRA ? old_size : block_usable(p) - slot_slack(old);
		count_weight(t, count_of(t, slot_site(old)), sample_weight(p, was, state.sample), -1);
		missed_add(MISSED_FREES, 1);
	}
}

void event_note(uintptr_t p, uint64_t bytes, uint32_t domain, uint32_t site)
{
	struct ledger_table *table = &state.ledger->table[LEDGER_TRACKED];
	uint64_t index = __atomic_fetch_add(&table->count, 1, __ATOMIC_ACQ_REL);
	if (!table_reserve(LEDGER_TRACKED, index + 1)) {
		__atomic_fetch_sub(&table->count, 1, __ATOMIC_RELAXED);
		missed_add(MISSED_NO_MEMORY, 1);
		return;
	}
	struct ledger_tracked *n = (struct ledger_tracked *)ledger_at(LEDGER_TRACKED) + index;
	*n = (struct ledger_tracked){ .address = p,
		.bytes = bytes,
		.site = site,
		.birth = birth_advance(),
		.domain = domain,
		.thread = thread_current->number };
}

void event_recalculate_special(void)
{
	state.python_general = state.sample || state.stopped || state.python_mimalloc;
	state.special = state.sample || state.stopped || state.ignoring || state.python_site;
	state.general = state.special || state.foreign || state.wipe;
}

__attribute__((noinline)) void event_made_special(
	struct thread *t, uintptr_t p, uint64_t size, const uintptr_t *e)
{
	if (state.stopped) {
		t->sample_left = SAMPLE_UNDRAWN;
		/* A block was here before, and its free was not seen. */
		uint64_t was, slot = block_take(p, &was);
		if (slot && !state.sample)
			count_unseen_free(t, slot_site(slot), was);
		return;
	}
	if (state.sample) {
		made_sampled(t, p, size, e);
	} else {
		t->sample_left = SAMPLE_UNDRAWN;
		event_made_at(t, p, size, site_of(t, e));
	}
	if (t->ignoring) {
		t->sample_left = SAMPLE_UNDRAWN; /* the next one comes here, too */
		event_note(p, size, TRACKED_IGNORED, 0);
	}
}

__attribute__((noinline)) void event_freed_sampled(
	struct thread *t, uintptr_t p, uint64_t slot, uint64_t size)
{
	struct ledger_counter *c = count_of(t, slot_site(slot));
	struct sample_weight w = sample_weight(p, size, state.sample);
	sample_filter_remove(p);
	count_weight(t, c, w, -1);
	if (t->last == p)
		c->temporary += (uint32_t)w.blocks;
	if (slot_timed(slot))
		event_lifetime(t, c, p, slot);
}

__attribute__((cold, noinline)) struct ledger_error *event_free_unknown(
	struct thread *t, uintptr_t p, const uintptr_t *e)
{
	return error_unknown(t, p, e, ERROR_FREE);
}

__attribute__((cold, noinline)) void event_free_timed(
	struct thread *t, uintptr_t p, uint64_t size, uint64_t slot, const uintptr_t *e)
{
	error_timed(t, p, size, slot, e, ERROR_FREE);
}

__attribute__((cold, noinline)) void event_request(struct thread *t)
{
	(void)t;
	freeze_request();
}
