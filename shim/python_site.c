/* python_site.c - one site for a stack of native and Python frames; see python.h.
 *
 * The native stack has a site of its own, which the walk finds as it does without Python. That site and the hash
 * of the Python frames are looked up in a lossy table; only if that fails are both stacks listed, merged and
 * looked up by content.
 *
 *   innermost  malloc's caller  list_append  _PyEval_EvalFrameDefault  ...  main
 *                                            \__ Python frames of this loop, innermost first
 *
 * PS1  The Python frames that one eval loop runs come before (inside of) its native frame. Since 3.10 the
 *     interpreter keeps a record in the stack frame of the loop: the loop's native frame is the one that
 *     contains its address. Up to 3.9, loops and Python frames correspond one to one.
 * PS2  Each kind of frame has its own limit of depth. Python frames whose loop lies beyond the native frames
 *     that are kept come last.
 * PS3  An entry of the table is one word, 42 bits of the key above 22 bits of site, as in
 *     SI1.
 */
#include <limits.h>
#include "memory.h"
#include "count.h"
#include "python_leaf.h"
#include "python_private.h"
#include "site.h"
#include "thread.h"
#include "walk.h"

/* --- the lossy table ---------------------------------------------------------- */

#define SEEN_BITS_LEAST 12
#define SEEN_BITS_MOST 20
static uint64_t *seen;
static uint64_t seen_mask;
static unsigned seen_lost; /* entries that were overwritten since it last grew */

static uint32_t find_seen(uint64_t key)
{
	uint64_t *table = __atomic_load_n(&seen, __ATOMIC_ACQUIRE);
	if (unlikely(!table))
		return 0;
	uint64_t i = key & __atomic_load_n(&seen_mask, __ATOMIC_RELAXED);
	uint64_t a = __atomic_load_n(&table[i], __ATOMIC_RELAXED);
	if (likely(!((a ^ key) & ~(uint64_t)SLOT_SITE_MASK)))
		return (uint32_t)a & SLOT_SITE_MASK;
	uint64_t b = __atomic_load_n(&table[i ^ 1], __ATOMIC_RELAXED);
	return (b ^ key) & ~(uint64_t)SLOT_SITE_MASK ? 0 : (uint32_t)b & SLOT_SITE_MASK;
}

static void grow_seen(void)
{
	uint64_t slots = seen ? (seen_mask + 1) * 2 : 1u << SEEN_BITS_LEAST;
	seen_lost = 0;
	if (slots > 1u << SEEN_BITS_MOST)
		return;
	uint64_t *fresh = memory_map(slots * sizeof *fresh, 0), *old = seen;
	if (!fresh)
		return;
	/* The index is the low end of the key, which an entry does not hold, so the entries are lost and
	 * found again by merging. A reader in between has either table with the smaller mask, which fits
	 * both. */
	__atomic_store_n(&seen, fresh, __ATOMIC_RELEASE);
	__atomic_store_n(&seen_mask, slots - 1, __ATOMIC_RELEASE);
	(void)old; /* a late reader may still be using it */
}

static void put_seen(uint64_t key, uint32_t site)
{
	if (!seen || seen_lost > (seen_mask + 1) / 2)
		grow_seen();
	if (!seen)
		return;
	uint64_t *first = &seen[key & seen_mask], *second = &seen[(key & seen_mask) ^ 1];
	if (*first && !*second)
		first = second;
	seen_lost += *first != 0;
	__atomic_store_n(first, (key & ~(uint64_t)SLOT_SITE_MASK) | site, __ATOMIC_RELAXED);
}

/* --- merging ------------------------------------------------------------------------- */

/* Under the lock. */
static struct python_frame python_frames[WALK_DEPTH_MAX];
static struct walk_place merged_place[2 * WALK_DEPTH_MAX];
static struct walk_frame merged_frame[2 * WALK_DEPTH_MAX];

static bool is_eval(uintptr_t pc) { return pc - 1 - python.eval_lo < python.eval_hi - python.eval_lo; }

/* The first native frame from `from` on that is the eval loop with this record; `count` if not found. */
static unsigned find_loop(const struct thread *t, unsigned from, unsigned count, uintptr_t entered)
{
	for (unsigned i = from; i < count; i++)
		if (entered > 1 ? t->step[i].slot < entered && entered < t->step[i + 1].slot
				: is_eval(t->step[i].pc))
			return i;
	return count;
}

/* Merges both lists, innermost first, from the end of the arrays down to index `low`. */
static unsigned merge(const struct thread *t, unsigned natives, unsigned pythons)
{
	unsigned at = 2 * WALK_DEPTH_MAX, native = 0;
#define PUT(pc_, flags_)                                                                                     \
	(at--, merged_place[at] = (struct walk_place){ 0, pc_ }, merged_frame[at].flags = (uint8_t)(flags_))
#define PUT_NATIVE()                                                                                         \
	(PUT(t->step[native].pc - (t->step[native].flags & WALK_EXACT), t->step[native].flags), native++)
	for (unsigned run = 0; run < pythons;) {
		unsigned last = run;
		while (last + 1 < pythons && !python_frames[last].entered)
			last++;
		unsigned loop = find_loop(t, native, natives, python_frames[last].entered);
		while (native < loop)
			PUT_NATIVE();
		for (; run <= last; run++)
			PUT(python_frames[run].place, WALK_PYTHON);
		if (native < natives)
			PUT_NATIVE();
	}
	while (native < natives)
		PUT_NATIVE();
#undef PUT_NATIVE
#undef PUT
	return at;
}

/* `trunk`: where the trunk of python_leaf.h is this very stack, its number of frames; else 0. */
static uint32_t resolve(
	struct thread *t, const uintptr_t *e, uintptr_t ts, uint64_t domain, uint32_t native, unsigned trunk)
{
	unsigned flags, pythons;
	bool more;
	if (!python_frame_list(
		    ts, trunk ? t->python.known + trunk : NULL, python_frames, state.depth, &pythons, &more))
		return native;
	unsigned natives = python_native_list(t, e, &flags);
	if (more)
		flags = LEDGER_SITE_DEPTH_CUT;
	unsigned low = merge(t, natives, pythons), end = 2 * WALK_DEPTH_MAX;
	uint64_t hash = MIX_WY_1 + flags * MIX_STAR + domain;
	for (unsigned i = low; i < end; i++) {
		uint64_t x = (merged_place[i].pc + merged_frame[i].flags) * MIX_SPLIT;
		hash = hash * WALK_BASE + (x ^ x >> 29);
	}
	hash = site_mix(hash);
	uint32_t site = site_find(hash);
	if (site)
		return site;
	if (domain)
		flags |= domain == SITE_DOMAIN_MAPPING ? LEDGER_SITE_MAPPING : LEDGER_SITE_TRACKED;
	return site_add(hash, merged_place + low, merged_frame + low, end - low, flags, false);
}

static __attribute__((noinline)) uint32_t resolve_new(struct thread *t, const uintptr_t *e, uintptr_t ts,
	uint64_t domain, uint32_t native, uint64_t key, unsigned trunk)
{
	python_lock();
	uint32_t site = resolve(t, e, ts, domain, native, trunk);
	if (site >= LEDGER_SITE_FIRST)
		put_seen(key, site);
	python_unlock();
	return site;
}

/* Up to 3.11 a thread that runs code of several interpreters keeps its first state. If there are several, the
 * state that holds the GIL is the right one, if it is this thread's. */
HOT_INLINE uintptr_t running_state(const struct python *p)
{
	const struct python_layout *l = p->layout;
	uintptr_t ts = p->thread_state();
	if (l->runtime.tstate_current == PYTHON_ABSENT)
		return ts;
	uintptr_t main = python_word(p->runtime, l->runtime.interpreters_main);
	uintptr_t newest = python_word(p->runtime, l->runtime.interpreters_main - sizeof(uintptr_t));
	if (likely(newest == main))
		return ts;
	uintptr_t current = python_word(p->runtime, l->runtime.tstate_current);
	bool ours = current && python_word(current, l->thread.thread_id) == thread_control_block();
	return ours ? current : ts;
}

/* Multiplying by an odd number and adding the upper half to the lower one loses nothing: two stacks have the same
 * key only if their hashes are the same. */
HOT_INLINE uint64_t key_of(uint64_t hash, uint32_t native)
{
	uint64_t key = (hash + native * MIX_PRIME) * MIX_FINAL;
	return key ^ key >> 32;
}

/* The site of a stack that has no leaf. */
static __attribute__((noinline)) uint32_t find_site(
	struct thread *t, const uintptr_t *e, uint64_t domain, uint32_t native, uintptr_t ts)
{
	const struct python *p = &python;
	if (!ts)
		return native;
	/* A record that is reused, or starts after a fork, comes through here again: no leaf is left. */
	if (unlikely(t->record && !(t->record->state & LEDGER_THREAD_PYTHON)))
		t->record->state |= LEDGER_THREAD_PYTHON;
	if (unlikely(!p->proved || *p->finalizing) && !python_usable(ts))
		return native;
	unsigned frames;
	uint64_t hash = python_frame_hash(ts, state.depth, t->python.step, PYTHON_TRUNK, &frames);
	if (!hash)
		return native;
	uint64_t key = key_of(hash, native);
	uint32_t site = find_seen(key), kept = 0;
	if (unlikely(frames > PYTHON_TRUNK))
		frames = 0;
	if (likely(frames))
		kept = python_leaf_renew(t, frames);
	if (unlikely(!site))
		site = resolve_new(t, e, ts, domain, native, key, frames);
	if (likely(frames))
		python_leaf_remember(t, kept, native, site);
	return site;
}

/* The site of a stack with these native frames. */
HOT_INLINE struct python_counted site_of(
	struct thread *t, const uintptr_t *e, uint64_t domain, uint32_t native, uintptr_t ts)
{
	const struct python *p = &python;
	uintptr_t f;
	if (likely(ts && p->proved && !*p->finalizing) && (f = python_frame_innermost(p->layout, ts))) {
		const struct python_leaf *l = python_leaf(t, p->layout, f, native);
		if (l)
			return (struct python_counted){ l->counter, l->site };
	}
	uint32_t site = find_site(t, e, domain, native, ts);
	return (struct python_counted){ count_of(t, site), site };
}

uint32_t python_site(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	uint32_t native = domain ? walk_slow(t, e, domain) : walk_site(t, e);
	const struct python *p = &python;
	if (unlikely(p->settle))
		p->settle();
	if (unlikely(*p->finalizing || p->ending) && python_end_is_due())
		python_end(t, e);
	return site_of(t, e, domain, native, running_state(p)).site;
}

struct python_counted python_site_small(struct thread *t, const uintptr_t *e)
{
	uint32_t native = walk_site(t, e);
	if (unlikely(python.settle))
		python.settle();
	uintptr_t ts = python_holding_state(python.layout);
	return site_of(t, e, 0, native, ts ? ts : python.thread_state());
}

#ifdef TIDEMARK_CHECK
uint32_t python_site_hashed(struct thread *t, const uintptr_t *e)
{
	uint32_t native = walk_slow(t, e, 0);
	uintptr_t ts = python.thread_state();
	unsigned frames;
	uint64_t hash = python_frame_hash(ts, state.depth, t->python.step, PYTHON_TRUNK, &frames);
	uint64_t key = key_of(hash, native);
	uint32_t site = find_seen(key);
	return site ? site : resolve_new(t, e, ts, 0, native, key, 0);
}
#endif
