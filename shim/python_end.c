/* python_end.c - the snapshot that is taken before the interpreter is torn down; see python.h.
 *
 * When a process ends, Py_FinalizeEx has cleared all modules, and of the objects that leaked hardly one differs
 * from the others. So the snapshot of the end is taken earlier: behind the callbacks of atexit and the ends
 * of all threads that are not daemons, and before garbage is collected and modules are cleared.
 *
 *   Py_RunMain ─▶ Py_FinalizeEx   threads joined, atexit, finalizing = this thread
 *                                 flushes stdout (allocates), gives signals back (sigaction) ─▶ here
 *                                 collects garbage, clears modules, frees
 *              ─▶ exit            life_end: the file learns the exit status
 *
 * PE1  Taken once for each end of an interpreter, by the thread that ends it: the runtime names its thread state.
 * PE2  Where the process ends with the interpreter, because a function of Py_RunMain's kind is among the callers, it is
 *     the snapshot of the process's end. A program that embeds Python goes on: there it is one of
 *     several, and the end has its own.
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
