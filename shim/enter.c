/* enter.c - see enter.h. */
#include "enter.h"
#include "fork.h"
#include "thread.h"

static uint32_t early_events;

uint32_t enter_early_events(void) { return early_events; }

__attribute__((cold, noinline)) struct thread *enter_slow(uintptr_t sp)
{
	if (state.phase != PHASE_RUNNING) {
		if (state.phase == PHASE_UNBORN)
			__atomic_fetch_add(&early_events, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	if (unlikely(thread_registering))
		return NULL;
	if (unlikely(!__atomic_load_n(state.fork_word, __ATOMIC_RELAXED))) {
		thread_registering = true;
		bool ready = fork_child();
		thread_registering = false;
		if (!ready)
			return NULL;
	}
	struct thread *t = thread_current;
	if (t == &thread_none) {
		t = thread_register(sp);
		if (!t)
			return NULL;
		t->busy = sp;
		return t;
	}
	if (t->busy <= THREAD_IDLE) {
		t->busy = sp;
		return t;
	}
	if (t->paused)
		return NULL;
	/* ST2: a handler left by longjmp, so the hook that was entered is gone. */
	if (sp > t->busy && t->busy >= t->stack_lo && t->busy < t->stack_hi && sp < t->stack_hi) {
		t->frames = 0;
		t->busy = sp;
		return t;
	}
	missed_add(MISSED_NESTED, 1);
	return THREAD_NESTED;
}
