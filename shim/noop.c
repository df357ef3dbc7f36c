/* noop.c - the same hooks as the library's, with nothing behind them: what
 * being in the way costs, for the benchmark. Built as libtidemark-noop.so and
 * never part of libtidemark.so.
 *
 * It goes to glibc's own names, so that it needs no dlsym and no start-up.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t), *__libc_valloc(size_t), *__libc_pvalloc(size_t);
extern void __libc_free(void *);

EXPORT void *malloc(size_t n);
EXPORT void free(void *p);
EXPORT void *calloc(size_t n, size_t each);
EXPORT void *realloc(void *p, size_t n);
EXPORT void *reallocarray(void *p, size_t n, size_t each);
EXPORT void *memalign(size_t alignment, size_t n);
EXPORT void *aligned_alloc(size_t alignment, size_t n);
EXPORT int posix_memalign(void **p, size_t alignment, size_t n);
EXPORT void *valloc(size_t n);
EXPORT void *pvalloc(size_t n);

void *malloc(size_t n) { return __libc_malloc(n); }
void free(void *p) { __libc_free(p); }
void *calloc(size_t n, size_t each) { return __libc_calloc(n, each); }
void *realloc(void *p, size_t n) { return __libc_realloc(p, n); }
void *memalign(size_t alignment, size_t n) { return __libc_memalign(alignment, n); }
void *aligned_alloc(size_t alignment, size_t n) { return __libc_memalign(alignment, n); }
void *valloc(size_t n) { return __libc_valloc(n); }
void *pvalloc(size_t n) { return __libc_pvalloc(n); }

void *reallocarray(void *p, size_t n, size_t each)
{
	size_t all;
	if (__builtin_mul_overflow(n, each, &all)) {
		errno = ENOMEM;
		return NULL;
	}
	return __libc_realloc(p, all);
}

int posix_memalign(void **p, size_t alignment, size_t n)
{
	if (alignment % sizeof(void *) || !alignment || (alignment & (alignment - 1)))
		return EINVAL;
	int kept = errno;
	void *block = __libc_memalign(alignment, n);
	errno = kept;
	if (!block)
		return ENOMEM;
	*p = block;
	return 0;
}
