/* The allocator's state by what it looks like: arenas of every form that glibc has had, made
 * up in this process, and libc's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "heap/arena.h"

#define PAIRS 127u
#define LAST (2 * PAIRS) /* the first word behind the bins */

/* Words before the bins, and of the map behind them, with top and last_remainder as the last
 * two of the head: glibc 2.26, 2.27 to 2.42, 2.43; and what does not exist. */
static const struct form {
	unsigned head, map;
} forms[] = { { 13, 2 }, { 14, 2 }, { 3, 2 }, { 3, 4 }, { 40, 0 } };
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static struct remote memory;
static uint64_t data[4096], chunks[64][4];

static uint64_t at(const void *p) { return (uint64_t)(uintptr_t)p; }

/* An arena without chunks; `next` 0: it is alone. Returns where the bins are. */
static uint64_t *arena_make(uint64_t *place, const struct form *f, uint64_t next, uint64_t top)
{
	uint64_t *bins = place + f->head;
	memset(place, 0, (f->head + LAST + f->map + 5) * 8);
	bins[-2] = top;
	for (unsigned k = 0; k < PAIRS; k++)
		bins[2 * k] = bins[2 * k + 1] = at(&bins[2 * k]) - 16;
	bins[LAST + f->map] = next ? next : at(place);
	bins[LAST + f->map + 2] = 1;      /* attached_threads */
	bins[LAST + f->map + 3] = 135168; /* system_mem */
	bins[LAST + f->map + 4] = 135168;
	return bins;
}

/* A chunk as the only one of a bin. */
static void bin_fill(uint64_t *bins, unsigned k, uint64_t *chunk)
{
	chunk[2] = chunk[3] = at(&bins[2 * k]) - 16;
	bins[2 * k] = bins[2 * k + 1] = at(chunk);
}

static bool find(struct arenas *a) { return arena_find(&memory, at(data), at(data + 4096), a); }

static void finds_each_form(void **unused)
{
	(void)unused;
	for (unsigned i = 0; i < FORMS; i++) {
		uint64_t *place = data + 1000 + i;
		struct arenas a;
		memset(data, 0, sizeof(data));
		arena_make(place, &forms[i], 0, 0x5555000);
		assert_true(find(&a));
		assert_int_equal(a.count, 1);
		assert_int_equal(a.list[0].address, at(place));
		assert_int_equal(a.list[0].top, 0x5555000);
		assert_int_equal(a.bins, forms[i].head * 8);
		assert_int_equal(a.next, (forms[i].head + LAST + forms[i].map) * 8);
		assert_int_equal(a.bytes, a.next + 40);
		assert_int_equal(a.heap_count, 0);
		assert_int_equal(a.open_chains, 0);
		arena_free(&a);
	}
}

static void bins_may_be_full_or_changing(void **unused)
{
	(void)unused;
	struct arenas a;
	memset(data, 0, sizeof(data));
	uint64_t *bins = arena_make(data + 500, &forms[1], 0, 0x5555000);
	/* The words before the bins could be a pair of them: the last remainder is in a bin. */
	bins[-1] = at(chunks[0]);
	for (unsigned k = 0; k < 64; k++)
		bin_fill(bins, 2 * k, chunks[k]);
	assert_true(find(&a));
	assert_int_equal(a.list[0].address, at(data + 500));
	arena_free(&a);
	/* Stopped while chunks are put in: the bin leads there, but the chunk does not yet lead back. */
	for (unsigned k = 0; k < 4; k++) {
		chunks[8 * k][2] = 0;
		assert_true(find(&a));
		assert_int_equal(a.list[0].address, at(data + 500));
		arena_free(&a);
	}
	chunks[5][3] = 0;
	assert_false(find(&a));
	assert_null(a.list);
}

static void rejects_what_is_none(void **unused)
{
	(void)unused;
	struct arenas a;
	uint32_t r = 1;
	assert_false(arena_find(&memory, at(data), at(data), &a));
	assert_false(arena_find(&memory, at(data) + 8, at(data), &a));
	memset(data, 0, sizeof(data));
	assert_false(find(&a));
	for (unsigned i = 0; i < 4096; i++)
		data[i] = at(&data[i]); /* heads of empty lists */
	assert_false(find(&a));
	for (unsigned i = 0; i < 4096; i += 2)
		data[i] = data[i + 1] = at(&data[i]) - 16; /* bins without an end */
	assert_false(find(&a));
	for (unsigned i = 0; i < 4096; i++)
		data[i] = (r = r * 1664525u + 1013904223u) % 3 ? at(&data[r % 4096]) : r;
	assert_false(find(&a));
	/* The bins are cut off by the end of the range. */
	memset(data, 0, sizeof(data));
	uint64_t *bins = arena_make(data, &forms[1], 0, 0);
	assert_true(find(&a));
	arena_free(&a);
	assert_false(arena_find(&memory, at(data), at(bins + LAST) - 5 * 16, &a));
	/* No link leads round. */
	bins[LAST + 2] = at(data + 2000);
	assert_false(find(&a));
}

/* --- several arenas --------------------------------------------------------- */

#define HEAP (64ull << 20)
#define INFO 6u /* words of struct heap_info, glibc 2.35 */

/* Six aligned places for heaps. */
static uint64_t *heaps_map(void)
{
	char *p = mmap(
		NULL, 7 * HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(p != MAP_FAILED);
	return (uint64_t *)((at(p) + HEAP - 1) & ~(HEAP - 1));
}

static uint64_t *heap_make(uint64_t *heap, const uint64_t *arena, const uint64_t *before, uint64_t bytes)
{
	heap[0] = at(arena);
	heap[1] = before ? at(before) : 0;
	heap[2] = heap[3] = bytes;
	return heap + INFO;
}

static void follows_the_ring(void **unused)
{
	(void)unused;
	struct remote own;
	struct tide_error e;
	uint64_t *place = heaps_map(), step = HEAP / 8;
	uint64_t *one = place + INFO, *two = place + step + INFO;
	for (unsigned i = 0; i < FORMS; i++) {
		struct arenas a;
		memset(data, 0, sizeof(data));
		arena_make(data + 10, &forms[i], at(one), 0x5555000);
		/* The first has three heaps, and its top in the last; the second has one. */
		heap_make(place, one, NULL, 8192);
		heap_make(place + 2 * step, one, place, HEAP);
		heap_make(place + 4 * step, one, place + 2 * step, 12288);
		heap_make(place + step, two, NULL, 4096 * 33);
		uint64_t *bins = arena_make(one, &forms[i], at(two), at(place + 4 * step) + 4096);
		arena_make(two, &forms[i], at(data + 10), at(place + step) + 8192);
		assert_int_equal(remote_open(&own, getpid(), &e), 0);
		assert_true(arena_find(&own, at(data), at(data + 4096), &a));
		assert_int_equal(a.count, 3);
		assert_int_equal(a.list[0].address, at(data + 10));
		assert_int_equal(a.list[1].address, at(one));
		assert_int_equal(a.list[2].address, at(two));
		assert_int_equal(a.heap_count, 4);
		assert_int_equal(a.open_chains, 0);
		assert_int_equal(a.heaps[0].lo, at(place + 4 * step));
		assert_int_equal(a.heaps[0].hi, at(place + 4 * step) + 12288);
		assert_int_equal(a.heaps[2].lo, at(place));
		assert_int_equal(a.heaps[2].arena, 1);
		assert_int_equal(a.heaps[3].lo, at(place + step));
		assert_int_equal(a.heaps[3].arena, 2);
		arena_free(&a);
		/* A heap is on its way in: top is not there yet. All of the usual size are found. */
		bins[-2] = 0;
		assert_true(arena_find(&own, at(data), at(data + 4096), &a));
		assert_int_equal(a.open_chains, 1);
		assert_int_equal(a.heap_count, 4);
		arena_free(&a);
		/* An arena of another form is not one. */
		two[forms[i].head + 200] = 1;
		two[forms[i].head + 202] = 1;
		two[forms[i].head + 204] = 1;
		two[forms[i].head + 206] = 1;
		two[forms[i].head + 208] = 1;
		assert_false(arena_find(&own, at(data), at(data + 4096), &a));
		remote_close(&own);
	}
	munmap(place, 6 * HEAP);
}

/* --- libc's own ------------------------------------------------------------- */

static uint64_t libc_lo, libc_hi;

static int libc_see(struct dl_phdr_info *info, size_t bytes, void *unused)
{
	(void)bytes, (void)unused;
	if (!strstr(info->dlpi_name, "libc.so.6") && !strstr(info->dlpi_name, "libc-2."))
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && info->dlpi_phdr[i].p_flags & PF_W) {
			libc_lo = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			libc_hi = libc_lo + info->dlpi_phdr[i].p_memsz;
		}
	return 0;
}

static pthread_barrier_t barrier;

static void *allocate(void *unused)
{
	enum { BLOCKS = 3000 };
	static __thread void *p[BLOCKS];
	(void)unused;
	for (unsigned i = 0; i < BLOCKS; i++)
		p[i] = malloc(i * 37 % 5000);
	for (unsigned i = 0; i < BLOCKS; i += 3)
		free(p[i]);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < BLOCKS; i++)
		if (i % 3)
			free(p[i]);
	return NULL;
}

/* One element <heap nr="N"> an arena. */
static size_t count_arenas(void)
{
	char *text = NULL;
	size_t bytes, n = 0;
	FILE *f = open_memstream(&text, &bytes);
	malloc_info(0, f);
	fclose(f);
	for (const char *s = text; (s = strstr(s, "<heap nr=")); s++)
		n++;
	free(text);
	return n;
}

static void finds_the_arenas_of_libc(void **unused)
{
	(void)unused;
	pthread_t t[3];
	struct remote own;
	struct tide_error e;
	struct arenas a;
	uint64_t size;
	dl_iterate_phdr(libc_see, NULL);
	assert_true(libc_lo < libc_hi);
	pthread_barrier_init(&barrier, NULL, 4);
	mallopt(M_ARENA_MAX, 8);
	for (unsigned i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, allocate, NULL);
	pthread_barrier_wait(&barrier);
	size_t expected = count_arenas();
	assert_true(expected >= 4);
	assert_int_equal(remote_open(&own, getpid(), &e), 0);
	assert_true(arena_find(&own, libc_lo, libc_hi, &a));
	assert_int_equal(a.count, expected);
	assert_true(a.heap_count >= expected - 1);
	assert_int_equal(a.open_chains, 0);
	/* The last chunk of each ends with a page. */
	for (size_t i = 0; i < a.count; i++) {
		assert_true(remote_word(&own, a.list[i].top + 8, &size));
		assert_int_equal((a.list[i].top + (size & ~7ull)) % 4096, 0);
	}
	assert_true(a.list[0].top < at(sbrk(0)) && a.list[0].top > at(sbrk(0)) - (64 << 20));
	for (size_t i = 0; i < a.heap_count; i++)
		assert_true(a.heaps[i].arena > 0 && a.heaps[i].arena < a.count);
	arena_free(&a);
	remote_close(&own);
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

static int open_self(void **unused)
{
	struct tide_error e;
	(void)unused;
	return remote_open(&memory, getpid(), &e);
}

static int close_self(void **unused)
{
	(void)unused;
	remote_close(&memory);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_form),
		cmocka_unit_test(bins_may_be_full_or_changing),
		cmocka_unit_test(rejects_what_is_none),
		cmocka_unit_test(follows_the_ring),
		cmocka_unit_test(finds_the_arenas_of_libc),
	};
	return cmocka_run_group_tests(tests, open_self, close_self);
}
