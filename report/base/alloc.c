/* alloc.c - see alloc.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "alloc.h"
#include "error.h"

static void *alloc_or_exit(void *p, uint64_t bytes)
{
	if (p)
		return p;
	fprintf(stderr,
		"tidemark: out of memory: %llu bytes were asked for; "
		"close something, or raise the limit (ulimit -v)\n",
		(unsigned long long)bytes);
	exit(EXIT_UNMEASURED);
}

static uint64_t multiply(uint64_t count, uint64_t size)
{
	uint64_t bytes;

	return __builtin_mul_overflow(count, size, &bytes) ? UINT64_MAX : bytes;
}

/* malloc(0) may return NULL, which would look like a failure. */
static size_t at_least_one(uint64_t bytes) { return bytes ? bytes : 1; }

void *alloc_bytes(uint64_t bytes) { return alloc_or_exit(malloc(at_least_one(bytes)), bytes); }

void *alloc_zeroed(uint64_t count, uint64_t size)
{
	return alloc_or_exit(calloc(at_least_one(count), at_least_one(size)), multiply(count, size));
}

void *alloc_resize(void *p, uint64_t bytes) { return alloc_or_exit(realloc(p, at_least_one(bytes)), bytes); }

void *alloc_resize_array(void *p, uint64_t count, uint64_t size)
{
	return alloc_resize(p, multiply(count, size));
}

char *alloc_string(const char *s)
{
	size_t bytes = strlen(s) + 1;

	return memcpy(alloc_bytes(bytes), s, bytes);
}

char *alloc_printf(const char *format, ...)
{
	va_list list;
	char *s = NULL;
	int bytes;

	va_start(list, format);
	bytes = vasprintf(&s, format, list);
	va_end(list);
	return bytes < 0 ? alloc_or_exit(NULL, 1) : s;
}

char *alloc_listed(char *list, const char *between, const char *item)
{
	char *longer = list ? alloc_printf("%s%s%s", list, between, item) : alloc_string(item);

	free(list);
	return longer;
}
