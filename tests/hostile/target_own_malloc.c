/* A program with an allocator of its own, which comes before any preload. It works as ever, and the report says what it did not see.
 * build: -fno-builtin
 * modes: full every alone preload
 * snapshots: any
 * says: tidemark: .*allocator
 */
#include "hostile.h"

static char area[1 << 24];
static size_t used;
static long calls;

void *malloc(size_t n)
{
	calls++;
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
