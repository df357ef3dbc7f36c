/* allocators.h - what programs do whose blocks come from another allocator than libc's. */
#ifndef ALLOCATORS_H
#define ALLOCATORS_H

#include "hostile.h"
#include <malloc.h>
#include <pthread.h>
#include <sys/wait.h>

static void *work(void *argument)
{
	void *p[2000];
	for (int round = 0; round < 20; round++) {
		exercise(500);
		/* Small ones, eight or sixteen bytes apart, that threads have side by side. */
		for (int i = 0; i < 2000; i++)
			CHECK(p[i] = malloc(1 + (size_t)(i % 24)));
		for (int i = 0; i < 2000; i += 2)
			free(p[i]);
		for (int i = 1; i < 2000; i += 2)
			CHECK(p[i] = realloc(p[i], 100 + (size_t)i));
		for (int i = 1; i < 2000; i += 2)
			free(p[i]);
	}
	return argument;
}

static void join(pthread_t *t)
{
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], NULL));
}

/* Forks while its threads allocate, unless the allocator does not allow that: TBB's has no
 * fork handlers, and a child hangs in it, bare as well, where a thread held its lock. */
static void all_but(int busy_fork)
{
	pthread_t t[4];
	int status;
	void *p;

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, work, NULL));
	CHECK(!posix_memalign(&p, 4096, 100) && !((uintptr_t)p & 4095));
	CHECK(malloc_usable_size(p) >= 100);
	free(p);
	CHECK((p = calloc(1000, 1000)) && !((char *)p)[999999]);
	free(p);
	if (!busy_fork)
		join(t);
	pid_t child = fork();
	if (!child) {
		exercise(1000);
		exit(3);
	}
	CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
	if (busy_fork)
		join(t);
}

static inline void all(void)
{
	all_but(1);
}

#endif
