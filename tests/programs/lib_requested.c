/* lib_requested.c - a library to be preloaded: malloc_usable_size() answers what was requested.
 *
 * That is what Valgrind's own malloc answers. A program that asks (redis) grows its strings into what it was given
 * on top, and so makes other calls over glibc or jemalloc than under Valgrind; with this library it makes the same.
 * Requested sizes are kept in a table by address, below whatever else hooks malloc. Enough for the calls of redis.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#define SLOTS (1u << 20)

static struct { uintptr_t p; size_t size; } slots[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

/* A slot is never given up: an address that is freed keeps its own until it comes back. */
static size_t *size_of(void *p)
{
	uintptr_t i = (uintptr_t)p / 16 * 2654435761u % SLOTS;

	while (slots[i].p && slots[i].p != (uintptr_t)p)
		i = (i + 1) % SLOTS;
	slots[i].p = (uintptr_t)p;
	return &slots[i].size;
}

static void *note(void *p, size_t size)
{
	pthread_mutex_lock(&lock);
	if (p)
		*size_of(p) = size;
	pthread_mutex_unlock(&lock);
	return p;
}

void *malloc(size_t size)
{
	static void *(*real)(size_t);

	if (!real)
		real = next("malloc");
	return note(real(size), size);
}

void *calloc(size_t n, size_t each)
{
	static void *(*real)(size_t, size_t);

	if (!real)
		real = next("calloc");
	return note(real(n, each), n * each);
}

void *realloc(void *p, size_t size)
{
	static void *(*real)(void *, size_t);

	if (!real)
		real = next("realloc");
	return note(real(p, size), size);
}

size_t malloc_usable_size(void *p)
{
	size_t size = 0;

	pthread_mutex_lock(&lock);
	if (p)
		size = *size_of(p);
	pthread_mutex_unlock(&lock);
	return size;
}
