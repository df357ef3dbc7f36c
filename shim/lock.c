/* lock.c - see lock.h. The word is used as in Drepper, "Futexes Are Tricky"
 * (2011), section 6, with the owner in it. */
#include <errno.h>
#include <linux/futex.h>
#include <time.h>
#include "lock.h"

bool lock_thread_dead(int32_t tid) { return raw3(SYS_tgkill, state.ledger->pid, tid, 0) == -ESRCH; }

__attribute__((cold, noinline)) void lock_wait(struct lock *l)
{
	const struct timespec patience = { 0, 100000000 };
	uint32_t self = lock_self(), mark = 0;
	long slept = 0;

	for (unsigned tries = 0;; tries++) {
		uint32_t word = __atomic_load_n(&l->word, __ATOMIC_RELAXED), owner = word & ~LOCK_WAITERS;

		if (owner == self)
			return;
		if (!owner || (slept == -ETIMEDOUT && lock_thread_dead((int32_t)owner))) {
			if (__atomic_compare_exchange_n(
				    &l->word, &word, self | mark, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
				return;
			slept = 0;
		} else if (tries < 200 || state.no_syscalls) {
			__builtin_ia32_pause();
		} else if (word & LOCK_WAITERS
			|| __atomic_compare_exchange_n(&l->word, &word, word | LOCK_WAITERS, false,
				__ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
			/* Other threads may be asleep, too, so the next owner must wake one of them. */
			mark = LOCK_WAITERS;
			slept = raw6(SYS_futex, &l->word, FUTEX_WAIT_PRIVATE, owner | LOCK_WAITERS, &patience,
				0, 0);
		}
	}
}

__attribute__((cold, noinline)) void lock_wake(struct lock *l)
{
	if (!state.no_syscalls)
		raw6(SYS_futex, &l->word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}
