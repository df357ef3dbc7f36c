/* A program with an allocator of its own, which comes before any preload. It works as without the library, and the report says what was not seen.
 * build: -fno-builtin
 * modes: full every alone preload
 * snapshots: any
 * says: tidemark: .*allocator
 */
#include "hostile.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static char area[1 << 24];
static size_t used;
static long calls;

/* What large allocators do at their first block, which the loader may ask for while
 * nothing else is ready. */
static void start(void)
{
	char seed[8], name[32];
	struct rlimit limit;
	stack_t stack;
	if (syscall(SYS_getrandom, seed, sizeof(seed), 1) != sizeof(seed))
		abort();
	if (syscall(SYS_close, -1L) != -1 || errno != EBADF || prctl(PR_GET_NAME, name) || sigaltstack(NULL, &stack) ||
	    prlimit(0, RLIMIT_AS, NULL, &limit))
		abort();
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED || (p = mremap(p, 4096, 8192, MREMAP_MAYMOVE)) == MAP_FAILED || munmap(p, 8192))
		abort();
}

void *malloc(size_t n)
{
	if (!calls++)
		start();
	size_t at = __atomic_fetch_add(&used, (n + 47) & ~(size_t)15, __ATOMIC_RELAXED);
	if (at + n + 32 > sizeof(area))
		return NULL;
	*(size_t *)(area + at + 16) = n;
	return area + at + 32;
}
void free(void *p) { (void)p; calls++; }
void *calloc(size_t n, size_t each) { void *p = malloc(n * each); return p ? memset(p, 0, n * each) : p; }
void *realloc(void *p, size_t n)
{
	void *q = malloc(n);
	if (p && q) {
		size_t old = *(size_t *)((char *)p - 16);
		memcpy(q, p, old < n ? old : n);
	}
	return q;
}
static void runs(void)
{
	long before = calls;
	for (int i = 0; i < 1000; i++) {
		char *p = malloc(100);
		CHECK(p > area && p < area + sizeof(area));
		p = realloc(p, 200);
		free(p);
	}
	CHECK(calls >= before + 3000);
	char *s = strdup("libc uses it too");
	CHECK(s > area && s < area + sizeof(area));
}
MAIN(CASE(runs))
