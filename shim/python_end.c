/* python_end.c - the snapshot that is taken before the interpreter is finalized; see python.h.
 *
 * When a process ends, Py_FinalizeEx has cleared all modules, and objects that leaked can hardly be distinguished from
 * the others. So the final snapshot is taken earlier: after the atexit callbacks and the end of all threads
 * that are not daemons, and before garbage is collected and modules are cleared.
 *
 *   Py_RunMain ─▶ Py_FinalizeEx   threads joined, atexit, finalizing = this thread
 *                                 flushes stdout (allocates), gives signals back (sigaction) ─▶ here
 *                                 collects garbage, clears modules, frees
 *              ─▶ exit            life_end: the file learns the exit status
 *
 * PE1  Taken once each time an interpreter is finalized, by the thread that finalizes it: the runtime has its
 *     thread state.
 * PE2  If the process ends with the interpreter, because a function such as Py_RunMain is among the callers, it is
 *     the process's final snapshot. A program that embeds Python goes on: it may have several of these snapshots,
 *     and a final one of its own.
 *
 * Source: Py_FinalizeEx in Python/pylifecycle.c of 3.8 to 3.13.
 */
#include "python.h"
#include "python_private.h"
#include "timeline.h"

bool (*python_end_snapshot)(bool ends);

bool python_end_is_due(void)
{
	const struct python *p = &python;
	if (!p->layout || !p->proved)
		return false;
	uintptr_t ending = *p->finalizing;
	if (!ending && p->ending) {
		python.ending = false;
		python.settle =
			python.settle_again; /* an interpreter starts again, with allocators of its own */
	}
	return ending && !p->ending && ending == p->thread_state();
}

static bool ends_process(struct thread *t, const uintptr_t *e)
{
	unsigned flags, frames = python_native_list(t, e, &flags);
	for (unsigned i = 0; i < frames; i++)
		for (unsigned k = 0; k < PYTHON_MAINS; k++)
			if (t->step[i].pc - 1 - python.main[k].lo < python.main[k].hi - python.main[k].lo)
				return true;
	return false;
}

void python_end(struct thread *t, const uintptr_t *e)
{
	python.ending = true;
	bool ends = ends_process(t, e);
	if (!python_end_snapshot(ends))
		return;
	if (ends)
		python.kept = true;
	else
		timeline_mark("snapshot", LEDGER_MARK_SNAPSHOT);
}
