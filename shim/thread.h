/* thread.h - the registry of threads.
 *
 * A thread registers at its first event. After its death a later thread reuses
 * its record and memory, once THREAD_RECORDS_KEPT records exist.
 *
 * Threads: all; one lock. Signals: while thread_registering is set, the thread's
 * events pass through. Fork: thread_after_fork.
 */
#ifndef TIDEMARK_THREAD_H
#define TIDEMARK_THREAD_H

#include "state.h"

#define THREAD_RECORDS_KEPT 256u

/* This thread is being registered, or its process starts a ledger after a fork. */
extern __thread bool thread_registering __attribute__((tls_model("initial-exec")));

/* The running thread's struct pthread. gcc 10 has no __builtin_thread_pointer. */
HOT_INLINE uintptr_t thread_control_block(void)
{
	uintptr_t p;
	__asm__("mov %%fs:0, %0" : "=r"(p));
	return p;
}

/* Gives the running thread, whose stack pointer is `sp`, a record and memory, and makes
 * it thread_current; NULL: no memory. */
struct thread *thread_register(uintptr_t sp);

/* A new value of thread->seed. */
uint64_t thread_seed(void);

bool thread_start(void);      /* registers the main thread */
void thread_after_fork(void); /* forgets all other threads */

/* In a forked child that has its parent's ledger still: did another thread of the parent run Python at the fork? */
bool thread_left_python(void);

#endif
