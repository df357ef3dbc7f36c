/* api.c - the calls of tidemark.h. Each enters the shim as a hook does, so that
 * nothing it causes is recorded.
 */
#define TIDEMARK_IMPLEMENTATION_
#include "tidemark.h"
#include <errno.h>
#include "birth.h"
#include "block.h"
#include "config.h"
#include "count.h"
#include "enter.h"
#include "event.h"
#include "freeze.h"
#include "memory.h"
#include "query.h"
#include "rounds.h"
#include "site.h"
#include "table.h"
#include "text.h"
#include "timeline.h"
#include "tracked.h"
#include "walk.h"

static void set_stopped(struct thread *t, bool stopped)
{
	if (state.stopped == stopped)
		return;
	timeline_mark(stopped ? "stop" : "start", stopped ? LEDGER_MARK_STOP : LEDGER_MARK_START);
	state.stopped = stopped;
	event_recalculate_special();
	t->sample_left = SAMPLE_UNDRAWN;
}

void tide_start(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	set_stopped(t, false);
	thread_leave(t);
}

void tide_stop(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	set_stopped(t, true);
	thread_leave(t);
}

int tide_is_tracing(void) { return state.phase == PHASE_RUNNING && !state.stopped; }

static void forget_block(void *context, const struct block_seen *b)
{
	struct thread *t = context;
	*b->place = 0;
	if (state.sample)
		return;
	count_freed(t, count_of(t, slot_site(b->slot)), b->size);
	if (t->credit > t->credit_max)
		count_publish(t);
}

void tide_clear(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	block_each(forget_block, t);
	thread_leave(t);
	tide_reset_peak();
}

int tide_snapshot(const char *path)
{
	struct thread *t = ENTER();
	if (!t)
		return ENOSYS;
	char name[4096], *at = name, *end = name + sizeof name;
	text_append(&at, end, path);
	size_t n = (size_t)(at - name);
	if (n < 5 || !text_equal(name + n - 5, ".tide"))
		text_append(&at, end, ".tide");
	uint32_t flags = config.references ? 0 : REQUEST_FLAG_NO_REFERENCES;
	timeline_final();
	int result = freeze_snapshot(LEDGER_REASON_API, name, flags);
	timeline_mark(path, LEDGER_MARK_SNAPSHOT);
	thread_leave(t);
	return result;
}

/* A mark that ends a round notes what every site holds. */
static void end_round(const char *name)
{
	static struct rounds_now *shared;
	const uint32_t sites = 65536;
	if (!config.rounds[0] || !text_equal(name, config.rounds))
		return;
	struct rounds_now *now = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
	if (!now && (now = memory_map(sites * sizeof *now, MEMORY_WIPE))) {
		struct rounds_now *first = NULL;
		if (!__atomic_compare_exchange_n(
			    &shared, &first, now, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
			memory_unmap(now, sites * sizeof *now);
			now = first;
		}
	}
	if (now
		&& table_reserve(LEDGER_ROUNDS,
			state.ledger->table[LEDGER_SITES].count < sites
				? state.ledger->table[LEDGER_SITES].count
				: sites))
		rounds_note(state.ledger, now, sites);
}

void tide_mark(const char *name)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	timeline_mark(name, LEDGER_MARK_USER);
	end_round(name);
	thread_leave(t);
}

void tide_freeze(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	timeline_mark("baseline", LEDGER_MARK_FREEZE);
	thread_leave(t);
}

void tide_traced_memory(size_t *live, size_t *peak)
{
	int64_t l = 0, p = 0;
	if (state.phase == PHASE_RUNNING) {
		l = count_live_now().bytes;
		p = state.ledger->peak_bytes;
	}
	if (live)
		*live = l > 0 ? (size_t)l : 0;
	if (peak)
		*peak = (size_t)(p > l ? p : l);
}

void tide_reset_peak(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	struct ledger_header *h = state.ledger;
	h->peak_bytes = count_live_now().bytes;
	if (!state.threaded)
		t->credit = 0;
	__atomic_fetch_add(&h->peak_version, 1, __ATOMIC_RELAXED);
	thread_leave(t);
}

size_t tide_overhead(void)
{
	if (!state.ledger)
		return 0;
	size_t resident = memory_resident();
	return resident ? resident : state.ledger->own_bytes;
}

int tide_depth(void) { return (int)state.depth; }

static uint64_t look_up(uintptr_t p, uint64_t *size)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (!leaf || state.phase != PHASE_RUNNING)
		return 0;
	unsigned g = BLOCK_GRANULE(p);
	uint64_t s = leaf->slot[g];
	if (!slot_live(s) || slot_half(s) != ((p >> 4) & 1) || (p & 15))
		return 0;
	*size = block_size(leaf, g, p, s);
	return s;
}

int tide_stack_of(const void *block, void **frames, int capacity)
{
	uint64_t size, s = look_up((uintptr_t)block, &size);
	int n = 0;
	if (!s)
		return 0;
	const struct ledger_node *nodes = ledger_at(LEDGER_NODES);
	const struct ledger_site *sites = ledger_at(LEDGER_SITES);
	for (uint32_t i = sites[slot_site(s)].node; i && n < capacity; i = nodes[i].parent)
		frames[n++] = (void *)nodes[i].address;
	return n;
}

size_t tide_size_of(const void *block)
{
	uint64_t size;
	return look_up((uintptr_t)block, &size) ? size : 0;
}

int tide_track(unsigned domain, const void *p, size_t bytes)
{
	const uintptr_t *e = walk_entry(__builtin_frame_address(0));
	struct thread *t = ENTER();
	if (!t)
		return -1;
	tracked_put(t, e, domain, (uintptr_t)p, bytes);
	thread_leave(t);
	return 0;
}

int tide_untrack(unsigned domain, const void *p)
{
	struct thread *t = ENTER();
	if (!t)
		return -1;
	int result = tracked_take(t, domain, (uintptr_t)p) ? 0 : -1;
	thread_leave(t);
	return result;
}

/* The blocks to select, and the totals found. */
struct selection {
	uint32_t lo, hi; /* births in (lo, hi] */
	uint32_t thread; /* as in slots, or ANY_THREAD */
	size_t blocks, bytes;
	void (*each)(void *, void *, size_t); /* called for each; may be NULL */
	void *context;
};
#define ANY_THREAD UINT32_MAX

static void select_block(void *selection, const struct block_seen *b)
{
	struct selection *s = selection;
	uint32_t birth = slot_birth(b->slot);
	if (birth <= s->lo || birth > s->hi || (s->thread != ANY_THREAD && slot_thread(b->slot) != s->thread))
		return;
	s->blocks++;
	s->bytes += b->size;
	if (s->each)
		s->each(s->context, (void *)b->address, b->size);
}

static struct selection select_generation(int generation)
{
	const struct ledger_mark *m = ledger_at(LEDGER_MARKS);
	uint64_t n = __atomic_load_n(&state.ledger->table[LEDGER_MARKS].count, __ATOMIC_ACQUIRE);
	uint32_t latest = n >= 1 ? m[n - 1].birth : 0, before = n >= 2 ? m[n - 2].birth : 0;
	struct selection s = { .thread = ANY_THREAD };
	s.hi = generation == 0 ? UINT32_MAX : generation == 1 ? latest : before;
	s.lo = generation == 0 ? latest : generation == 1 ? before : 0;
	return s;
}

size_t tide_count(int generation)
{
	struct thread *t = ENTER();
	if (!t)
		return 0;
	struct selection s = select_generation(generation);
	block_each(select_block, &s);
	thread_leave(t);
	return s.blocks;
}

void tide_blocks(int generation, void (*each)(void *, void *, size_t), void *context)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	struct selection s = select_generation(generation);
	s.each = each;
	s.context = context;
	block_each(select_block, &s);
	thread_leave(t);
}

/* Open scopes of all threads. `owner` goes from 0 (free) to SCOPE_CLAIMED while the rest is
 * filled in, then to 1 + the thread's number. */
static struct scope {
	uint32_t owner, birth;
	char name[48];
} scopes[64];
#define SCOPES (sizeof scopes / sizeof scopes[0])
#define SCOPE_CLAIMED UINT32_MAX

static void copy_name(char *to, const char *from, size_t bytes)
{
	char *at = to;
	text_append(&at, to + bytes, from);
}

void tide_scope_begin(const char *name)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	timeline_mark(name, LEDGER_MARK_SCOPE_BEGIN);
	for (unsigned i = 0; i < SCOPES; i++) {
		uint32_t owner = 0;
		if (!__atomic_compare_exchange_n(&scopes[i].owner, &owner, SCOPE_CLAIMED, false,
			    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			continue;
		scopes[i].birth = birth_now() - 1;
		copy_name(scopes[i].name, name, sizeof scopes[i].name);
		__atomic_store_n(&scopes[i].owner, t->number + 1, __ATOMIC_RELEASE);
		break;
	}
	thread_leave(t);
}

struct tide_left tide_scope_end(const char *name)
{
	struct tide_left left = { 0, 0 };
	struct thread *t = ENTER();
	if (!t)
		return left;
	char cut[sizeof scopes[0].name];
	copy_name(cut, name, sizeof cut);
	for (unsigned i = SCOPES; i-- > 0;) {
		if (__atomic_load_n(&scopes[i].owner, __ATOMIC_ACQUIRE) != t->number + 1
			|| !text_equal(scopes[i].name, cut))
			continue;
		struct selection s = {
			.lo = scopes[i].birth, .hi = UINT32_MAX, .thread = slot_thread(t->slot_bits)
		};
		block_each(select_block, &s);
		left = (struct tide_left){ s.blocks, s.bytes };
		__atomic_store_n(&scopes[i].owner, 0, __ATOMIC_RELEASE);
		break;
	}
	timeline_mark(name, LEDGER_MARK_SCOPE_END);
	thread_leave(t);
	return left;
}

void tide_weak(const void *block)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	event_note((uintptr_t)block, tide_size_of(block), TRACKED_WEAK, 0);
	thread_leave(t);
}

void tide_ignore(const void *block)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	event_note((uintptr_t)block, tide_size_of(block), TRACKED_IGNORED, 0);
	thread_leave(t);
}

int tide_collect(struct tide_collected *found)
{
	struct thread *t = ENTER();
	if (!t)
		return ENOSYS;
	struct query_answer a = { .words = 10 };
	int error = query_ask(QUERY_COLLECT, 0, &a);
	const uint64_t *w = a.word;
	if (!error)
		*found = (struct tide_collected){ { w[0], w[1] }, { w[2], w[3] }, { w[4], w[5] },
			{ w[6], w[7] }, { w[8], w[9] } };
	thread_leave(t);
	return error;
}

long tide_refcount(const void *block)
{
	struct thread *t = ENTER();
	if (!t)
		return -1;
	struct query_answer a = { .words = 2 };
	int error = query_ask(QUERY_REFCOUNT, (uintptr_t)block, &a);
	thread_leave(t);
	return error ? -1 : (long)(a.word[0] + a.word[1]);
}

static long list_addresses(void *frame, enum ledger_query kind, const void *block, void **list, long capacity)
{
	struct thread *t = enter_whole(frame);
	if (!t)
		return -1;
	struct query_answer a = {
		.words = 1, .list = list, .capacity = capacity > 0 ? (uint64_t)capacity : 0
	};
	int error = query_ask(kind, (uintptr_t)block, &a);
	thread_leave(t);
	return error ? -1 : (long)a.word[0];
}

long tide_referrers(const void *block, void **words, long capacity)
{
	return list_addresses(__builtin_frame_address(0), QUERY_REFERRERS, block, words, capacity);
}

long tide_referents(const void *block, void **blocks, long capacity)
{
	return list_addresses(__builtin_frame_address(0), QUERY_REFERENTS, block, blocks, capacity);
}
