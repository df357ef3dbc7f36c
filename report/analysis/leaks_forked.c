/* leaks_forked.c - what CPython itself leaves behind at a fork (leaks_private.h).
 *
 * In the child it makes new locks and drops the old ones without a call of free, since another thread may have been
 * inside one of them (Python/thread_pthread.h, _PyThread_at_fork_reinit; before 3.9 the callers of PyOS_AfterFork_Child
 * do so one by one). What the interpreter had given to threads that did not survive the fork, such as the arguments of
 * their start, has no owner any more, either.
 *
 * LF1  Only blocks that are as old as the fork, and that the interpreter itself made: between it and the innermost function
 *      of Python there is no extension. Other stacks are judged like all.
 * LF2  A lock is not an object: without a list of objects nothing counts as a lock.
 */
#include "leaks_private.h"

#define LOCK_BYTES 32u  /* sizeof(sem_t): a lock is a semaphore */
#define DEBUG_BYTES 24u /* what PYTHONMALLOC=debug adds */

void leaks_forked_find(struct leaks_forked *f, const struct snapshot *s, const struct suppress *rules)
{
	*f = (struct leaks_forked){ .lock = -1, .thread = -1 };
	for (size_t i = 0; i < s->mark_count; i++)
		if (s->marks[i].kind == MARK_FORK && s->marks[i].birth > f->fork)
			f->fork = s->marks[i].birth;
	f->left = snapshot_python(s, "fork.left");
	for (size_t i = 0; i < rules->count && f->fork; i++) {
		if (rules->rules[i].forked == SUPPRESS_FORK_LOCK)
			f->lock = (int32_t)i;
		if (rules->rules[i].forked == SUPPRESS_FORK_THREAD)
			f->thread = (int32_t)i;
	}
}

static bool is_of_interpreter(const struct snapshot *s, uint32_t site)
{
	uint32_t frame = site < s->site_count ? s->sites[site].frame : 0;
	bool inside = false;

	for (uint32_t before = UINT32_MAX; frame && frame < s->frame_count && frame < before;
		before = frame, frame = s->frames[frame].parent) {
		const struct tide_frame *f = &s->frames[frame];

		if (f->flags & FRAME_PYTHON)
			return inside;
		if (f->module >= s->module_count || !(s->modules[f->module].flags & MODULE_PYTHON)) {
			/* Extensions are called by functions of Python; what is made without any is made by the start. */
			for (; frame && frame < s->frame_count && frame < before;
				before = frame, frame = s->frames[frame].parent)
				if (s->frames[frame].flags & FRAME_PYTHON)
					return false;
			return inside;
		}
		inside = true;
	}
	return inside;
}

static bool is_object(const struct snapshot *s, uint32_t block)
{
	uint32_t type = block < s->block_type_count ? s->block_types[block].type : 0;

	return type && type < s->type_count && s->types[type].language == LANGUAGE_PYTHON;
}

int32_t leaks_forked_ask(const struct leaks_forked *f, const struct snapshot *s, uint32_t block)
{
	const struct tide_block *b = &s->blocks[block];
	bool lock = b->bytes == LOCK_BYTES || b->bytes == LOCK_BYTES + DEBUG_BYTES;

	if (!s->python_object_count)
		return -1;
	if (lock && !is_object(s, block) && f->lock >= 0 && b->birth <= f->fork
		&& is_of_interpreter(s, b->site))
		return f->lock;
	if (f->left && f->thread >= 0 && b->birth <= f->left && is_of_interpreter(s, b->site))
		return f->thread;
	return -1;
}
