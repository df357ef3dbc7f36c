/* python_leaf.c - see python_leaf.h. */
#include "count.h"
#include "python_leaf.h"
#include "thread.h"
#include "walk.h"

uint32_t python_leaf_renew(struct thread *t, uint32_t count)
{
	struct python_stack *s = &t->python;
	const struct python_place *step = s->step;
	if (s->ends != python_code_ends_all) {
		s->frames = 0;
		s->identity[0] = thread_seed();
		s->ends = python_code_ends_all;
	}
	uint32_t known = 0, n = s->frames < count ? s->frames : count;
	while (known < n && s->trunk[known].frame == step[count - 1 - known].frame
		&& s->trunk[known].word == step[count - 1 - known].word)
		known++;
	/* A handler may leave in the middle by longjmp. */
	s->frames = known;
	compiler_barrier();
	for (uint32_t i = known; i < count; i++) {
		const struct python_place *p = &step[count - 1 - i];
		s->trunk[i] = *p;
		s->known[i] = 0;
		s->identity[i + 1] = (s->identity[i] + p->word) * MIX_GOLDEN ^ p->frame;
	}
	compiler_barrier();
	s->frames = count;
	return known;
}

/* As adjust_leaves of walk.c: where nearly every stack is new, remembering them is of no use. */
static COLD void adjust_leaves(struct thread *t)
{
	struct python_stack *s = &t->python;
	uint64_t events = t->events - s->events;
	s->off = !s->off && (uint64_t)WALK_TRIAL * 16 > events * 15;
	s->turn = s->off ? WALK_TRIAL * 64 : WALK_TRIAL;
	s->events = t->events;
}

void python_leaf_remember(struct thread *t, uint32_t kept, uint32_t native, uint32_t site)
{
	struct python_stack *s = &t->python;
	const struct python_place *step = s->step;
	const uint32_t count = s->frames;
	if (unlikely(--s->turn < 0))
		adjust_leaves(t);
	if (s->off)
		return;
	if (kept == count)
		kept--;
	if (count - kept > PYTHON_LEAF_PLACES)
		kept = count - PYTHON_LEAF_PLACES;
	struct python_leaf *l = python_leaf_of(t, step[0].frame, step[0].word, native);
	l->native = 0;
	compiler_barrier();
	l->identity = s->identity[kept];
	l->counter = count_of(t, site);
	l->site = site;
	l->kept = kept;
	l->own = count - kept;
	for (uint32_t i = 0; i < l->own; i++)
		l->place[i] = step[i];
	compiler_barrier();
	l->native = native;
}

/* --- one reader for each version ----------------------------------------------------- */

/* The compiler sees the offsets as constants, and there is no call but, since 3.12, that for the thread's state. */
HOT_INLINE struct python_counted remembered(
	const struct python_layout *layout, struct thread *t, const uintptr_t *e)
{
	const struct python_counted unknown = { NULL, 0 };
	const struct python *p = &python;
	uintptr_t ts = python_holding_state(layout), f;
	const struct walk_leaf *w = walk_leaf(t, e);
	if (unlikely(!w || !ts || !p->proved || *p->finalizing))
		return unknown;
	f = python_frame_innermost(layout, ts);
	if (unlikely(!f))
		return unknown;
	const struct python_leaf *l = python_leaf(t, layout, f, w->site);
	return likely(l) ? (struct python_counted){ l->counter, l->site } : unknown;
}

/* As many as rows of python_layouts. */
#define ROWS(each) each(0) each(1) each(2) each(3) each(4) each(5) each(6) each(7) each(8)
#define READER(row)                                                                                          \
	static struct python_counted remembered_##row(struct thread *t, const uintptr_t *e)                  \
	{                                                                                                    \
		return remembered(&python_layouts[row], t, e);                                               \
	}
ROWS(READER)

/* A patch release that differs from its row: since 3.13 the interpreter says where its words are. */
static struct python_counted remembered_other(struct thread *t, const uintptr_t *e)
{
	return remembered(python.layout, t, e);
}

struct python_counted (*python_leaf_reader(const struct python_layout *layout))(
	struct thread *t, const uintptr_t *e)
{
#define NAME(row) remembered_##row,
	static struct python_counted (*const reader[])(struct thread *, const uintptr_t *) = { ROWS(NAME) };
	_Static_assert(sizeof reader / sizeof reader[0] == sizeof python_layouts / sizeof python_layouts[0],
		"a reader for each row");
	for (unsigned i = 0; i < sizeof reader / sizeof reader[0]; i++)
		if (python_layouts[i].version == layout->version && python_layouts[i].wider == layout->wider
			&& python_layouts[i].runtime.tstate_current == layout->runtime.tstate_current
			&& !__builtin_memcmp(
				&python_layouts[i].thread, &layout->thread, sizeof layout->thread)
			&& !__builtin_memcmp(
				&python_layouts[i].cframe, &layout->cframe, sizeof layout->cframe)
			&& !__builtin_memcmp(&python_layouts[i].frame, &layout->frame, sizeof layout->frame))
			return reader[i];
	return remembered_other;
}
