/* thread.h - which thread is this, and may it be profiled now?
 *
 * A thread registers at its first event. Its record and memory are used again
 * after its death by a later thread, once THREAD_RECORDS_KEPT records exist.
 *
 * Threads: own. Signals: a handler that interrupts the shim gets THREAD_NESTED
 * or NULL. Fork: the first event in the child sets everything up again.
 */
#ifndef TIDEMARK_THREAD_H
#define TIDEMARK_THREAD_H

#include "state.h"

#define THREAD_RECORDS_KEPT 256u
/* Nested events: track the block, do not walk. */
#define THREAD_NESTED ((struct thread *)1)

struct thread *thread_enter_slow(uintptr_t sp);

/* The running thread, now inside the shim; NULL: pass through; THREAD_NESTED. */
HOT_INLINE struct thread *thread_enter(uintptr_t sp)
{
	struct thread *t = thread_current;
	if (likely(t->busy == THREAD_IDLE)) {
		t->busy = sp;
		compiler_barrier();
		return t;
	}
	return thread_enter_slow(sp);
}

HOT_INLINE void thread_leave(struct thread *t)
{
	__atomic_store_n(&t->busy, THREAD_IDLE, __ATOMIC_RELEASE);
}

/* No thread of this process has this number (any more). One system call. */
bool thread_tid_dead(int32_t tid);

/* A new value of thread->seed. */
uint64_t thread_seed(void);

bool thread_start(void);	/* registers the main thread */
void thread_after_fork(void);	/* forgets all threads but this */

#endif
