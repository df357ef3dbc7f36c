/* A program whose heap is full of holes: pins, slack, pages nobody touched, equal blocks, arenas of threads; and with
 * names that are meant to break a page. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "../../shim/tidemark.h"

static char *session[500], *record[10000], *copy[200], *buffer;

static void *insert(size_t bytes) { return memset(malloc(bytes), 2, bytes); }

static void *burst(void *arg)
{
	static __thread char *p[3000];

	pthread_setname_np(pthread_self(), "</script><b>\x1b[1m");
	for (int i = 0; i < 3000; i++)
		p[i] = insert(2000);
	for (int i = 0; i < 3000; i++)
		if (i % 50)
			free(p[i]);
	return arg;
}

int main(void)
{
	pthread_t thread[2];

	for (int i = 0; i < 10000; i++) {
		record[i] = insert(1000);
		if (i % 20 == 0)
			session[i / 20] = strdup("session");
	}
	if (tide_mark)
		tide_mark("\xe2\x80\xaegnol </script><img src=x onerror=alert(1)>");
	for (int i = 0; i < 10000; i++)
		free(record[i]);
	for (int i = 0; i < 200; i++)
		copy[i] = insert(4000);
	buffer = malloc(8 << 20);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, burst, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	if (tide_snapshot)
		tide_snapshot("full of holes");
	return 0;
}
