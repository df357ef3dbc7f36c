/* noop.c - the same hooks as the library's, with nothing behind them: what
 * being in the way costs, for the benchmark. Built as libtidemark-noop.so and
 * never part of libtidemark.so.
 *
 * The allocator underneath is the next in line, as for the library. It is
 * looked up at the first call: dlsym does not allocate when it finds.
 */
#include <dlfcn.h>
#include <stddef.h>

#ifndef RTLD_NEXT
#define RTLD_NEXT ((void *)-1l)
#endif

/* HOOK(result, name, parameters, arguments) */
#define HOOK(result, name, parameters, arguments) \
	__attribute__((visibility("default"))) result name parameters; \
	static result (*next_##name) parameters; \
	result name parameters \
	{ \
		if (__builtin_expect(!next_##name, 0)) \
			next_##name = (result (*) parameters)dlsym(RTLD_NEXT, #name); \
		return next_##name arguments; \
	}

HOOK(void *, malloc, (size_t n), (n))
HOOK(void *, calloc, (size_t n, size_t each), (n, each))
HOOK(void *, realloc, (void *p, size_t n), (p, n))
HOOK(void *, reallocarray, (void *p, size_t n, size_t each), (p, n, each))
HOOK(void *, memalign, (size_t alignment, size_t n), (alignment, n))
HOOK(void *, aligned_alloc, (size_t alignment, size_t n), (alignment, n))
HOOK(int, posix_memalign, (void **p, size_t alignment, size_t n), (p, alignment, n))
HOOK(void *, valloc, (size_t n), (n))
HOOK(void *, pvalloc, (size_t n), (n))
HOOK(void, free, (void *p), (p))
