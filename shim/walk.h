/* walk.h - the stack of the running thread, as a site; incremental.
 *
 * Each thread keeps the frames of its last walk, outermost first, and for each
 * step outward the words that it read. A new walk steps only until it meets a
 * cached frame with the same slot (address of the return address), the same
 * pc and, where it matters, the same rbp; then it verifies every word further
 * out that the result depends on.
 *
 *   frame[0] main   frame[1] f    frame[2] g    ...   frame[n-1] caller
 *          ◀─words─       ◀─words─       ◀─words─
 *
 * W1  Exact, by induction from the leaf: equal slot, pc and rbp fix the place
 *     of the next return address; the word found there fixes the next pc; rbp
 *     comes only from verified words. Nothing less is verified.
 * W2  Only [slot of the hook, top of this thread's stack) is read: mapped
 *     memory. A stack pointer elsewhere (coroutine, alternate signal stack)
 *     goes to walk_other, which probes pages and leaves the cache alone.
 * W3  At most `depth` frames, at the leaf end, make a site. The cache may hold
 *     more, or fewer than the stack has (bottom says which).
 * W4  The site of frame[n-1] depends on the frames below it only; it is kept
 *     there, and forgotten when they change, because frames are then pushed anew.
 *
 * Threads: own cache each. Signals: nested entries never walk. Fork: wiped.
 * Source of the scheme: own; the polynomial hash is Karp and Rabin's (1987).
 */
#ifndef TIDEMARK_WALK_H
#define TIDEMARK_WALK_H

#include "state.h"

enum walk_bottom {
	WALK_BOTTOM_ROOT,	/* frame[0] is outermost */
	WALK_BOTTOM_CUT,	/* more frames are outside, not looked at */
	WALK_BOTTOM_BROKEN,	/* could not go on */
};
#define WALK_EXACT 1u		/* pc is that of an interrupted instruction, plus 1 */
#define WALK_BY_RBP 2u		/* the step from here outward went by frame pointer */

#define WALK_BASE 0x9E3779B97F4A7C15ull

/* Entry of a hook: its frame address, where the caller's rbp was saved, and
 * the return address above it. */
#define WALK_SLOT(e) ((uintptr_t)((e) + 1))
#define WALK_PC(e) ((e)[1])
#define WALK_RBP(e) ((e)[0])

HOT_INLINE const uintptr_t *walk_entry(void *frame_address)
{
	return frame_address;
}

/* Index of the first word, going down from `hi`, that is not as expected;
 * `lo` when all in [lo, hi) are. */
HOT_INLINE uint32_t walk_verify(const struct walk_word *words, uint32_t hi, uint32_t lo)
{
	const struct walk_word *w = words + hi, *end = words + lo;
	while (w - end >= 4) {
		uintptr_t bad = (*w[-1].address ^ w[-1].expected) | (*w[-2].address ^ w[-2].expected)
			| (*w[-3].address ^ w[-3].expected) | (*w[-4].address ^ w[-4].expected);
		if (unlikely(bad))
			break;
		w -= 4;
	}
	while (w > end && *w[-1].address == w[-1].expected)
		w--;
	return (uint32_t)(w - words);
}

/* Both return a site >= 1. `domain` 0: blocks; else a constant of site.h. */
uint32_t walk_slow(struct thread *t, const uintptr_t *e, uint64_t domain);

/* The site of the stack whose innermost frame is e. */
HOT_INLINE uint32_t walk_site(struct thread *t, const uintptr_t *e)
{
	uint32_t n = t->frames;
	if (likely(n)) {
		const struct walk_frame *top = &t->frame[n - 1];
		if (top->slot == WALK_SLOT(e) && top->pc == WALK_PC(e) && top->site
		    && (!top->needs_rbp || top->rbp == WALK_RBP(e))
		    && likely(state.generation == t->generation)) {
			uint32_t lo = n > state.depth ? t->frame[n - state.depth].verify : 0;
			if (likely(walk_verify(t->word, top->verify, lo) == lo))
				return top->site;
		}
	}
	return walk_slow(t, e, 0);
}

/* Walks without the cache and compares (tests); number of differing frames. */
unsigned walk_check(struct thread *t, const uintptr_t *e);

#endif
