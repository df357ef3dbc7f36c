/* lock.h - the shim's only lock: a word that is spun on, then slept on.
 *
 * Taken only while thread->busy is set, so no signal handler of the same
 * thread can want it (A4); reset in a forked child. Never held across a call
 * into the program or libc.
 */
#ifndef TIDEMARK_LOCK_H
#define TIDEMARK_LOCK_H

#include <time.h>
#include "raw.h"
#include "state.h"

struct lock { uint32_t word; };

static inline void lock_take(struct lock *l)
{
	for (unsigned tries = 0; __atomic_exchange_n(&l->word, 1, __ATOMIC_ACQUIRE); tries++) {
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
