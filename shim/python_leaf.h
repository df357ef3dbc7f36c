/* python_leaf.h - stacks of Python frames that were met recently, each with its site.
 *
 * A leaf has the innermost frames of a stack, as words on top of a trunk: the outer frames of the stack that was last
 * looked up in full. The addresses of all of them are remembered, so their words are read and compared without
 * waiting for one another, which following the chain of frames does.
 *
 *   trunk[0] <module>   trunk[1] main   ...   trunk[kept - 1] handle   │   place[own - 1] ...  place[0] innermost
 *
 * PM1  A leaf holds if the frame that the interpreter runs is its place[0], each frame refers to the next one
 *     further out, and all words are as they were. A frame is read only after one that is known to be running
 *     has referred to it.
 * PM2  Trunks are the same when their identities are: 64 bits of hash of all frames and words, and of a seed that
 *     changes when a code object that was met is freed, and with the thread.
 * PM3  Stacks beyond the limit of depth are not remembered.
 *
 * Threads: own. Signals: nested events never come here. Fork: wiped.
 */
#ifndef TIDEMARK_PYTHON_LEAF_H
#define TIDEMARK_PYTHON_LEAF_H

#include "python_frame.h"

HOT_INLINE struct python_leaf *python_leaf_of(
	struct thread *t, uintptr_t frame, uint64_t word, uint32_t native)
{
	uint64_t key = ((frame >> 3) + word + ((uint64_t)native << 32)) * MIX_GOLDEN;
	return &t->python.leaf[key >> (64 - PYTHON_LEAVES_BITS)];
}

/* The leaf of the stack whose innermost Python frame is f, and whose native frames have the site `native`; NULL if
 * there is not one, or it does not hold any more. */
HOT_INLINE const struct python_leaf *python_leaf(
	struct thread *t, const struct python_layout *layout, uintptr_t f, uint32_t native)
{
	uint64_t word = python_frame_word(layout, f);
	const struct python_leaf *l = python_leaf_of(t, f, word, native);
	const struct python_stack *s = &t->python;
	if (unlikely(l->native != native || l->place[0].frame != f || l->place[0].word != word
		    || l->kept > s->frames || l->identity != s->identity[l->kept]
		    || s->ends != python_code_ends_all))
		return NULL;
	const struct python_place *p = l->place;
	for (uint32_t i = l->own; --i > 0;) {
		p++;
		if (unlikely(python_word(f, layout->frame.previous) != p->frame))
			return NULL;
		f = p->frame;
		if (unlikely(python_frame_word(layout, f) != p->word))
			return NULL;
	}
	p = s->trunk + l->kept;
	while (p > s->trunk) {
		p--;
		if (unlikely(python_word(f, layout->frame.previous) != p->frame))
			return NULL;
		f = p->frame;
		if (unlikely(python_frame_word(layout, f) != p->word))
			return NULL;
	}
	return likely(!python_word(f, layout->frame.previous)) ? l : NULL;
}

/* Makes the stack t->python.step[0..count), which is all of it, the trunk. Returns how many of its outer frames were
 * there already. */
uint32_t python_leaf_renew(struct thread *t, uint32_t count);
/* Remembers that stack, of which `kept` frames were there, after it was given a site. */
void python_leaf_remember(struct thread *t, uint32_t kept, uint32_t native, uint32_t site);

/* What python.remembered is to be for an interpreter with this layout. */
struct python_counted (*python_leaf_reader(const struct python_layout *layout))(
	struct thread *t, const uintptr_t *e);

#endif
