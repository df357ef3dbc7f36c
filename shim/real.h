/* real.h - the functions underneath: the next definition after ours.
 *
 * Pointers start at functions that resolve all of them at the first call, so
 * that a hook is one indirect call. dlsym may want memory while it does so:
 * then a small static arena serves, whose blocks free and realloc recognise.
 *
 * Threads: resolving twice is harmless. Signals, fork: nothing to keep.
 */
#ifndef TIDEMARK_REAL_H
#define TIDEMARK_REAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct real {
	void *(*malloc)(size_t);
	void (*free)(void *);
	void *(*calloc)(size_t, size_t);
	void *(*realloc)(void *, size_t);
	void *(*reallocarray)(void *, size_t, size_t);
	void *(*memalign)(size_t, size_t);
	void *(*aligned_alloc)(size_t, size_t);
	int (*posix_memalign)(void **, size_t, size_t);
	void *(*valloc)(size_t);
	void *(*pvalloc)(size_t);
	void (*free_sized)(void *, size_t);
	void (*free_aligned_sized)(void *, size_t, size_t);
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	void *(*mmap64)(void *, size_t, int, int, int, off_t);
	int (*munmap)(void *, size_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*dlclose)(void *);
	int (*pthread_create)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	pid_t (*fork)(void);
	void (*exit_now)(int);			/* _exit */
	void (*exit_now_c)(int);		/* _Exit */
	void (*abort)(void);
	int (*execve)(const char *, char *const *, char *const *);
	int (*execvpe)(const char *, char *const *, char *const *);
	int (*fexecve)(int, char *const *, char *const *);
	int (*prctl)(int, ...);
	int (*sigaltstack)(const void *, void *);
	int (*setrlimit)(int, const void *);
	int (*prlimit)(pid_t, int, const void *, void *);
	int (*mlockall)(int);
	pid_t (*wait4)(pid_t, int *, int, void *);
	int (*waitid)(int, unsigned, void *, int);
};
extern struct real real;
/* By itself: reached from assembly. */
extern void *real_syscall __attribute__((visibility("hidden")));

/* Resolves all; called from the constructor, or by the first call of any. */
void real_resolve(void);
bool real_is_resolving(void);
/* Is it a block of the static arena? */
#define REAL_BOOT_BYTES 65536u
extern char real_boot[REAL_BOOT_BYTES];
static inline bool real_is_boot(const void *p)
{
	return (uintptr_t)p - (uintptr_t)real_boot < REAL_BOOT_BYTES;
}
/* The allocator below is glibc's own. */
bool real_is_glibc(void);
const char *real_allocator_path(void);

#endif
