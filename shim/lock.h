/* lock.h - the shim's only lock: a word with its owner, spun on, then slept on.
 *
 * X1  Taken only while thread->busy is set, so no signal handler of the same
 *     thread can want it (A4); reset in a forked child. Never held across a call
 *     into the program or libc, never taken twice.
 * X2  So a thread that finds itself the owner has been thrown out of the shim by
 *     a longjmp from a handler: it takes the lock over. What the locks guard is
 *     only ever added to, and published last, so half-done work is just lost.
 */
#ifndef TIDEMARK_LOCK_H
#define TIDEMARK_LOCK_H

#include <time.h>
#include "raw.h"
#include "state.h"

struct lock { uint32_t word; };

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
		|| owner == self;
}

static inline void lock_take(struct lock *l)
{
	for (unsigned tries = 0; !lock_try(l); tries++) {
		if (tries < 200 || state.no_syscalls) {
			__builtin_ia32_pause();
			continue;
		}
		struct timespec nap = { 0, 50000 };
		raw2(SYS_nanosleep, &nap, 0);
	}
}

static inline void lock_release(struct lock *l)
{
	__atomic_store_n(&l->word, 0, __ATOMIC_RELEASE);
}

#endif
