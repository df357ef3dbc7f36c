/* A child process allocates and frees, and writes down what it holds; the walk of its heap finds
 * these blocks, no others, and is sure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "heap/heap.h"

#define KEPT_MOST 40000u
#define THREADS_MOST 16u

static struct shared {
	volatile int step; /* 1: before, 2: done */
	volatile int go;
	uint64_t pointers[THREADS_MOST];
	volatile uint32_t threads, kept, freed;
	struct {
		uint64_t address, bytes;
	} keep[KEPT_MOST];
	uint64_t gone[KEPT_MOST];
} * shared;

static pid_t child;
static struct heap before, after;

/* --- in the child ------------------------------------------------------------------- */

static void *keep(void *p)
{
	uint32_t i = __atomic_fetch_add(&shared->kept, 1, __ATOMIC_RELAXED);

	shared->keep[i].address = (uint64_t)(uintptr_t)p;
	shared->keep[i].bytes = malloc_usable_size(p);
	return p;
}

static void drop(void *p)
{
	shared->gone[__atomic_fetch_add(&shared->freed, 1, __ATOMIC_RELAXED)] = (uint64_t)(uintptr_t)p;
	free(p);
}

static void thread_known(void)
{
	shared->pointers[__atomic_fetch_add(&shared->threads, 1, __ATOMIC_RELAXED)] =
		(uint64_t)(uintptr_t)pthread_self();
}

static void wait_for_end(void)
{
	for (;;)
		pause();
}

static unsigned next_number(unsigned *seed) { return *seed = *seed * 1103515245u + 12345u; }

/* Blocks of all sizes below `most`; of each three one stays. All are freed before any is made again:
 * what is dropped is not held. */
static void churn(unsigned seed, unsigned count, unsigned most)
{
	void **list = alloca(count * sizeof(*list));

	for (unsigned i = 0; i < count; i++)
		list[i] = malloc(next_number(&seed) / 65536u % most);
	for (unsigned i = 0; i < count; i++)
		if (i % 3)
			drop(list[i]);
		else
			keep(list[i]);
}

static void small_blocks(void) { churn(1, 9000, 300); }
static void blocks_of_all_sizes(void) { churn(2, 3000, 20000); }

static void large_blocks(void)
{
	for (unsigned i = 0; i < 12; i++)
		keep(malloc((256u << 10) + 1000u * i));
	for (unsigned i = 0; i < 6; i++)
		keep(realloc(malloc(300u << 10), (1u << 20) + 5000u * i));
	drop(malloc(600u << 10)); /* moves the threshold */
	keep(malloc(500u << 10));
	keep(malloc(40u << 20));
	keep(malloc(40u << 20));
}

/* mremap moves or resizes their mappings: libc counts bytes of glibc 2.43 that are not there. */
static void large_blocks_that_grow(void)
{
	void *volatile p = malloc(300u << 10), *volatile gone = malloc(400u << 10);

	for (unsigned i = 1; i < 300; i++) {
		p = realloc(p, (300u << 10) + 20000u * i);
		gone = realloc(gone, (400u << 10) + 5000u * i);
	}
	keep(p);
	drop(gone);
}

static void aligned_blocks(void)
{
	for (unsigned bits = 4; bits <= 21; bits++) {
		keep(aligned_alloc(1u << bits, 1u << bits));
		keep(aligned_alloc(1u << bits, 3u << 20));
		keep(aligned_alloc(1u << bits, 96));
		drop(aligned_alloc(1u << bits, 200));
	}
}

static void *thread_stays(void *seed)
{
	thread_known();
	churn((unsigned)(uintptr_t)seed, 1500, 3000);
	__atomic_fetch_add(&shared->go, 1, __ATOMIC_RELEASE);
	wait_for_end();
	return NULL;
}

static void *thread_ends(void *seed)
{
	churn((unsigned)(uintptr_t)seed, 800, 3000);
	return NULL;
}

static void threads_that_stay_and_end(void)
{
	pthread_t t;

	for (uintptr_t i = 0; i < 5; i++) {
		pthread_create(&t, NULL, thread_ends, (void *)(i + 20));
		pthread_join(t, NULL);
		pthread_create(&t, NULL, thread_stays, (void *)(i + 30));
		while (__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE) <= (int)i)
			usleep(500);
	}
	churn(40, 1500, 3000);
}

/* A heap of an arena holds 64 MiB: the thread needs several, and gives some back. */
static void *thread_of_many_heaps(void *unused)
{
	void *list[1200];

	thread_known();
	for (unsigned i = 0; i < 1200; i++)
		list[i] = malloc(120000);
	for (unsigned i = 0; i < 1200; i++)
		if (i < 700 && i % 5)
			keep(list[i]);
		else
			drop(list[i]);
	__atomic_fetch_add(&shared->go, 1, __ATOMIC_RELEASE);
	wait_for_end();
	return unused;
}

static void heaps_grow_and_shrink(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_of_many_heaps, NULL);
	while (!__atomic_load_n(&shared->go, __ATOMIC_ACQUIRE))
		usleep(500);
}

static void the_break_cannot_grow(void)
{
	void *end = (void *)(((uintptr_t)sbrk(0) + 4095) & ~(uintptr_t)4095);

	if (mmap(end, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)
		== MAP_FAILED)
		_exit(1);
	churn(3, 9000, 2000);
	keep(malloc(1u << 20));
	churn(4, 9000, 2000);
}

static void the_program_uses_sbrk(void)
{
	for (unsigned i = 0; i < 6; i++) {
		char *mine = sbrk(8192 + 64 * (long)i);

		memset(mine, 0x11 * (int)i, 8192);
		churn(50 + i, 600, 2000);
	}
}

static void memory_is_trimmed(void)
{
	void *list[400];

	for (unsigned i = 0; i < 400; i++)
		list[i] = malloc(100000);
	for (unsigned i = 0; i < 400; i++)
		if (i % 10)
			drop(list[i]);
		else
			keep(list[i]);
	malloc_trim(0);
}

/* A block of exactly so many usable bytes: malloc gives more where the rest would be too small for a chunk. */
static uint64_t *make_exact(size_t bytes)
{
	void *p;

	while (malloc_usable_size(p = malloc(bytes)) != bytes)
		keep(p);
	return p;
}

/* Caches as other versions of glibc have them, of blocks of this one. */
static void cache_make(bool bytes, unsigned bins, unsigned left)
{
	uint64_t words[16], *cache = calloc(1, bins * (bytes ? 9u : 10u));
	uint64_t *heads = (uint64_t *)((char *)cache + bins * (bytes ? 1 : 2));

	for (unsigned i = 0; i < bins; i++) {
		unsigned n = i % 7 == 1 && i < 64 ? i / 7 % 5 + 1 : 0;

		for (unsigned k = 0; k < n; k++) {
			uint64_t *p = make_exact(24 + 16u * i), link = heads[i];

			shared->gone[shared->freed++] = (uint64_t)(uintptr_t)p;
			words[k] = (uint64_t)(uintptr_t)p;
			p[0] = bytes ? link : (uint64_t)(uintptr_t)p >> 12 ^ link;
			heads[i] = (uint64_t)(uintptr_t)p;
		}
		if (bytes)
			((uint8_t *)cache)[i] = (uint8_t)n;
		else
			((uint16_t *)cache)[i] = (uint16_t)(left ? left - n : n);
	}
	/* The cache itself is not a block either. */
	shared->gone[shared->freed++] = (uint64_t)(uintptr_t)cache;
	memset(words, 0, sizeof(words));
}

static void caches_of_other_versions(void)
{
	cache_make(true, 64, 0);   /* 2.26 to 2.29 */
	cache_make(false, 64, 0);  /* 2.30 to 2.41 */
	cache_make(false, 76, 16); /* from 2.42 on */
}

/* What only looks like a cache stays a block, with all that it points to. */
static void blocks_like_caches(void)
{
	uint64_t *cache = keep(calloc(1, 640));

	((uint16_t *)cache)[3] = 1;
	cache[16 + 3] = (uint64_t)(uintptr_t)keep(malloc(200)); /* bin 3 is for chunks of 80 bytes */
	cache = keep(calloc(1, 640));
	((uint16_t *)cache)[3] = 5;
	cache[16 + 3] = (uint64_t)(uintptr_t)keep(calloc(1, 72)); /* one, not five */
	keep(calloc(1, 640));
}

static void nothing(void) {}

/* --- in the test ----------------------------------------------------------------------- */

static void walk(struct heap *h)
{
	struct tide_error e = { 0 };
	struct remote m;

	assert_int_equal(remote_open(&m, child, &e), 0);
	assert_true(heap_walk(h, &m, shared->pointers, shared->threads));
	remote_close(&m);
}

static void wait_step(int step)
{
	for (int i = 0; i < 60000 && shared->step < step; i++) {
		assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
		usleep(1000);
	}
	assert_int_equal(shared->step, step);
}

static void run(void (*work)(void))
{
	memset(shared, 0, sizeof(*shared));
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		thread_known();
		free(malloc(50));
		shared->step = 1;
		while (!shared->go)
			usleep(500);
		shared->go = 0;
		work();
		shared->step = 2;
		wait_for_end();
	}
	wait_step(1);
	walk(&before);
	shared->go = 1;
	wait_step(2);
	walk(&after);
}

static void end(void)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	heap_end(&before);
	heap_end(&after);
}

static const struct tide_block *find(const struct heap *h, uint64_t address)
{
	for (uint64_t lo = 0, hi = h->count; lo < hi;) {
		uint64_t middle = (lo + hi) / 2;

		if (h->blocks[middle].address == address)
			return &h->blocks[middle];
		if (h->blocks[middle].address < address)
			lo = middle + 1;
		else
			hi = middle;
	}
	return NULL;
}

static bool is_kept(uint64_t address)
{
	for (uint32_t i = 0; i < shared->kept; i++)
		if (shared->keep[i].address == address)
			return true;
	return false;
}

/* `more`: blocks that libc may have made on the way (thread vectors). */
static void judge(unsigned more)
{
	unsigned strangers = 0;

	if (after.unsure)
		print_error("%s\n", after.doubts);
	assert_int_equal(before.unsure, 0);
	assert_int_equal(after.unsure, 0);
	for (uint64_t i = 1; i < after.count; i++)
		assert_true(
			after.blocks[i - 1].address + after.blocks[i - 1].bytes < after.blocks[i].address);
	for (uint32_t i = 0; i < shared->kept; i++) {
		const struct tide_block *b = find(&after, shared->keep[i].address);

		assert_non_null(b);
		assert_int_equal(b->bytes, shared->keep[i].bytes);
	}
	for (uint32_t i = 0; i < shared->freed; i++)
		if (!is_kept(shared->gone[i]))
			assert_null(find(&after, shared->gone[i]));
	for (uint64_t i = 0; i < after.count; i++)
		strangers += !find(&before, after.blocks[i].address) && !is_kept(after.blocks[i].address);
	assert_true(strangers <= more);
}

#define SCENE(work, more)                                                                                    \
	static void finds_##work(void **unused)                                                              \
	{                                                                                                    \
		(void)unused;                                                                                \
		run(work);                                                                                   \
		judge(more);                                                                                 \
		end();                                                                                       \
	}

SCENE(nothing, 0)
SCENE(small_blocks, 0)
SCENE(blocks_of_all_sizes, 0)
SCENE(large_blocks, 0)
SCENE(large_blocks_that_grow, 0)
SCENE(aligned_blocks, 0)
SCENE(threads_that_stay_and_end, 6)
SCENE(heaps_grow_and_shrink, 1)
SCENE(the_break_cannot_grow, 0)
SCENE(the_program_uses_sbrk, 0)
SCENE(memory_is_trimmed, 0)
SCENE(caches_of_other_versions, 0)
SCENE(blocks_like_caches, 0)

static void counts_what_it_found(void **unused)
{
	uint64_t fast = 0, cached = 0;

	(void)unused;
	run(threads_that_stay_and_end);
	assert_string_equal(after.allocator, before.allocator);
	assert_int_equal(strncmp(after.allocator, "glibc 2.", 8), 0);
	assert_true(after.arenas.count >= 2 && after.arenas.count <= 64);
	assert_int_equal(after.caches, 6);
	for (uint64_t i = 0; i < after.free_count; i++) {
		fast += after.free_chunks[i].kind == HEAP_FREE_FAST;
		cached += after.free_chunks[i].kind == HEAP_FREE_CACHE;
	}
	assert_int_equal(fast, after.cached_fast);
	assert_int_equal(cached, after.cached_tcache);
	assert_true(cached);
	/* glibc 2.43 has no fast bins. */
	assert_true(fast || atoi(after.allocator + strlen("glibc 2.")) >= 43);
	for (uint64_t i = 0; i < after.thread_count; i++) {
		assert_true(after.threads[i].cache != 0);
		assert_int_not_equal(after.threads[i].arena, HEAP_NO_ARENA);
	}
	end();
}

/* Into the header of the next chunk, and of some that may follow. */
static void a_chunk_is_overwritten(void)
{
	volatile char *damaged;

	churn(60, 3000, 300);
	damaged = keep(malloc(1000));
	churn(61, 3000, 300);
	for (unsigned i = 0; i < 1100; i++)
		damaged[i] = 'x';
}

/* Blocks on both sides of what cannot be a chunk are found, and the doubt is said. */
static void says_what_is_damaged(void **unused)
{
	unsigned found = 0;

	(void)unused;
	run(a_chunk_is_overwritten);
	assert_true(after.unsure > 0);
	assert_true(*after.doubts != 0);
	for (uint32_t i = 0; i < shared->kept; i++)
		found += find(&after, shared->keep[i].address) != NULL;
	assert_true(found >= shared->kept - 80 && found <= shared->kept);
	for (uint64_t i = 0; i < after.count; i++)
		assert_true(find(&before, after.blocks[i].address) || is_kept(after.blocks[i].address)
			|| after.blocks[i].bytes < 1100);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing),
		cmocka_unit_test(finds_small_blocks),
		cmocka_unit_test(finds_blocks_of_all_sizes),
		cmocka_unit_test(finds_large_blocks),
		cmocka_unit_test(finds_large_blocks_that_grow),
		cmocka_unit_test(finds_aligned_blocks),
		cmocka_unit_test(finds_threads_that_stay_and_end),
		cmocka_unit_test(finds_heaps_grow_and_shrink),
		cmocka_unit_test(finds_the_break_cannot_grow),
		cmocka_unit_test(finds_the_program_uses_sbrk),
		cmocka_unit_test(finds_memory_is_trimmed),
		cmocka_unit_test(finds_caches_of_other_versions),
		cmocka_unit_test(finds_blocks_like_caches),
		cmocka_unit_test(counts_what_it_found),
		cmocka_unit_test(says_what_is_damaged),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
