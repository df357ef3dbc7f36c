/* walk.h - the stack of the running thread, as a site, walked incrementally.
 *
 * Each thread keeps the frames of its last walk, outermost first, and the words
 * that its steps read: the return addresses, and a few others (extras). A new
 * walk steps only until it meets a cached frame with the same slot (address of
 * the return address), the same pc and, where it matters, the same rbp; then it
 * verifies every word further out that the result depends on.
 *
 *   frame[0] main   frame[1] f    frame[2] g    ...   frame[n-1] caller
 *
 * WK1  Exact, by induction from the leaf: equal slot, pc and rbp fix the place
 *     of the next return address; the word found there fixes the next pc; rbp
 *     comes only from verified words. Nothing less is verified.
 * WK2  Only [slot of the hook, top of this thread's stack) is read: mapped
 *     memory. A stack pointer elsewhere (coroutine, alternate signal stack)
 *     goes to walk_other, which probes pages and leaves the cache alone.
 * WK3  At most `depth` frames, at the leaf end, make a site. The cache may hold
 *     more, or fewer than the stack has (bottom says which).
 * WK4  A leaf remembers what a walk found: the innermost frames of its stack, as
 *     words on top of a cached frame (the trunk), and the site. It holds as long
 *     as its own words, the trunk and the words outside it hold. Stacks that have
 *     the innermost frame in common have two places for their leaves.
 * WK5  Frames are the same when their identities are: a 64-bit hash of all slots
 *     and pcs from the outermost frame, with rbp where an outer frame's place
 *     depends on it, and of a seed that changes when code is unloaded and when the
 *     memory serves another thread. Equal identities fix all words outside.
 *
 * Threads: own cache each. Signals: nested entries never walk. Fork: wiped.
 * Source of the scheme: own; the polynomial hash is Karp and Rabin's (1987).
 */
#ifndef TIDEMARK_WALK_H
#define TIDEMARK_WALK_H

#include "mix.h"
#include "state.h"

struct step_place;

enum walk_bottom {
	WALK_BOTTOM_ROOT,   /* frame[0] is outermost */
	WALK_BOTTOM_CUT,    /* more frames are outside, not walked */
	WALK_BOTTOM_BROKEN, /* the walk could not go on */
};
#define WALK_EXACT 1u  /* pc is that of an interrupted instruction, plus 1 */
#define WALK_BY_RBP 2u /* the step from here outward went by frame pointer */
#define WALK_PYTHON 4u /* a frame of CPython (python_site.c): pc is its place */

#define WALK_LOWEST LEDGER_PAGE /* return addresses below are not code: vm.mmap_min_addr */

#define WALK_BASE MIX_GOLDEN

/* Entry of a hook: its frame address, where the caller's rbp was saved, and
 * the return address above it. */
#define WALK_SLOT(e) ((uintptr_t)((e) + 1))
#define WALK_PC(e) ((e)[1])
#define WALK_RBP(e) ((e)[0])

HOT_INLINE const uintptr_t *walk_entry(void *frame_address) { return frame_address; }

/* Are the return addresses of frames [low, high) unchanged? */
HOT_INLINE bool walk_verify(const struct walk_place *place, uint32_t high, uint32_t low)
{
#define WALK_BAD(p) (*(const uintptr_t *)(p)->slot ^ (p)->pc)
	const struct walk_place *p = place + high, *end = place + low;
	if (p - end < 4) {
		while (p > end)
			if (p--, unlikely(WALK_BAD(p)))
				return false;
		return true;
	}
	/* By fours; the last four may overlap the ones before: a loop over the
	 * remainder would end after a different number of turns each time, which
	 * costs more (mispredicted branches). */
	do {
		p -= 4;
		if (unlikely(WALK_BAD(p) | WALK_BAD(p + 1) | WALK_BAD(p + 2) | WALK_BAD(p + 3)))
			return false;
	} while (p - end >= 4);
	return p == end
		|| likely(!(WALK_BAD(end) | WALK_BAD(end + 1) | WALK_BAD(end + 2) | WALK_BAD(end + 3)));
}

/* As walk_verify, for extra[low..high). */
bool walk_verify_extras(const struct walk_word *extra, uint32_t high, uint32_t low);

/* Both return a site >= 1. `domain` 0: blocks; else a constant of site.h. */
uint32_t walk_block(struct thread *t, const uintptr_t *e);
uint32_t walk_slow(struct thread *t, const uintptr_t *e, uint64_t domain);

/* The frames of a stack, without a site: place[low] to place[frames - 1] of the cache, of which the last is e's.
 * Returns how many they are, at most `most`; 0: the stack is not the thread's own. *flags: LEDGER_SITE_DEPTH_CUT,
 * LEDGER_SITE_BROKEN. */
uint32_t walk_frames(struct thread *t, const uintptr_t *e, uint32_t most, unsigned *flags);

HOT_INLINE struct walk_leaf *walk_leaf_of(struct thread *t, uintptr_t slot, uintptr_t pc)
{
	return &t->leaf[((slot ^ pc << 16) * WALK_BASE) >> (64 - WALK_LEAVES_BITS)];
}

/* Are the leaf's own words as they were? */
HOT_INLINE bool walk_leaf_own(const struct walk_leaf *l, uintptr_t slot)
{
	const char *base = (const char *)slot;
#define WALK_OWN_WORD(i) (*(const uintptr_t *)(base + l->offset[i]) ^ l->expected[i])
	if (unlikely(WALK_OWN_WORD(0) | WALK_OWN_WORD(1) | WALK_OWN_WORD(2)))
		return false;
	return l->words <= 3 || likely(!(WALK_OWN_WORD(3) | WALK_OWN_WORD(4) | WALK_OWN_WORD(5)));
#undef WALK_OWN_WORD
}

/* Is the leaf one of stacks with the innermost frame of e, and is its trunk the cached one? */
HOT_INLINE bool walk_leaf_fits(const struct thread *t, const uintptr_t *e, const struct walk_leaf *l)
{
	if (unlikely(l->slot != WALK_SLOT(e) || l->pc != WALK_PC(e) || l->kept > t->frames))
		return false;
	return likely(t->frame[l->kept - 1].identity == l->identity && state.generation == t->generation
		&& (!l->needs_rbp || l->rbp == WALK_RBP(e)));
}

/* Are the words of its trunk, and those outside of it, as they were? */
HOT_INLINE bool walk_leaf_outside(const struct thread *t, const struct walk_leaf *l)
{
	if (unlikely(!walk_verify(t->place, l->kept - 1u, l->low)))
		return false;
	return likely(!l->extras)
		|| walk_verify_extras(t->extra, t->frame[l->kept - 1].extras, t->frame[l->low].extras);
}

/* The leaf in the second place; NULL as below. */
const struct walk_leaf *walk_leaf_second(struct thread *t, const uintptr_t *e, const struct walk_leaf *first);

/* The leaf remembered for the stack whose innermost frame is e; NULL if there is
 * not one, or it does not hold any more. */
HOT_INLINE const struct walk_leaf *walk_leaf(struct thread *t, const uintptr_t *e)
{
	struct walk_leaf *l = walk_leaf_of(t, WALK_SLOT(e), WALK_PC(e));
	in_register(l);
	if (unlikely(!walk_leaf_fits(t, e, l)))
		return NULL;
	if (unlikely(!walk_leaf_own(l, WALK_SLOT(e))))
		return walk_leaf_second(t, e, l);
	return likely(walk_leaf_outside(t, l)) ? l : NULL;
}

/* The site of the stack whose innermost frame is e. */
HOT_INLINE uint32_t walk_site(struct thread *t, const uintptr_t *e)
{
	const struct walk_leaf *l = walk_leaf(t, e);
	return likely(l) ? l->site : walk_block(t, e);
}

/* The frame at this place is frame[kept - 1] of the cache, and `want` frames from there outward, or all to the
 * bottom, are as the cache has them: returns kept; 0 if not. */
uint32_t walk_known(const struct thread *t, const struct step_place *at, uint32_t want);

/* Walks without the cache and compares (tests); returns the number of frames that differ. */
unsigned walk_check(struct thread *t, const uintptr_t *e);

#endif
