#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

static void *(*next_malloc)(size_t), *(*next_realloc)(void *, size_t);
static void (*next_free)(void *);
static long calls;
long counter_calls(void);
long counter_calls(void) { return calls; }

static void resolve(void)
{
	next_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
}
void *malloc(size_t n)
{
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (!next_malloc)
		resolve();
	return next_malloc(n);
}
void *realloc(void *p, size_t n)
{
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (!next_malloc)
		resolve();
	return next_realloc(p, n);
}
void free(void *p)
{
	__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED);
	if (!next_malloc)
		resolve();
	next_free(p);
}
