/* lock.h - the shim's only lock: a futex word that holds its owner. Waiters spin, then sleep.
 *
 * LC1  Taken only while thread->busy is set, so no signal handler of the same
 *     thread can want it (ST4); reset in a forked child. Never held across a call
 *     into the program or libc, never taken twice.
 * LC2  So a thread that finds itself the owner has left the shim by a longjmp from a
 *     handler: it takes the lock over. Data under a lock only grows and is
 *     published last, so half-done work is merely lost. A dead owner, which was
 *     cancelled inside the shim, loses the lock in the same way.
 * LC3  After spinning, waiters sleep on the futex and the owner wakes one of them: a
 *     thousand threads that poll would leave the owner no processor.
 */
#ifndef TIDEMARK_LOCK_H
#define TIDEMARK_LOCK_H

#include <stdbool.h>
#include "raw.h"
#include "state.h"

#define LOCK_WAITERS 0x80000000u /* a waiter sleeps, or has slept */

struct lock {
	uint32_t word;
}; /* the owner's tid, 0: free; LOCK_WAITERS */

static inline uint32_t lock_self(void)
{
	int32_t tid = thread_current->tid;
	if (!tid && !state.no_syscalls)
		tid = (int32_t)raw0(SYS_gettid);
	return tid ? (uint32_t)tid : 0x7fffffffu;
}

static inline bool lock_try(struct lock *l)
{
	uint32_t self = lock_self(), owner = 0;
	return __atomic_compare_exchange_n(&l->word, &owner, self, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
		|| (owner & ~LOCK_WAITERS) == self;
}

/* True if this process does not have a thread of this number any more. One system call. */
bool lock_thread_dead(int32_t tid);

void lock_wait(struct lock *l);
void lock_wake(struct lock *l);

static inline void lock_take(struct lock *l)
{
	if (!lock_try(l))
		lock_wait(l);
}

static inline void lock_release(struct lock *l)
{
	if (__atomic_exchange_n(&l->word, 0, __ATOMIC_RELEASE) & LOCK_WAITERS)
		lock_wake(l);
}

#endif
