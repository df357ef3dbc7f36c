/* python_hook.c - the allocators of CPython's small objects; see python.h.
 *
 * The interpreter's MEM and OBJ domains go through our functions to their previous
 * allocators, which are pymalloc unless the user chose others: its arenas, its reuse and
 * the program's memory do not change. A request that it passes on to malloc is one block,
 * the one that malloc's hook records.
 *
 *   PyObject_Malloc ─▶ here ─▶ pymalloc ─▶ (above 512 bytes) PyMem_RawMalloc ─▶ malloc ─▶ hooks.c
 *
 * PH1  A block of pymalloc is entered after it was made and removed before it is freed, as S4. It has
 *     BLOCK_PYTHON set, so that neither side removes what the other one entered.
 * PH2  Pre-initialisation with an explicit allocator (PYTHONMALLOC, -X dev) overwrites the
 *     allocators that the constructor installed. Ours are installed on top once more, as soon
 *     as that is over. The same is done for an interpreter that starts again after its end,
 *     which since 3.12 has lost ours.
 * PH3  Where python_objects is off, only frees are examined, because the free of a code object must be
 *     noticed.
 * PH4  pymalloc's callers hold the GIL, so they enter and remove blocks one after the other, and its blocks begin at
 *     multiples of 16. In a build without the GIL, and where PYTHONMALLOC says so, mimalloc is underneath. It
 *     serves requests of all sizes from mappings of its own. Its blocks of 8 bytes begin at any
 *     multiple of 8, and only those at multiples of 16 have slots. Two threads may own the halves of
 *     a granule, so they enter their blocks as the hook of malloc does for other allocators.
 *
 * PyMemAllocatorEx is part of the stable interface: PEP 445. Objects of builds without the GIL must come from mimalloc,
 * where the collector finds them (Doc/c-api/memory.rst); so they do, by way of ours.
 */
#include "config.h"
#include "event.h"
#include "python.h"

/* As Include/cpython/pymem.h. */
struct allocator {
	void *context;
	void *(*malloc)(void *context, size_t size);
	void *(*calloc)(void *context, size_t n, size_t each);
	void *(*realloc)(void *context, void *p, size_t size);
	void (*free)(void *context, void *p);
};
enum { DOMAIN_RAW, DOMAIN_MEM, DOMAIN_OBJ, DOMAINS };

/* The allocators underneath, by domain: at first, and for those installed after pre-initialisation. */
static struct allocator below[2][DOMAINS];

#define FRAME() (__builtin_frame_address(0))
/* Most bytes that the debug allocator puts before a block that pymalloc passes on to malloc. */
#define MARKS_MOST 64u
/* The largest request, less one, that the allocator underneath may serve itself: all of them where it is mimalloc. */
static size_t small_most = PYTHON_SMALL_MOST - 1;
HOT_INLINE bool is_small(size_t size) { return size - 1 <= small_most; }

/* How many blocks this thread has made; shows whether malloc's hook has run in between. */
HOT_INLINE uint64_t events_of(const struct thread *t) { return t->events; }

/* Enters a block of pymalloc. The two halves of a granule may be blocks of their own. */
HOT_INLINE uint64_t put(
	struct block_leaf *leaf, uintptr_t p, uint64_t size, uint64_t slot, uint64_t *old_size)
{
	unsigned g = BLOCK_GRANULE(p);
	uint64_t half = (p >> 4) & 1, was = leaf ? __atomic_load_n(&leaf->slot[g], __ATOMIC_RELAXED) : 0;
	uint64_t old = slot_live(was) ? was : 0;
	slot |= (uint64_t)SLOT_SLACK_EXTRA << SLOT_SLACK_SHIFT | half << SLOT_HALF_SHIFT;
	if (unlikely(old))
		*old_size = slot_slack(old) == SLOT_SLACK_EXTRA ? block_bytes(leaf->extra[g]) : 0;
	/* PH4 */
	if (unlikely(!leaf || (old && slot_half(old) != half) || p & 15
		    || (state.python_mimalloc
			    && !__atomic_compare_exchange_n(&leaf->slot[g], &was, slot, false,
				    __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)))) {
		if (!block_spill_put(p, size | BLOCK_PYTHON, slot))
			missed_add(MISSED_BLOCKS, 1);
		return 0;
	}
	__atomic_store_n(&leaf->extra[g], size | BLOCK_PYTHON, __ATOMIC_RELAXED);
	__atomic_store_n(&leaf->slot[g], slot, __ATOMIC_RELAXED);
	return old;
}

/* Removes a block of pymalloc and returns its slot word and size; 0 if it is not one, or was never entered. */
HOT_INLINE uint64_t take(uintptr_t p, uint64_t *size)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (likely(leaf)) {
		unsigned g = BLOCK_GRANULE(p);
		uint64_t s = __atomic_load_n(&leaf->slot[g], __ATOMIC_RELAXED);
		if (likely(slot_live(s) && slot_half(s) == ((p >> 4) & 1) && !(p & 15))) {
			if (slot_slack(s) != SLOT_SLACK_EXTRA || !(leaf->extra[g] & BLOCK_PYTHON))
				return 0;
			*size = block_bytes(leaf->extra[g]);
			__atomic_store_n(&leaf->slot[g], 0, __ATOMIC_RELEASE);
			return s;
		}
	}
	uint64_t slot = 0;
	if (unlikely(__atomic_load_n(&block_spilled, __ATOMIC_RELAXED)))
		block_spill_take_python(p, size, &slot);
	return slot;
}

HOT_INLINE void enter_block(
	struct thread *t, struct block_leaf *leaf, uintptr_t p, uint64_t size, struct python_counted at)
{
	uint64_t slot = event_counted(t, p, size, at.site, at.counter);
	uint64_t old_size = 0, old = put(leaf, p, size, slot, &old_size);
	if (unlikely(old))
		count_unseen_free(t, slot_site(old), old_size);
}

static __attribute__((noinline)) void enter_sample(
	struct thread *t, uintptr_t p, uint64_t size, const uintptr_t *e)
{
	uint64_t old_size;
	t->last = 0;
	t->sample_left -= (int64_t)size;
	if (likely(t->sample_left >= 0) || state.stopped || !event_is_sample(t, size))
		return;
	/* An old block at this place already has an entry in the filter. */
	if (!put(block_leaf_make(p), p, size, event_sampled(t, p, size, python_site_small(t, e).site),
		    &old_size))
		sample_filter_add(p);
}

/* Called before a block is made: one that is being made has no owner yet, and would be in a snapshot that is taken
 * now as a block that is lost. */
static __attribute__((cold, noinline)) void take_due_snapshot(void *frame)
{
	struct thread *t = thread_enter(ENTER_SP(frame));
	if ((uintptr_t)t <= (uintptr_t)THREAD_NESTED)
		return;
	if (__atomic_load_n(&state.ledger->request, __ATOMIC_RELAXED))
		event_request(t);
	if (python_end_is_due())
		python_end(t, walk_entry(frame));
	thread_leave(t);
}

HOT_INLINE void look_ahead(void *frame)
{
	if (unlikely(*python.finalizing || python.ending
		    || __atomic_load_n(&state.ledger->request, __ATOMIC_RELAXED)))
		take_due_snapshot(frame);
}

/* As made, where anything is unusual. */
static __attribute__((noinline)) void *made_slow(
	void *block, size_t size, void *frame, uint64_t events, bool again)
{
	uintptr_t p = (uintptr_t)block;
	struct thread *t = thread_enter(ENTER_SP(frame));
	if ((uintptr_t)t <= (uintptr_t)THREAD_NESTED)
		return block;
	/* It came from malloc after all, whose hook has recorded it. */
	bool passed_on = t->events != events && p - t->last < MARKS_MOST;
	if (p && !passed_on) {
		const uintptr_t *e = walk_entry(frame);
		if (state.sample)
			enter_sample(t, p, size, e);
		else if (!state.stopped)
			enter_block(t, block_leaf_make(p), p, size, python_site_small(t, e));
	}
	if (again && !passed_on)
		event_reallocated(t, p);
	thread_leave(t);
	return block;
}

/* As made, where the block cannot be counted or entered at once. */
static __attribute__((noinline)) void *made_rest(
	struct thread *t, void *block, uint64_t size, struct python_counted at)
{
	uintptr_t p = (uintptr_t)block;
	enter_block(t, block_leaf_of(p), p, size, at);
	thread_leave(t);
	return block;
}

/* pymalloc has made p for the caller of `frame`. `events`: the value of events_of before the call; `again`: it is the
 * new place of an older block. After the only call, for the site, nothing but the block is needed, so that few
 * registers are saved. */
HOT_INLINE void *made(void *block, uint64_t size, void *frame, uint64_t events, bool again)
{
	uintptr_t p = (uintptr_t)block;
	struct block_leaf *leaf = block_leaf_of(p);
	struct thread *t = thread_current;
	if (unlikely(!leaf || t->busy != THREAD_IDLE || t->events != events || state.python_general))
		return made_slow(block, size, frame, events, again);
	uint64_t *place = &leaf->slot[BLOCK_GRANULE(p)];
	__builtin_prefetch(place, 1);
	t->busy = ENTER_SP(frame);
	compiler_barrier();
	struct python_counted at = python.remembered(t, walk_entry(frame));
	if (unlikely(!at.counter))
		at = python_site_small(t, walk_entry(frame));
	else
		oracle_check_python(t, walk_entry(frame), at.site);
	at.counter->reallocations += again;
	if (unlikely(block_slot_upper(place)) || unlikely(!count_size(at.counter, size, 1)))
		return made_rest(t, block, size, at);
	__atomic_store_n(place + BLOCK_LEAF_SLOTS, size | BLOCK_PYTHON, __ATOMIC_RELAXED);
	__atomic_store_n(place,
		at.site | t->slot_bits | (uint64_t)SLOT_SLACK_EXTRA << SLOT_SLACK_SHIFT
			| (p & 16) << (SLOT_HALF_SHIFT - 4) | (uint64_t)birth_now() << SLOT_BIRTH_SHIFT,
		__ATOMIC_RELAXED);
	t->last = p;
	count_made(t, at.counter, size);
	if (unlikely((t->credit | --t->timed_left) < 0))
		return event_made_rest(t, block);
	thread_leave(t);
	return block;
}

static void *hook_malloc(void *context, size_t size)
{
	const struct allocator *a = context;
	if (unlikely(!is_small(size)))
		return a->malloc(a->context, size);
	look_ahead(FRAME());
	uint64_t events = events_of(thread_current);
	return made(a->malloc(a->context, size), size, FRAME(), events, false);
}

static void *hook_calloc(void *context, size_t n, size_t each)
{
	const struct allocator *a = context;
	size_t size;
	if (__builtin_mul_overflow(n, each, &size) || !is_small(size))
		return a->calloc(a->context, n, each);
	look_ahead(FRAME());
	uint64_t events = events_of(thread_current);
	return made(a->calloc(a->context, n, each), size, FRAME(), events, false);
}

/* The block p is about to be freed or moved. Returns the slot word, as take does. */
HOT_INLINE uint64_t leave_block(void *p, void *frame, uint64_t *size)
{
	struct thread *t = thread_enter(ENTER_SP(frame));
	if (unlikely((uintptr_t)t <= (uintptr_t)THREAD_NESTED))
		return 0;
	uint64_t slot = event_pass_free(p) ? 0 : take((uintptr_t)p, size);
	if (unlikely(state.sample)) {
		if (slot)
			event_freed_sampled(t, (uintptr_t)p, slot, *size);
	} else if (likely(slot)) {
		struct ledger_counter *c = count_of(t, slot_site(slot));
		count_freed(t, c, *size);
		if (unlikely(t->credit > t->credit_max))
			count_publish(t);
		if (t->last == (uintptr_t)p)
			c->temporary++;
		if (unlikely(slot_timed(slot)))
			event_lifetime(t, c, (uintptr_t)p, slot);
	}
	/* A table of its own would be one more line of memory for each block. */
	if ((!slot || *size >= PYTHON_CODE_LEAST) && unlikely(*python_code_known((uintptr_t)p)))
		python_code_freed((uintptr_t)p);
	thread_leave(t);
	return slot;
}

/* Is this the slot of a block of ours that begins in this half of its granule, and whose lifetime is not measured? */
HOT_INLINE bool is_plain(uint64_t slot, uintptr_t p)
{
	const uint64_t mask = (uint64_t)SLOT_SLACK_MASK << SLOT_SLACK_SHIFT | (uint64_t)1 << SLOT_HALF_SHIFT
		| (uint64_t)SLOT_TIMED_MASK << SLOT_TIMED_SHIFT;
	return (slot & mask)
		== ((uint64_t)SLOT_SLACK_EXTRA << SLOT_SLACK_SHIFT | (p & 16) << (SLOT_HALF_SHIFT - 4));
}

/* As leave_block, for the common block. Returns its size, or 0: nothing was done. */
HOT_INLINE uint64_t leave_fast(uintptr_t p, void *frame)
{
	struct block_leaf *leaf = block_leaf_of(p);
	struct thread *t = thread_current;
	if (unlikely(!leaf || t->busy != THREAD_IDLE || state.python_general))
		return 0;
	uint64_t *place = &leaf->slot[BLOCK_GRANULE(p)], slot = *place;
	uint64_t size = place[BLOCK_LEAF_SLOTS] ^ BLOCK_PYTHON;
	struct ledger_counter *page = t->pages[slot_site(slot) / LEDGER_PAGE_COUNTERS];
	/* What is not a block of pymalloc is longer than any of them. Code objects are not short. */
	if (unlikely(!is_plain(slot, p) || !slot_live(slot) || size >= PYTHON_CODE_LEAST || !page
		    || t->credit + (int64_t)size > t->credit_max))
		return 0;
	struct ledger_counter *c = page + slot_site(slot) % LEDGER_PAGE_COUNTERS;
	t->busy = ENTER_SP(frame);
	compiler_barrier();
	__atomic_store_n(place, 0, __ATOMIC_RELEASE);
	count_freed(t, c, size);
	c->temporary += t->last == p;
	thread_leave(t);
	return size;
}

static __attribute__((noinline)) void free_slow(const struct allocator *a, void *p, void *frame)
{
	uint64_t size;
	if (p)
		leave_block(p, frame, &size);
	a->free(a->context, p);
}

static void hook_free(void *context, void *p)
{
	const struct allocator *a = context;
	if (likely(leave_fast((uintptr_t)p, FRAME())))
		a->free(a->context, p);
	else
		free_slow(a, p, FRAME());
}

static void *hook_realloc(void *context, void *p, size_t size)
{
	const struct allocator *a = context;
	uint64_t old_size = 0;
	look_ahead(FRAME());
	if (p && !(old_size = leave_fast((uintptr_t)p, FRAME())) && !leave_block(p, FRAME(), &old_size)
		&& !is_small(size))
		return a->realloc(a->context, p, size);
	uint64_t events = events_of(thread_current);
	void *q = a->realloc(a->context, p, size);
	if (unlikely(!q)) {
		/* It failed, and the old block is still there. */
		if (old_size)
			made_slow(p, old_size, FRAME(), events_of(thread_current), false);
		return q;
	}
	return is_small(size) ? made(q, size, FRAME(), events, p != NULL) : q;
}

/* PH3 */
static void free_only(void *context, void *p)
{
	struct thread *t;
	if (p && unlikely(*python_code_known((uintptr_t)p))
		&& (uintptr_t)(t = thread_enter(ENTER_SP(FRAME()))) > (uintptr_t)THREAD_NESTED) {
		python_code_freed((uintptr_t)p);
		thread_leave(t);
	}
	below[0][DOMAIN_OBJ].free(context, p);
}

static void free_only_settled(void *context, void *p)
{
	struct thread *t;
	if (p && unlikely(*python_code_known((uintptr_t)p))
		&& (uintptr_t)(t = thread_enter(ENTER_SP(FRAME()))) > (uintptr_t)THREAD_NESTED) {
		python_code_freed((uintptr_t)p);
		thread_leave(t);
	}
	below[1][DOMAIN_OBJ].free(context, p);
}

static bool is_ours(const struct allocator *a)
{
	return a->free == hook_free || a->free == free_only || a->free == free_only_settled;
}

static void wrap(int domain, unsigned round)
{
	struct allocator *under = &below[round][domain], ours;
	python.get_allocator(domain, &ours);
	if (is_ours(&ours))
		return;
	*under = ours;
	if (config.python_objects) {
		ours = (struct allocator){ under, hook_malloc, hook_calloc, hook_realloc, hook_free };
	} else {
		ours = *under;
		ours.free = round ? free_only_settled : free_only;
	}
	python.set_allocator(domain, &ours);
}

/* PH4 */
static void serve_mimalloc(void)
{
	small_most = SIZE_MAX;
	state.python_mimalloc = true;
	event_recalculate_special();
}

void python_hook_install(void)
{
	if (python.layout->wider)
		serve_mimalloc();
	if (config.python_objects)
		wrap(DOMAIN_MEM, 0);
	wrap(DOMAIN_OBJ, 0);
	if (config.python_objects)
		state.ledger->python_flags |= LEDGER_PYTHON_OBJECTS;
}

void python_hook_settle(void)
{
	if (!*(const int *)(python.runtime + python.layout->runtime.preinitialized))
		return;
	python.settle = NULL;
	/* The interpreter names its allocators while ours are not in front of them: where it has just chosen them. */
	const char *name = python.allocator_name ? python.allocator_name() : NULL;
	if (name && !__builtin_strncmp(name, "mimalloc", 8))
		serve_mimalloc();
	if (config.python_objects)
		wrap(DOMAIN_MEM, 1);
	wrap(DOMAIN_OBJ, 1);
}
