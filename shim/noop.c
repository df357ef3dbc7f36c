/* noop.c - the library's hooks with nothing behind them: the benchmark measures
 * with it what interposition itself costs. Built as libtidemark-noop.so and
 * never part of libtidemark.so.
 *
 * The allocator underneath is the next definition, as for the library. It is
 * looked up at the first call: dlsym does not allocate when it succeeds.
 */
#include <dlfcn.h>
#include <stddef.h>

#ifndef RTLD_NEXT
#define RTLD_NEXT ((void *)-1l)
#endif

#define MALLOC(result, name, parameters, arguments)                                                          \
	__attribute__((visibility("default"))) result name parameters;                                       \
	static result(*next_##name) parameters;                                                              \
	result name parameters                                                                               \
	{                                                                                                    \
		if (__builtin_expect(!next_##name, 0))                                                       \
			next_##name = (result(*) parameters)dlsym(RTLD_NEXT, #name);                         \
		return next_##name arguments;                                                                \
	}
#define HOOK(result, name, parameters)
#define OVER(result, name, parameters)
#define ASSEMBLY(name)
#include "hooks.def"
