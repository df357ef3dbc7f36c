#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void *at_start;
void *plugin_make(size_t n);
void plugin_drop(void *p);

static void *worker(void *unused)
{
	for (int i = 0; i < 50; i++)
		free(malloc((size_t)i * 10));
	return unused;
}

__attribute__((constructor)) static void start(void)
{
	at_start = calloc(1, 500);
	if (getenv("PLUGIN_THREAD")) {
		pthread_t t;
		pthread_create(&t, NULL, worker, NULL);
		pthread_join(t, NULL);
	}
}
__attribute__((destructor)) static void end(void) { free(realloc(at_start, 900)); }

void *plugin_make(size_t n)
{
	void *p = malloc(n);
	__asm__ volatile("" : "+r"(p));
	return p;
}
void plugin_drop(void *p) { free(p); }
