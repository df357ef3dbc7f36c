/* collect_threads.c - the threads of the ledger and those that were stopped: collect_threads.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "collect_threads.h"

struct stopped {
	int tid;
	size_t index;
}; /* starts with what it is sorted by */

static int compare_stopped(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

/* Thread tables and process tables both hold ten thousand: one is not searched for each entry of the
 * other. */
static struct stopped *sort_stopped(const struct stop *stop, size_t *count)
{
	struct stopped *list = alloc_bytes((stop->count + 1) * sizeof(*list));

	*count = 0;
	for (size_t k = 0; k < stop->count; k++)
		if (stop->threads[k].how != STOP_GONE)
			list[(*count)++] = (struct stopped){ stop->threads[k].tid, k };
	qsort(list, *count, sizeof(*list), compare_stopped);
	return list;
}

void collect_threads(const struct stop *stop, struct ledger_made *made)
{
	size_t count;
	struct stopped *list = sort_stopped(stop, &count);

	for (uint64_t i = 0; i < made->thread_count; i++) {
		struct tide_thread *t = &made->threads[i];
		const struct stopped *found = bsearch(&t->tid, list, count, sizeof(*list), compare_stopped);
		const struct stop_thread *s = found ? &stop->threads[found->index] : NULL;

		/* The end of a thread is not recorded, so the kernel knows better whether it is alive. */
		if (!s && stop->count)
			t->state = (t->state & ~THREAD_ALIVE) | THREAD_EXITED;
		if (t->state & THREAD_EXITED)
			t->registers = REGISTERS_NONE;
		else if (s)
			t->registers = !stop_general(s) ? REGISTERS_UNKNOWN
				: s->vector_bytes       ? REGISTERS_ALL
							: REGISTERS_GENERAL;
	}
	free(list);
}
