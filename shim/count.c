/* count.c - slow paths of the counters; see count.h. */
#include "count.h"
#include "lock.h"
#include "memory.h"
#include "table.h"

static struct lock count_lock;
/* Absorbs the counts when no memory can be had. */
static struct ledger_counter sink[LEDGER_PAGE_COUNTERS];
static struct count_live nested;

struct ledger_counter *count_page(struct thread *t, uint32_t page)
{
	struct ledger_header *h = state.ledger;
	struct ledger_table *pages = &h->table[LEDGER_PAGES], *counters = &h->table[LEDGER_COUNTERS];
	struct ledger_counter *c = NULL;
	lock_take(&count_lock);
	uint64_t index = counters->count;
	if (table_reserve(LEDGER_PAGES, index + 1) && table_reserve(LEDGER_COUNTERS, index + 1)) {
		c = (struct ledger_counter *)((char *)ledger_at(LEDGER_COUNTERS) + index * LEDGER_PAGE);
		struct ledger_page *p = (struct ledger_page *)ledger_at(LEDGER_PAGES) + index;
		p->first_site = page * LEDGER_PAGE_COUNTERS;
		p->thread = t->number + 1;
		__atomic_store_n(&pages->count, index + 1, __ATOMIC_RELEASE);
		__atomic_store_n(&counters->count, index + 1, __ATOMIC_RELEASE);
	}
	lock_release(&count_lock);
	if (!c) {
		missed_add(MISSED_NO_MEMORY, 1);
		c = sink;
	}
	t->pages[page] = c;
	return c;
}

void count_after_fork(void)
{
	count_lock.word = 0;
	nested = (struct count_live){ 0, 0 };
}

static void raise_peak(struct ledger_header *h, int64_t live)
{
	int64_t peak = __atomic_load_n(&h->peak_bytes, __ATOMIC_RELAXED);
	while (live > peak) {
		if (__atomic_compare_exchange_n(
			    &h->peak_bytes, &peak, live, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			__atomic_fetch_add(&h->peak_version, 1, __ATOMIC_RELAXED);
			__atomic_store_n(&h->peak_birth, birth_now(), __ATOMIC_RELAXED);
			return;
		}
	}
}

__attribute__((noinline)) void count_publish(struct thread *t)
{
	struct ledger_header *h = state.ledger;
	if (!state.threaded) {
		/* This is the only thread, so plain stores suffice. */
		h->peak_bytes -= t->credit;
		h->live_bytes = h->peak_bytes;
		h->peak_version++;
		h->peak_birth = birth_now();
		t->credit = 0;
		return;
	}
	int64_t change = t->base - t->credit;
	t->base = t->credit = COUNT_CHUNK;
	t->credit_max = 2 * COUNT_CHUNK;
	int64_t live = __atomic_add_fetch(&h->live_bytes, change, __ATOMIC_RELAXED);
	if (change > 0)
		raise_peak(h, live);
}

void count_go_threaded(struct thread *t)
{
	if (state.threaded)
		return;
	state.ledger->live_bytes = state.ledger->peak_bytes - t->credit;
	t->base = t->credit = COUNT_CHUNK;
	t->credit_max = 2 * COUNT_CHUNK;
	__atomic_fetch_or(&state.ledger->flags, LEDGER_FLAG_THREADED, __ATOMIC_RELAXED);
	__atomic_store_n(&state.threaded, true, __ATOMIC_RELEASE);
}

void count_found_threaded(struct thread *first)
{
	int64_t credit = __atomic_load_n(&first->credit, __ATOMIC_RELAXED);
	state.ledger->live_bytes = state.ledger->peak_bytes - credit;
	first->base = credit;
	__atomic_store_n(&first->credit_max, credit + COUNT_CHUNK, __ATOMIC_RELAXED);
	__atomic_fetch_or(&state.ledger->flags, LEDGER_FLAG_THREADED, __ATOMIC_RELAXED);
	__atomic_store_n(&state.threaded, true, __ATOMIC_RELEASE);
}

void count_nested(int64_t bytes, int64_t blocks)
{
	__atomic_fetch_add(&nested.bytes, bytes, __ATOMIC_RELAXED);
	__atomic_fetch_add(&nested.blocks, blocks, __ATOMIC_RELAXED);
}

void count_inherit(struct thread *dead)
{
	if (state.threaded)
		__atomic_fetch_add(&state.ledger->live_bytes, dead->base - dead->credit, __ATOMIC_RELAXED);
	dead->base = dead->credit;
}

/* The bytes that all threads hold back, and the blocks they made and did not free. */
static struct count_live held_back(void)
{
	struct count_live sum = { 0, 0 };
	for (struct thread *t = __atomic_load_n(&state.threads, __ATOMIC_ACQUIRE); t; t = t->next) {
		sum.bytes += t->base - __atomic_load_n(&t->credit, __ATOMIC_RELAXED);
		sum.blocks += (int64_t)(__atomic_load_n(&t->events, __ATOMIC_RELAXED)
			- __atomic_load_n(&t->freed, __ATOMIC_RELAXED));
	}
	return sum;
}

struct count_live count_live_now(void)
{
	struct ledger_header *h = state.ledger;
	struct count_live held = held_back(), live;
	live.blocks = held.blocks + nested.blocks;
	if (!state.threaded && state.threads) {
		live.bytes = h->peak_bytes - state.threads->credit + nested.bytes;
		return live;
	}
	live.bytes = __atomic_load_n(&h->live_bytes, __ATOMIC_SEQ_CST) + held.bytes;
	/* The bytes of a thread that is publishing now may be seen twice or not at all. */
	if (held_back().bytes == held.bytes)
		raise_peak(h, live.bytes);
	live.bytes += nested.bytes;
	return live;
}

/* The histogram of a site exists from its second size class on; size_class is 0 then. */
void count_new_size(struct ledger_counter *c, uint64_t size, uint32_t blocks)
{
	unsigned class = count_class(size);
	struct ledger_sizes *s = ledger_at(LEDGER_SIZES);
	if (!c->sizes) {
		if (!c->size_class) {
			c->size_class = class + 1;
			return;
		}
		struct ledger_table *t = &state.ledger->table[LEDGER_SIZES];
		lock_take(&count_lock);
		uint64_t index = t->count ? t->count : 1;
		bool room = table_reserve(LEDGER_SIZES, index + 1);
		if (room)
			__atomic_store_n(&t->count, index + 1, __ATOMIC_RELEASE);
		lock_release(&count_lock);
		if (!room)
			return;
		s[index].count[c->size_class - 1] = (uint32_t)c->total_blocks;
		c->sizes = (uint32_t)index;
		c->size_class = 0;
	}
	s[c->sizes].count[class] += blocks;
}

/* Notes a lifetime in the counter itself, if there is room. */
static bool note_few(struct ledger_counter *c, unsigned class, unsigned timed)
{
	uint32_t few = c->lifetimes;
	if (few && !(few & LEDGER_LIFETIMES_FEW))
		return false;
	for (unsigned i = 0; i < LEDGER_LIFETIMES_FEW_COUNT; i++)
		if (!(few >> 7 * i & 127u)) {
			c->lifetimes =
				few | LEDGER_LIFETIMES_FEW | LEDGER_LIFETIME_FEW(class, timed) << 7 * i;
			return true;
		}
	return false;
}

/* The counter's histogram, created from the few lifetimes that it holds. */
static struct ledger_lifetimes *histogram(struct ledger_counter *c)
{
	struct ledger_lifetimes *l = ledger_at(LEDGER_LIFETIMES);
	uint32_t few = c->lifetimes;
	if (!(few & LEDGER_LIFETIMES_FEW))
		return &l[few];
	struct ledger_table *table = &state.ledger->table[LEDGER_LIFETIMES];
	lock_take(&count_lock);
	uint64_t index = table->count ? table->count : 1;
	bool room = table_reserve(LEDGER_LIFETIMES, index + 1);
	if (room)
		__atomic_store_n(&table->count, index + 1, __ATOMIC_RELEASE);
	lock_release(&count_lock);
	if (!room)
		return NULL;
	for (unsigned i = 0; i < LEDGER_LIFETIMES_FEW_COUNT; i++, few >>= 7)
		l[index].count[ledger_lifetime_class(few)] += ledger_lifetime_weight(few >> 5 & 3u);
	c->lifetimes = (uint32_t)index;
	return &l[index];
}

uint64_t count_lifetime(struct thread *t, struct ledger_counter *c, uintptr_t p, uint64_t slot)
{
	uint64_t now = birth_tsc(), ns;
	struct recent *r = &t->recent[(p >> 4) % RECENT_BLOCKS];
	if (r->address == p) {
		ns = birth_tsc_ns(now) - birth_tsc_ns(r->tsc);
		r->address = 0;
	} else {
		uint64_t born = birth_to_ns(slot_birth(slot)), at = birth_tsc_ns(now);
		ns = at > born ? at - born : 0;
	}
	unsigned bits = ns ? 64u - (unsigned)__builtin_clzll(ns) : 0;
	unsigned class = bits > 10 ? bits - 10 : 0;
	if (class >= LEDGER_LIFETIME_CLASSES)
		class = LEDGER_LIFETIME_CLASSES - 1;
	if (!note_few(c, class, slot_timed(slot))) {
		struct ledger_lifetimes *l = histogram(c);
		if (l)
			l->count[class] += ledger_lifetime_weight(slot_timed(slot));
	}
	return now;
}

void count_unseen_free(struct thread *t, uint32_t site, uint64_t size)
{
	count_freed(t, count_of(t, site), size);
	if (t->credit > t->credit_max)
		count_publish(t);
	missed_add(MISSED_FREES, 1);
}
