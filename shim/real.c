/* real.c - see real.h. */
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <string.h>
#include <sys/types.h>
#include "raw.h"
#include "real.h"
#include "state.h"

char real_boot[REAL_BOOT_BYTES] __attribute__((aligned(16)));
static size_t boot_used;
static bool resolving;

/* A block of the arena: 16 bytes with its size before it. Never given back. */
static void *boot_get(size_t size)
{
	size_t bytes = ((size + 15) & ~(size_t)15) + 16;
	size_t at = __atomic_fetch_add(&boot_used, bytes, __ATOMIC_RELAXED);
	if (bytes < size || at + bytes > REAL_BOOT_BYTES) {
		errno = ENOMEM;
		return NULL;
	}
	memcpy(real_boot + at, &size, sizeof size);
	return real_boot + at + 16;
}

static void *boot_malloc(size_t size)
{
	if (resolving)
		return boot_get(size);
	real_resolve();
	return real.malloc(size);
}

static void *boot_calloc(size_t n, size_t each)
{
	size_t size;
	if (resolving)
		return __builtin_mul_overflow(n, each, &size) ? NULL : boot_get(size);
	real_resolve();
	return real.calloc(n, each);
}

static void boot_free(void *p)
{
	if (resolving)
		return;
	real_resolve();
	real.free(p);
}

static void *boot_realloc(void *p, size_t size)
{
	if (!resolving) {
		real_resolve();
		return real.realloc(p, size);
	}
	size_t old = 0;
	if (p)
		memcpy(&old, (char *)p - 16, sizeof old);
	void *q = boot_get(size);
	if (p && q)
		memcpy(q, p, old < size ? old : size);
	return q;
}

static long kernel(long number, long a, long b, long c, long d, long e)
{
	long r = raw_kernel(number, a, b, c, d, e, 0);
	if (!raw_failed(r))
		return r;
	errno = (int)-r;
	return -1;
}

static int early_prctl(int option, ...)
{
	long a[4];
	va_list list;
	va_start(list, option);
	for (unsigned i = 0; i < 4; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	return (int)kernel(SYS_prctl, option, a[0], a[1], a[2], a[3]);
}

static void *early_mremap(void *at, size_t old, size_t bytes, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	void *fixed = va_arg(list, void *);
	va_end(list);
	return (void *)kernel(SYS_mremap, (long)at, (long)old, (long)bytes, flags, (long)fixed);
}

static int early_sigaltstack(const void *fresh, void *old)
{
	return (int)kernel(SYS_sigaltstack, (long)fresh, (long)old, 0, 0, 0);
}

static int early_prlimit(pid_t pid, int resource, const void *limit, void *old)
{
	return (int)kernel(SYS_prlimit64, pid, resource, (long)limit, (long)old, 0);
}

static int early_setrlimit(int resource, const void *limit)
{
	return early_prlimit(0, resource, limit, NULL);
}

static int early_mlockall(int flags)
{
	return (int)kernel(SYS_mlockall, flags, 0, 0, 0, 0);
}

/* Until libc's are known, and while dlsym looks for them: allocators that it calls,
 * or the loader, make system calls of their own. */
struct real real = { .malloc = boot_malloc, .free = boot_free, .calloc = boot_calloc,
	.realloc = boot_realloc, .prctl = early_prctl, .mremap = early_mremap,
	.sigaltstack = early_sigaltstack, .setrlimit = early_setrlimit, .prlimit = early_prlimit,
	.mlockall = early_mlockall };

extern char early_syscall[] __attribute__((visibility("hidden")));
void *real_syscall = early_syscall;

/* First and last byte of this library (ld). */
extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

static bool is_ours(const void *f)
{
	return (uintptr_t)f >= (uintptr_t)__ehdr_start && (uintptr_t)f < (uintptr_t)_end;
}

static void find(void *place, const char *name)
{
	/* The versions at which glibc has what is looked for, on x86-64. */
	static const char *const version[] = { "GLIBC_2.2.5", "GLIBC_2.11", "GLIBC_2.13", "GLIBC_2.16", "GLIBC_2.26" };
	void *f = dlsym(RTLD_NEXT, name);
	/* To a dlsym of the program's own, "next" is what comes after the program: us. */
	if (is_ours(f)) {
		f = NULL;
		for (unsigned i = 0; i < sizeof version / sizeof version[0] && !f; i++)
			f = dlvsym(RTLD_NEXT, name, version[i]);
	}
	if (f)
		memcpy(place, &f, sizeof f);
}

void real_resolve(void)
{
	struct real r = { 0 };
	if (resolving)
		return;
	resolving = true;
	find(&r.malloc, "malloc");
	find(&r.free, "free");
	find(&r.calloc, "calloc");
	find(&r.realloc, "realloc");
	find(&r.reallocarray, "reallocarray");
	find(&r.memalign, "memalign");
	find(&r.aligned_alloc, "aligned_alloc");
	find(&r.posix_memalign, "posix_memalign");
	find(&r.valloc, "valloc");
	find(&r.pvalloc, "pvalloc");
	find(&r.free_sized, "free_sized");
	find(&r.free_aligned_sized, "free_aligned_sized");
	find(&r.mmap, "mmap");
	find(&r.mmap64, "mmap64");
	find(&r.munmap, "munmap");
	find(&r.mremap, "mremap");
	find(&r.dlclose, "dlclose");
	find(&r.pthread_create, "pthread_create");
	find(&r.fork, "fork");
	find(&r.exit_now, "_exit");
	find(&r.exit_now_c, "_Exit");
	find(&r.abort, "abort");
	find(&r.execve, "execve");
	find(&r.execvpe, "execvpe");
	find(&r.fexecve, "fexecve");
	find(&r.prctl, "prctl");
	find(&real_syscall, "syscall");
	find(&r.sigaltstack, "sigaltstack");
	find(&r.setrlimit, "setrlimit");
	find(&r.prlimit, "prlimit");
	find(&r.mlockall, "mlockall");
	find(&r.wait4, "wait4");
	find(&r.waitid, "waitid");
	/* What this libc does not have has left a message; the program shall not see it. */
	dlerror();
	real = r;
	compiler_barrier();
	resolving = false;
}

bool real_is_resolving(void) { return resolving; }

static const struct link_map *allocator_map(void)
{
	struct dl_find_object o;
	if (_dl_find_object((void *)(uintptr_t)real.malloc, &o) != 0)
		return NULL;
	return o.dlfo_link_map;
}

bool real_is_glibc(void)
{
	/* gnu_get_libc_version is only in glibc's libc.so.6. */
	struct dl_find_object a, b;
	void *known = dlsym(RTLD_NEXT, "gnu_get_libc_version");
	return known && _dl_find_object((void *)(uintptr_t)real.malloc, &a) == 0
		&& _dl_find_object(known, &b) == 0 && a.dlfo_link_map == b.dlfo_link_map;
}

const char *real_allocator_path(void)
{
	const struct link_map *l = allocator_map();
	return l && l->l_name ? l->l_name : "";
}
