/* thread.h - threads that stand still while the truth is judged. */
#ifndef TRUTH_THREAD_H
#define TRUTH_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_int thread_blocked;

/* Called by the thread as the last thing. The stack below is wiped first. */
#define BLOCK_FOREVER() do { \
	scrub(); \
	atomic_fetch_add(&thread_blocked, 1); \
	for (;;) { \
		long result_; \
		__asm__ volatile("syscall" : "=a"(result_) : "0"((long)SYS_pause) : "rcx", "r11", "memory"); \
	} \
} while (0)

/* Waits until n threads said so, and a moment more, until they do. */
static inline void wait_blocked(int n)
{
	while (atomic_load(&thread_blocked) < n)
		usleep(1000);
	usleep(20000);
}

static inline pthread_t start_thread(void *(*f)(void *), void *argument)
{
	pthread_t t;
	if (pthread_create(&t, NULL, f, argument))
		abort();
	return t;
}

#endif
