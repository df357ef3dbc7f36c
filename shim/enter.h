/* enter.h - the way into the shim, and out of it.
 *
 * Every hook and every call of tidemark.h enters before it touches the tables and
 * leaves before it returns. The first event of a process starts or inherits its
 * ledger; the first event of a thread registers the thread (thread.h).
 *
 * Threads: own. Signals: a handler that interrupts the shim gets THREAD_NESTED
 * or NULL. Fork: the first event in the child sets everything up again (fork.h).
 */
#ifndef TIDEMARK_ENTER_H
#define TIDEMARK_ENTER_H

#include "state.h"

/* A nested event: the block is tracked, the stack is not walked. */
#define THREAD_NESTED ((struct thread *)1)

/* The program's stack pointer at the call of the function whose frame address this is. */
#define ENTER_SP(frame) ((uintptr_t)(frame) + 16)

struct thread *enter_slow(uintptr_t sp);

/* The running thread, now inside the shim; NULL: pass through; or THREAD_NESTED. */
HOT_INLINE struct thread *thread_enter(uintptr_t sp)
{
	struct thread *t = thread_current;
	/* NULL before the loader has filled in thread-local storage: an IFUNC resolver of the program runs. */
	if (likely(t && t->busy == THREAD_IDLE)) {
		t->busy = sp;
		compiler_barrier();
		return t;
	}
	return enter_slow(sp);
}

HOT_INLINE void thread_leave(struct thread *t) { __atomic_store_n(&t->busy, THREAD_IDLE, __ATOMIC_RELEASE); }

/* As thread_enter, given the frame address of an exported function that does nothing
 * when nested: NULL in that case, too. */
static inline struct thread *enter_whole(void *frame)
{
	struct thread *t = thread_enter(ENTER_SP(frame));
	return (uintptr_t)t <= (uintptr_t)THREAD_NESTED ? NULL : t;
}
#define ENTER() enter_whole(__builtin_frame_address(0))

/* How many events came before the ledger existed. */
uint32_t enter_early_events(void);

#endif
