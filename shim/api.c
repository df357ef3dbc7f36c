/* api.c - the calls of tidemark.h. Each enters the shim like a hook does, so
 * that whatever it causes is not recorded.
 */
#define TIDEMARK_IMPLEMENTATION_
#include "tidemark.h"
#include "birth.h"
#include "block.h"
#include "config.h"
#include "count.h"
#include "event.h"
#include "freeze.h"
#include "memory.h"
#include "rounds.h"
#include "site.h"
#include "store.h"
#include "text.h"
#include "thread.h"
#include "walk.h"

/* Values of enum tide_reason (report/format.h). */
enum { API_MARK = 5, API_SNAPSHOT = 6 };

#define SCOPES 64
static struct scope { uint32_t birth, thread; char name[48]; } scopes[SCOPES];

static struct thread *enter(void *frame)
{
	struct thread *t = thread_enter((uintptr_t)frame + 16);
	return (uintptr_t)t <= (uintptr_t)THREAD_NESTED ? NULL : t;
}
#define ENTER() enter(__builtin_frame_address(0))

static void set_stopped(struct thread *t, bool stopped)
{
	if (state.stopped == stopped)
		return;
	birth_mark(stopped ? "stop" : "start", stopped ? MARK_STOP : MARK_START);
	state.stopped = stopped;
	event_recalculate_special();
	t->sample_left = state.sample ? 0 : -1;
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

int tide_is_tracing(void)
{
	return state.phase == PHASE_RUNNING && !state.stopped;
}

static void forget(uint64_t *slot, uint64_t size)
{
	struct thread *t = thread_current;
	uint64_t s = *slot;
	*slot = 0;
	if (state.sample)
		return;
	count_freed(t, count_of(t, slot_site(s)), size);
	if (t->credit > t->credit_max)
		count_publish(t);
}

void tide_clear(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	block_each(forget);
	thread_leave(t);
	tide_reset_peak();
}

int tide_snapshot(const char *path)
{
	struct thread *t = ENTER();
	if (!t)
		return 38;	/* ENOSYS */
	char name[4096], *at = name, *end = name + sizeof name;
	text_append(&at, end, path);
	size_t n = (size_t)(at - name);
	if (n < 5 || !text_equal(name + n - 5, ".tide"))
		text_append(&at, end, ".tide");
	uint32_t flags = config.references && !state.sample ? 0 : REQUEST_FLAG_NO_REFERENCES;
	birth_final();
	int result = freeze_snapshot(API_SNAPSHOT, name, flags);
	birth_mark(path, MARK_SNAPSHOT);
	thread_leave(t);
	return result;
}

/* A mark that ends a round notes what every site holds. */
static void end_round(const char *name)
{
	static struct rounds_now *now;
	const uint32_t sites = 65536;
	if (!config.rounds[0] || !text_equal(name, config.rounds))
		return;
	if (!now)
		now = memory_map(sites * sizeof *now, MEMORY_WIPE);
	if (now && store_reserve(LEDGER_ROUNDS, state.ledger->table[LEDGER_SITES].count < sites
	    ? state.ledger->table[LEDGER_SITES].count : sites))
		rounds_note(state.ledger, now, sites);
}

void tide_mark(const char *name)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	birth_mark(name, MARK_USER);
	end_round(name);
	thread_leave(t);
}

void tide_freeze(void)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	birth_mark("baseline", MARK_FREEZE);
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

int tide_depth(void)
{
	return (int)state.depth;
}

static uint64_t look_up(uintptr_t p, uint64_t *size)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (!leaf || state.phase != PHASE_RUNNING)
		return 0;
	unsigned g = BLOCK_GRANULE(p);
	uint64_t s = leaf->slot[g];
	if (!s || slot_half(s) != ((p >> 4) & 1) || (p & 15))
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
	uint32_t site = walk_slow(t, e, SITE_DOMAIN_TRACKED + domain);
	struct ledger_counter *c = count_of(t, site);
	count_touch(c);
	c->live_bytes += (int64_t)bytes;
	c->live_blocks++;
	c->total_bytes += bytes;
	c->total_blocks++;
	uint64_t before = state.ledger->table[LEDGER_TRACKED].count;
	event_note((uintptr_t)p, bytes, domain);
	if (state.ledger->table[LEDGER_TRACKED].count > before)
		((struct ledger_tracked *)ledger_at(LEDGER_TRACKED))[before].site = site;
	thread_leave(t);
	return 0;
}

int tide_untrack(unsigned domain, const void *p)
{
	struct thread *t = ENTER();
	int result = -1;
	if (!t)
		return -1;
	struct ledger_tracked *n = ledger_at(LEDGER_TRACKED);
	for (uint64_t i = state.ledger->table[LEDGER_TRACKED].count; i-- > 0;) {
		if (n[i].address != (uintptr_t)p || n[i].domain != domain || !n[i].bytes)
			continue;
		struct ledger_counter *c = count_of(t, n[i].site);
		count_touch(c);
		c->live_bytes -= (int64_t)n[i].bytes;
		c->live_blocks--;
		n[i].bytes = 0;
		result = 0;
		break;
	}
	thread_leave(t);
	return result;
}

/* The walk over all blocks has no argument: these are its. One walk at a time
 * is enough for calls that look at the whole heap. */
static struct {
	uint32_t lo, hi, thread;
	size_t blocks, bytes;
	void (*each)(void *, void *, size_t);
	void *context;
} wanted;

static void collect(uint64_t *slot, uint64_t size)
{
	uint32_t birth = slot_birth(*slot);
	if (birth <= wanted.lo || birth > wanted.hi
	    || (wanted.thread != UINT32_MAX && slot_thread(*slot) != wanted.thread))
		return;
	wanted.blocks++;
	wanted.bytes += size;
}

/* Births of a generation: (lo, hi]. */
static void generation_range(int generation)
{
	const struct ledger_mark *m = ledger_at(LEDGER_MARKS);
	uint64_t n = state.ledger->table[LEDGER_MARKS].count;
	uint32_t latest = n >= 1 ? m[n - 1].birth : 0, before = n >= 2 ? m[n - 2].birth : 0;
	wanted.thread = UINT32_MAX;
	wanted.blocks = wanted.bytes = 0;
	wanted.hi = generation == 0 ? UINT32_MAX : generation == 1 ? latest : before;
	wanted.lo = generation == 0 ? latest : generation == 1 ? before : 0;
	if (generation >= 2 && n < 2)
		wanted.hi = 0;
}

size_t tide_count(int generation)
{
	struct thread *t = ENTER();
	if (!t)
		return 0;
	generation_range(generation);
	block_each(collect);
	thread_leave(t);
	return wanted.blocks;
}

static void hand_out(uint64_t *slot, uint64_t size)
{
	size_t before = wanted.blocks;
	collect(slot, size);
	if (wanted.blocks > before)
		wanted.each(wanted.context, block_address(slot), size);
}

void tide_blocks(int generation, void (*each)(void *, void *, size_t), void *context)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	generation_range(generation);
	wanted.each = each;
	wanted.context = context;
	block_each(hand_out);
	thread_leave(t);
}

static void name_copy(char *to, const char *from, size_t bytes)
{
	char *at = to;
	text_append(&at, to + bytes, from);
}

void tide_scope_begin(const char *name)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	birth_mark(name, MARK_SCOPE_BEGIN);
	for (unsigned i = 0; i < SCOPES; i++) {
		uint32_t empty = 0;
		if (!__atomic_compare_exchange_n(&scopes[i].birth, &empty, birth_now(), false,
		    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		scopes[i].thread = t->number;
		name_copy(scopes[i].name, name, sizeof scopes[i].name);
		scopes[i].birth = birth_now() - 1;
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
	name_copy(cut, name, sizeof cut);
	for (unsigned i = SCOPES; i-- > 0;) {
		if (!scopes[i].birth || scopes[i].thread != t->number || !text_equal(scopes[i].name, cut))
			continue;
		wanted.lo = scopes[i].birth;
		wanted.hi = UINT32_MAX;
		wanted.thread = slot_thread(t->slot_bits);
		wanted.blocks = wanted.bytes = 0;
		block_each(collect);
		left = (struct tide_left){ wanted.blocks, wanted.bytes };
		scopes[i].birth = 0;
		break;
	}
	birth_mark(name, MARK_SCOPE_END);
	thread_leave(t);
	return left;
}

void tide_weak(const void *block)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	event_note((uintptr_t)block, tide_size_of(block), TRACKED_WEAK);
	thread_leave(t);
}

void tide_ignore(const void *block)
{
	struct thread *t = ENTER();
	if (!t)
		return;
	event_note((uintptr_t)block, tide_size_of(block), TRACKED_IGNORED);
	thread_leave(t);
}

/* Asks the collector; the answers, or NULL. They are overwritten by the next query. */
static const uint64_t *query(struct thread *t, uint32_t kind, uintptr_t address, int *error)
{
	struct ledger_header *h = state.ledger;
	uint64_t capacity = h->table[LEDGER_ANSWERS].capacity;
	(void)t;
	if (!store_reserve(LEDGER_ANSWERS, capacity)) {
		*error = 12;	/* ENOMEM */
		return NULL;
	}
	h->table[LEDGER_ANSWERS].count = 0;
	h->query_kind = kind;
	h->query_address = address;
	*error = freeze_snapshot(API_SNAPSHOT, NULL, REQUEST_FLAG_QUERY);
	if (!*error && !__atomic_load_n(&h->table[LEDGER_ANSWERS].count, __ATOMIC_ACQUIRE))
		*error = 61;	/* ENODATA */
	return *error ? NULL : ledger_at(LEDGER_ANSWERS);
}

int tide_collect(struct tide_collected *found)
{
	struct thread *t = ENTER();
	int error = 38;		/* ENOSYS */
	if (!t)
		return error;
	const uint64_t *a = query(t, QUERY_COLLECT, 0, &error);
	if (a)
		*found = (struct tide_collected){ { a[0], a[1] }, { a[2], a[3] }, { a[4], a[5] },
			{ a[6], a[7] }, { a[8], a[9] } };
	thread_leave(t);
	return error;
}

long tide_refcount(const void *block)
{
	struct thread *t = ENTER();
	int error;
	if (!t)
		return -1;
	const uint64_t *a = query(t, QUERY_REFCOUNT, (uintptr_t)block, &error);
	long n = a ? (long)(a[0] + a[1]) : -1;
	thread_leave(t);
	return n;
}

static long list(void *frame, uint32_t kind, const void *block, void **to, long capacity)
{
	struct thread *t = enter(frame);
	int error;
	if (!t)
		return -1;
	const uint64_t *a = query(t, kind, (uintptr_t)block, &error);
	long n = a ? (long)a[0] : -1;
	for (long i = 0; i < n && i < capacity; i++)
		to[i] = (void *)a[1 + i];
	thread_leave(t);
	return n;
}

long tide_referrers(const void *block, void **words, long capacity)
{
	return list(__builtin_frame_address(0), QUERY_REFERRERS, block, words, capacity);
}

long tide_referents(const void *block, void **blocks, long capacity)
{
	return list(__builtin_frame_address(0), QUERY_REFERENTS, block, blocks, capacity);
}
