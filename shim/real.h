/* real.h - the functions underneath: the next definition after ours.
 *
 * Pointers start at functions that resolve all of them at the first call, so
 * that a hook is one indirect call. The others are NULL until then, and stay
 * NULL if this libc does not have the function. Before glibc 2.34 dlclose and
 * pthread_create may come with a library that is loaded later: in that case
 * they are resolved again.
 *
 * Threads: resolving twice is harmless. Signals, fork: nothing to do.
 */
#ifndef TIDEMARK_REAL_H
#define TIDEMARK_REAL_H

#include "hooks.h"

struct real {
#define HOOK(result, name, parameters) result(*name) parameters;
#define MALLOC(result, name, parameters, arguments) result(*name) parameters;
#define OVER(result, name, parameters)
#define ASSEMBLY(name)
#include "hooks.def"
};
extern struct real real;
/* Declared separately, because assembly uses it. */
extern void *real_syscall __attribute__((visibility("hidden")));

/* Resolves all; called from the constructor, or by the first call of any. */
void real_resolve(void);
/* Is the allocator below glibc's own? */
bool real_is_glibc(void);
const char *real_allocator_path(void);

#endif
