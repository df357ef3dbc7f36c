/* threads.c - the same work by several threads, and hand-over between threads.
 *
 *   threads THREADS OPERATIONS [SITES]   each thread: 8 mallocs, 8 frees, at depth 20 (default 2 4000000)
 *   threads pipe OPERATIONS              one thread makes blocks, another frees them (default 4000000)
 *
 * Time is per malloc+free pair and thread: with no sharing it does not depend
 * on the number of threads (as long as there are processors for them).
 */
#include "timing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))
#define BATCH 8

static long operations;
static pthread_barrier_t gate;

static NOINLINE void work(void)
{
	void *p[BATCH];
	for (long i = 0; i < operations; i += BATCH) {
		for (int j = 0; j < BATCH; j++) {
			p[j] = malloc(32);
			__asm__ volatile("" : : "r"(p[j]) : "memory");
		}
		for (int j = 0; j < BATCH; j++)
			free(p[j]);
	}
}

static NOINLINE void down(int depth)
{
	if (depth <= 1)
		work();
	else
		down(depth - 1);
	__asm__ volatile("" : : : "memory");
}

static void *thread_main(void *argument)
{
	uint64_t *spent = argument;
	pthread_barrier_wait(&gate);
	uint64_t start = timing_now();
	down(16);
	*spent = timing_now() - start;
	return NULL;
}

static int side_by_side(long threads)
{
	pthread_t id[64];
	uint64_t spent[64] = { 0 }, most = 0;
	if (threads > 64)
		threads = 64;
	pthread_barrier_init(&gate, NULL, (unsigned)threads);
	for (long i = 0; i < threads; i++)
		pthread_create(&id[i], NULL, thread_main, &spent[i]);
	for (long i = 0; i < threads; i++) {
		pthread_join(id[i], NULL);
		if (spent[i] > most)
			most = spent[i];
	}
	char name[32];
	snprintf(name, sizeof(name), "threads-%ld", threads);
	timing_print(name, most, (uint64_t)operations);
	return 0;
}

/* A ring with one writer and one reader. */
#define RING 4096u
static void *ring[RING];
static _Atomic unsigned long head, tail;

static void *consumer(void *unused)
{
	(void)unused;
	for (long i = 0; i < operations; i++) {
		unsigned long t = atomic_load_explicit(&tail, memory_order_relaxed);
		while (atomic_load_explicit(&head, memory_order_acquire) == t)
			__builtin_ia32_pause();
		free(ring[t % RING]);
		atomic_store_explicit(&tail, t + 1, memory_order_release);
	}
	return NULL;
}

static int hand_over(void)
{
	pthread_t id;
	uint64_t start = timing_now();
	pthread_create(&id, NULL, consumer, NULL);
	for (long i = 0; i < operations; i++) {
		unsigned long h = atomic_load_explicit(&head, memory_order_relaxed);
		while (h - atomic_load_explicit(&tail, memory_order_acquire) == RING)
			__builtin_ia32_pause();
		ring[h % RING] = malloc(32 + (size_t)(i & 63));
		atomic_store_explicit(&head, h + 1, memory_order_release);
	}
	pthread_join(id, NULL);
	timing_print("threads-pipe", timing_now() - start, (uint64_t)operations);
	return 0;
}

int main(int argc, char **argv)
{
	operations = timing_argument(argc, argv, 2, 4000000);
	if (argc > 1 && !strcmp(argv[1], "pipe"))
		return hand_over();
	return side_by_side(timing_argument(argc, argv, 1, 2));
}
