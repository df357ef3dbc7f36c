/* Random sequences of calls: what succeeds, errno, alignment, usable size and
 * contents are folded into a number that must be the same with and without.
 * build: -w -fno-builtin
 * limit: 150
 */
#include "hostile.h"
#include <malloc.h>
#include <sys/resource.h>

#define SLOTS 512
static struct { unsigned char *p; size_t n; unsigned char fill; } slot[SLOTS];
static uint64_t seed = 88172645463325252u, sum = 14695981039346656037u;

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void note(uint64_t v) { sum = (sum ^ v) * 1099511628211u; }

static size_t size_of(uint64_t r)
{
	switch (r % 16) {
	case 0: return 0;
	case 1: return r >> 8 & 0xfffff;		/* to 1 MiB */
	case 2: return (r >> 8 & 0x3ff) << 14;		/* to 16 MiB */
	case 3: return r % 7 ? 24 : (size_t)-1 - (r >> 20 & 0xffff);
	case 4: return (size_t)1 << 46;
	default: return r >> 8 & 0x7ff;
	}
}

static void verify(unsigned i)
{
	size_t n = slot[i].n;
	for (size_t j = 0; j < n; j += n / 16 + 1)
		CHECK(slot[i].p[j] == slot[i].fill);
	CHECK(!n || slot[i].p[n - 1] == slot[i].fill);
}

static void keep(unsigned i, void *p, size_t n, uint64_t r)
{
	note(p != NULL);
	note((uint64_t)errno);
	if (p) {
		note((uintptr_t)p % 16);
		/* Mapped chunks and those split from free ones depend on the heap's history, which is the same. */
		note(malloc_usable_size(p) >= n);
		memset(p, slot[i].fill = (unsigned char)r, n);
	}
	slot[i].p = p;
	slot[i].n = p ? n : 0;
}

static void step(void)
{
	uint64_t r = random_next(), a = random_next();
	unsigned i = a % SLOTS;
	size_t n = size_of(r), alignment = (size_t)16 << (a >> 20 & 7);
	void *p = NULL;
	errno = 0;
	if (slot[i].p && a >> 60 < 8) {
		verify(i);
		if (a >> 60 < 4) {
			free(slot[i].p);
			note((uint64_t)errno);
			slot[i].p = NULL;
			slot[i].n = 0;
			return;
		}
		size_t least = n < slot[i].n ? n : slot[i].n;
		p = a & 0x100 ? realloc(slot[i].p, n) : reallocarray(slot[i].p, n, 1);
		note((uint64_t)errno);
		if (!p) {
			if (!n)
				slot[i].p = NULL, slot[i].n = 0;
			note(n);
			return;
		}
		for (size_t j = 0; j < least; j += least / 16 + 1)
			CHECK(((unsigned char *)p)[j] == slot[i].fill);
		keep(i, p, n, r);
		return;
	}
	if (slot[i].p)
		return;
	switch (a >> 56 & 7) {
	case 0: p = calloc(n, 1); break;
	case 1: p = calloc(3, n); n = p ? n * 3 : n; break;
	case 2: p = memalign(alignment, n); break;
	case 3: note((uint64_t)posix_memalign(&p, alignment / 4, n)); break;
	case 4: p = aligned_alloc(alignment, n); break;
	case 5: p = a & 0x100 ? valloc(n) : pvalloc(n); break;
	default: p = malloc(n);
	}
	keep(i, p, n, r);
}

static void run(int steps)
{
	for (int i = 0; i < steps; i++)
		step();
	for (unsigned i = 0; i < SLOTS; i++) {
		verify(i);
		free(slot[i].p);
	}
	printf("%016llx\n", (unsigned long long)sum);
}

static void plain(void) { run(60000); }

static void other_seed(void)
{
	seed = 0x9e3779b97f4a7c15u;
	run(60000);
}

/* Far above what is live at most, far below 2^46: the same calls fail. */
static void limited(void)
{
	struct rlimit l = { (rlim_t)24 << 30, (rlim_t)24 << 30 };
	CHECK(!setrlimit(RLIMIT_AS, &l));
	run(60000);
}

MAIN(CASE(plain), CASE(other_seed), CASE(limited))
