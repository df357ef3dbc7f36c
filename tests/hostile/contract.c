/* The contract of the malloc family, as glibc keeps it. What it does with bad
 * arguments is printed, so that it is compared with the bare run's.
 * build: -w -fno-builtin
 * status[double_free bad_free foreign_realloc]: 134
 */
#include "hostile.h"
#include <limits.h>
#include <malloc.h>
#include <stdint.h>

static volatile size_t huge = (size_t)PTRDIFF_MAX + 1, large = SIZE_MAX / 2 + 8;

static void zero_sizes(void)
{
	void *a = malloc(0), *b = malloc(0), *c = calloc(0, 5), *d = calloc(5, 0);
	CHECK(a && b && a != b && c && d);
	free(a), free(b), free(c), free(d), free(NULL);
	void *r = realloc(NULL, 0);
	CHECK(r);
	errno = 0;
	void *gone = realloc(r, 0);
	printf("realloc(p,0) %s errno %d\n", gone ? "block" : "null", errno);
}

static void too_large(void)
{
	errno = 0;
	CHECK(!malloc(huge) && errno == ENOMEM);
	errno = 0;
	CHECK(!calloc(1, huge) && errno == ENOMEM);
	errno = 0;
	CHECK(!calloc(large, 4) && errno == ENOMEM);
	errno = 0;
	CHECK(!reallocarray(NULL, large, 4) && errno == ENOMEM);
	char *p = malloc(100);
	strcpy(p, "still here");
	errno = 0;
	CHECK(!realloc(p, huge) && errno == ENOMEM);
	CHECK(!strcmp(p, "still here"));
	errno = 0;
	CHECK(!reallocarray(p, large, 4) && errno == ENOMEM);
	CHECK(!strcmp(p, "still here") && malloc_usable_size(p) >= 100);
	free(p);
}

static void errno_kept(void)
{
	errno = 4711;
	void *p = malloc(50);
	CHECK(errno == 4711);
	p = realloc(p, 500);
	CHECK(errno == 4711);
	void *q = calloc(3, 3);
	CHECK(errno == 4711);
	free(p);
	CHECK(errno == 4711);
	free(q);
	void *big = malloc(1 << 22);
	CHECK(errno == 4711);
	free(big);
	CHECK(errno == 4711);
	malloc_usable_size(NULL);
	CHECK(errno == 4711);
	CHECK(!posix_memalign(&p, 64, 64) && errno == 4711);
	free(p);
	CHECK(errno == 4711);
}

static void alignments(void)
{
	static const size_t odd[] = { 0, 1, 3, 8, 16, 24, 32, 48, 64, 100, 4096, 5000, 65536, 1 << 20 };
	for (unsigned i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
		size_t a = odd[i];
		void *p = (void *)0x1234;
		errno = 0;
		int r = posix_memalign(&p, a, 100);
		printf("posix_memalign %zu: %d errno %d %s\n", a, r, errno, p == (void *)0x1234 ? "untouched" : "set");
		if (!r) {
			CHECK((uintptr_t)p % a == 0);
			free(p);
		}
		errno = 0;
		p = aligned_alloc(a, 100);
		printf("aligned_alloc %zu: %s errno %d aligned %d\n", a, p ? "block" : "null", errno,
			p && a && (a & (a - 1)) == 0 ? (uintptr_t)p % a == 0 : -1);
		free(p);
		errno = 0;
		p = memalign(a, 100);
		printf("memalign %zu: %s errno %d usable %d\n", a, p ? "block" : "null", errno, p && malloc_usable_size(p) >= 100);
		free(p);
	}
	errno = 0;
	CHECK(!aligned_alloc(64, huge) && errno == ENOMEM);
	errno = 0;
	void *p = NULL;
	int r = posix_memalign(&p, 64, huge);
	printf("posix_memalign huge: %d errno %d\n", r, errno);
	errno = 0;
	p = memalign(huge, 16);
	printf("memalign huge alignment: %s errno %d\n", p ? "block" : "null", errno);
	errno = 0;
	p = memalign((size_t)1 << 62, 1 << 20);
	printf("memalign 2^62: %s errno %d\n", p ? "block" : "null", errno);
}

static void pages(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *v = valloc(10), *p = pvalloc(10), *z = pvalloc(0);
	CHECK(v && p && (uintptr_t)v % (size_t)page == 0 && (uintptr_t)p % (size_t)page == 0);
	CHECK(malloc_usable_size(p) >= (size_t)page);
	memset(p, 1, (size_t)page);
	errno = 0;
	CHECK(!pvalloc(huge) && errno == ENOMEM);
	free(v), free(p), free(z);
}

static void usable_size(void)
{
	CHECK(malloc_usable_size(NULL) == 0);
	for (size_t n = 0; n < 5000; n += 7) {
		char *p = malloc(n);
		size_t u = malloc_usable_size(p);
		CHECK(u >= n);
		memset(p, 7, u);
		printf("%zu ", u);
		char *q = realloc(p, u + 1);
		CHECK(q && (u == 0 || q[u - 1] == 7));
		free(q);
	}
	char *big = malloc(1 << 20);
	printf("%zu\n", malloc_usable_size(big));
	free(big);
}

static void all_sizes(void)
{
	for (size_t n = 1; n < (1u << 26); n = n * 9 / 8 + 1) {
		unsigned char *p = calloc(1, n);
		CHECK(p && !p[0] && !p[n - 1] && (uintptr_t)p % 16 == 0);
		p[0] = 1, p[n - 1] = 2;
		p = realloc(p, n * 2);
		CHECK(p && (n == 1 || p[0] == 1) && p[n - 1] == 2);
		p = realloc(p, n / 2 + 1);
		CHECK(p && (n == 1 || p[0] == 1));
		free(p);
	}
}

#if !__GLIBC_PREREQ(2, 33)
#define mallinfo2 mallinfo
#endif

static void statistics(void)
{
	void *p = malloc(100000);
	HIDE(p);
	struct mallinfo2 m = mallinfo2();
	CHECK(m.uordblks >= 100000);
	CHECK(mallopt(M_MMAP_THRESHOLD, 65536) == 1);
	void *q = malloc(4 << 20); /* more than may be left at the top */
	HIDE(q);
	CHECK(mallinfo2().hblks >= 1);
	free(p), free(q);
	malloc_trim(0);
}

static void double_free(void)
{
	char *p = malloc(40);
	free(p);
	HIDE(p);
	free(p);
}

static void bad_free(void)
{
	char *p = malloc(40);
	p += 8;
	HIDE(p);
	free(p);
}

static void foreign_realloc(void)
{
	static char area[256];
	char *p = area + 16;
	HIDE(p);
	p = realloc(p, 100);
	printf("%d\n", p != NULL);
}

MAIN(CASE(zero_sizes), CASE(too_large), CASE(errno_kept), CASE(alignments), CASE(pages), CASE(usable_size), CASE(all_sizes),
	CASE(statistics), CASE(double_free), CASE(bad_free), CASE(foreign_realloc))
