/* Four threads, each with a line of its own and one shared, handing half of
 * their blocks to the next thread to free: totals and live are exact, and a
 * block that another thread frees is not temporary.
 */
#include "truth.h"
#include "count.h"
#include <pthread.h>

#define THREADS 4
#define EACH 20000
static void *passed[THREADS][EACH];
static pthread_barrier_t gate;

#define MAKER(name) static NOINLINE void *name(size_t n, int *line) \
{ *line = __LINE__; void *p = malloc(n); HIDE(p); return p; }
MAKER(of_first)
MAKER(of_second)
MAKER(of_third)
MAKER(of_fourth)
MAKER(of_all)
static void *(*const own[THREADS])(size_t, int *) = { of_first, of_second, of_third, of_fourth };

static size_t bytes_of(int thread, int i) { return (size_t)(100 + thread * 10 + i % 7); }

static void *thread_main(void *argument)
{
	int me = (int)(intptr_t)argument, line;
	for (int i = 0; i < EACH; i++) {
		passed[me][i] = own[me](bytes_of(me, i), &line);
		void *p = of_all(64, &line);
		free(p);
	}
	pthread_barrier_wait(&gate);
	for (int i = 0; i < EACH; i += 2)
		free(passed[(me + 1) % THREADS][i]);
	return NULL;
}

static void scenario(void)
{
	pthread_t id[THREADS];
	pthread_barrier_init(&gate, NULL, THREADS);
	for (intptr_t t = 0; t < THREADS; t++)
		pthread_create(&id[t], NULL, thread_main, (void *)t);
	for (int t = 0; t < THREADS; t++)
		pthread_join(id[t], NULL);
	for (int t = 0; t < THREADS; t++) {
		int line;
		free(own[t](1, &line));
		count_made(line, 1);
		count_freed(line, 1);
		count_line(line)->temporary++;
		for (int i = 0; i < EACH; i++) {
			count_made(line, (int64_t)bytes_of(t, i));
			if (i % 2 == 0)
				count_freed(line, (int64_t)bytes_of(t, i));
		}
	}
	int line;
	free(of_all(64, &line));
	struct line *l = count_line(line);
	l->total_blocks = l->temporary = THREADS * EACH + 1;
	l->total_bytes = l->total_blocks * 64;
	count_print(0);
}
