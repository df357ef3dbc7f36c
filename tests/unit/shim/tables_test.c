/* The library's tables under ThreadSanitizer: several threads at once find and
 * make sites, open modules, enter blocks, count, take births and marks, come and
 * go. It is linked with the library's own sources but for the hooks, and with no
 * allocator in between: addresses of blocks are numbers. Races that are meant are
 * below, with the reason.
 *
 * Run again without address randomisation: ThreadSanitizer needs to know where
 * things are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>
#include "shim/birth.h"
#include "shim/block.h"
#include "shim/config.h"
#include "shim/count.h"
#include "shim/enter.h"
#include "shim/fork.h"
#include "shim/lock.h"
#include "shim/mapping.h"
#include "shim/memory.h"
#include "shim/module.h"
#include "shim/rule.h"
#include "shim/server.h"
#include "shim/site.h"
#include "shim/store.h"
#include "shim/table.h"
#include "shim/thread.h"
#include "shim/timeline.h"

#define THREADS 6u
#define STACKS 6000u
#define ROUNDS 20000u

/* What fork.c has in the library. */
bool fork_child(void) { return true; }
/* And walk.c: one site for all mappings. */
/* And server.c: a process without a run. */
void *server_ledger(const char *path, uint64_t bytes, uint32_t *number)
{
	(void)path, (void)bytes, (void)number;
	return NULL;
}
uint32_t walk_slow(struct thread *t, const uintptr_t *e, uint64_t domain)
{
	(void)t, (void)e, (void)domain;
	return LEDGER_SITE_FIRST;
}

/* A thread adds to its own words (credit, base, events, freed) without an atomic,
 * some of the hottest instructions there are. Others read them whole, as an aligned
 * word is on x86-64, and take an older value for what it is: the sum of all threads
 * is exact while no other is inside an event (count.h).
 * Objects are found here by the list of the loader, which writes it under a lock of
 * its own that ThreadSanitizer does not know (object.c). */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:held_back\nrace:publish_events\nrace:_dl_\nrace:ld-linux\n";
}

static uint32_t random_next(uint32_t *r) { return *r = *r * 1664525u + 1013904223u; }

static struct thread *inside(void)
{
	struct thread *t = thread_enter((uintptr_t)__builtin_frame_address(0));
	assert_true((uintptr_t)t > (uintptr_t)THREAD_NESTED);
	return t;
}

/* `n` threads do the same with their number as argument. */
static void at_once(unsigned n, void *(*work)(void *))
{
	pthread_t t[THREADS];
	for (uintptr_t i = 0; i < n; i++)
		assert_int_equal(pthread_create(&t[i], NULL, work, (void *)i), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
}

static int start(void **unused)
{
	(void)unused;
	static char *none[] = { NULL };
	config_read(none);
	state.fork_word = memory_map(4096, MEMORY_WIPE);
	*state.fork_word = 1;
	state.depth = 64;
	state.foreign = true; /* sizes are in the table, not in a chunk's header */
	if (!store_open())
		return -1;
	birth_start();
	block_start();
	if (!module_start("tables_test") || !site_start() || !table_reserve(LEDGER_SIZES, 1)
		|| !table_reserve(LEDGER_LIFETIMES, 1) || !thread_start())
		return -1;
	state.phase = PHASE_RUNNING;
	unlink(store_path());
	return 0;
}

/* --- lock ------------------------------------------------------------------ */

static struct lock lock;
static uint64_t guarded;

static void *locker(void *unused)
{
	(void)unused;
	struct thread *t = inside();
	for (unsigned i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		guarded++;
		if (i % 1000 == 0)
			usleep(1000); /* the others sleep as well */
		lock_release(&lock);
	}
	thread_leave(t);
	return NULL;
}

static void lock_excludes(void **unused)
{
	(void)unused;
	at_once(THREADS, locker);
	assert_int_equal(guarded, THREADS * (uint64_t)ROUNDS);
	assert_int_equal(lock.word, 0);
}

static void *dies_with_it(void *unused)
{
	(void)unused;
	struct thread *t = inside();
	lock_take(&lock);
	usleep(20000);
	thread_leave(t); /* only for ThreadSanitizer, to which a thread's end says nothing */
	return NULL;
}

static void lock_outlives_its_owner(void **unused)
{
	(void)unused;
	pthread_t t;
	uint64_t before = guarded;
	assert_int_equal(pthread_create(&t, NULL, dies_with_it, NULL), 0);
	while (!__atomic_load_n(&lock.word, __ATOMIC_RELAXED))
		usleep(1000);
	at_once(THREADS, locker);
	assert_int_equal(guarded, before + THREADS * (uint64_t)ROUNDS);
	assert_int_equal(pthread_join(t, NULL), 0);
}

/* --- site ------------------------------------------------------------------- */

/* Stack `n`: its frames follow from its number, and many share their outer ones. */
static uint32_t stack_of(unsigned n, struct walk_place *f, uint64_t *hash)
{
	uintptr_t code = (uintptr_t)stack_of;
	uint32_t depth = 3 + n % 20;
	*hash = site_mix(n + 1);
	memset(f, 0, depth * sizeof *f);
	for (uint32_t i = 0; i < depth; i++)
		f[i].pc = code + (i < 2 ? i + 1 : 8 + (n >> (i % 8)) + i * 3);
	return depth;
}

static uint32_t found[THREADS][STACKS];

static void *interner(void *p)
{
	unsigned self = (unsigned)(uintptr_t)p, r = self + 1;
	struct thread *t = inside();
	struct walk_place f[24];
	struct walk_frame nodes[24];
	uint32_t last = 0;
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned n = random_next(&r) >> 8;
		n = i < STACKS ? (i + self * 7) % STACKS : n % STACKS;
		uint64_t hash;
		uint32_t depth = stack_of(n, f, &hash);
		uint32_t site = last ? site_next(last, hash) : 0;
		if (!site)
			site = site_find(hash);
		memset(nodes, 0, depth * sizeof nodes[0]);
		if (!site)
			site = site_add(hash, f, nodes, depth, 0, true);
		assert_true(site >= LEDGER_SITE_FIRST);
		assert_true(!found[self][n] || found[self][n] == site);
		found[self][n] = last = site;
	}
	thread_leave(t);
	return NULL;
}

static void sites_are_the_same_for_all(void **unused)
{
	(void)unused;
	at_once(THREADS, interner);
	const struct ledger_site *s = ledger_at(LEDGER_SITES);
	const struct ledger_node *node = ledger_at(LEDGER_NODES);
	for (unsigned n = 0; n < STACKS; n++) {
		struct walk_place f[24];
		uint64_t hash;
		uint32_t depth = stack_of(n, f, &hash), site = found[0][n];
		for (unsigned i = 1; i < THREADS; i++)
			assert_true(found[i][n] == site);
		assert_int_equal(s[site].depth, depth);
		uint32_t at = s[site].node;
		for (uint32_t i = depth; i-- > 0; at = node[at].parent)
			assert_true(at && node[at].address == f[i].pc);
		assert_int_equal(at, 0);
	}
}

/* --- module ----------------------------------------------------------------- */

static void *opener(void *p)
{
	unsigned self = (unsigned)(uintptr_t)p;
	static const char *const name[] = { "libz.so.1", "libzstd.so.1", "libxxhash.so.0" };
	static const char *const symbol[] = { "zlibVersion", "ZSTD_versionNumber", "XXH_versionNumber" };
	for (unsigned i = 0; i < 60; i++) {
		void *h = dlopen(name[self % 3], RTLD_NOW | RTLD_LOCAL);
		uintptr_t code = h ? (uintptr_t)dlsym(h, symbol[self % 3]) : (uintptr_t)opener;
		struct thread *t = inside();
		struct walk_place f[2] = { { .pc = (uintptr_t)opener + 1 }, { .pc = code + 1 } };
		struct walk_frame nodes[2] = { { 0 } };
		uint64_t hash = site_mix(0x100000 + self * 1000 + i);
		assert_true(site_add(hash, f, nodes, 2, 0, true) >= LEDGER_SITE_FIRST);
		thread_leave(t);
		if (h)
			dlclose(h);
		t = inside();
		rule_forget_closed();
		thread_leave(t);
	}
	return NULL;
}

static void modules_come_and_go(void **unused)
{
	(void)unused;
	at_once(THREADS, opener);
	assert_true(state.ledger->table[LEDGER_MODULES].count > 1);
}

/* --- block, count, birth ------------------------------------------------------- */

#define HEAP 0x100000000000ull

/* Neighbours in memory belong to different threads, two share a granule, some
 * are unaligned, and some lie where no leaf is yet. */
static uintptr_t address_of(unsigned self, unsigned i)
{
	uintptr_t p = HEAP + ((uintptr_t)i * THREADS + self) * 16;
	return i % 97 == 0 ? p + 8 : i % 31 == 0 ? p + ((uintptr_t)(i % 5) << 23) + (1ull << 40) : p;
}

static int64_t made[THREADS], gone[THREADS];

static void *allocator(void *p)
{
	unsigned self = (unsigned)(uintptr_t)p, r = self + 99;
	static _Thread_local uint8_t live[4096];
	memset(live, 0, sizeof live);
	for (unsigned i = 0; i < ROUNDS * 2; i++) {
		struct thread *t = inside();
		unsigned n = random_next(&r) >> 9 & 4095;
		uintptr_t at = address_of(self, n);
		uint64_t size = 16 + n % 5000, had = 0;
		if (!live[n]) {
			uint32_t site = LEDGER_SITE_FIRST + n % 1000;
			uint64_t slot = site | t->slot_bits
				| (uint64_t)birth_at(__rdtsc()) << SLOT_BIRTH_SHIFT
				| 1ull << SLOT_TIMED_SHIFT,
				 before = 0;
			assert_true(!block_put(at, size, slot, &before));
			count_made(t, count_of(t, site), size);
			made[self] += (int64_t)size;
		} else {
			uint64_t slot = block_take(at, &had);
			assert_int_equal(slot_site(slot), LEDGER_SITE_FIRST + n % 1000);
			assert_int_equal(had, size);
			struct ledger_counter *c = count_of(t, slot_site(slot));
			count_freed(t, c, had);
			timeline_tick(t, count_lifetime(t, c, at, slot));
			gone[self] += (int64_t)size;
		}
		live[n] ^= 1;
		if (i % 5000 == 0)
			timeline_mark("hammer", LEDGER_MARK_USER);
		if (i % 1000 == 0) {
			timeline_tick(t, __rdtsc());
			count_live_now();
		}
		thread_leave(t);
	}
	return NULL;
}

/* Blocks and bytes at [lo, hi). */
struct sum {
	uintptr_t lo, hi;
	uint64_t blocks, bytes;
};

static void add_block(void *sum, const struct block_seen *b)
{
	struct sum *s = sum;
	if (b->address < s->lo || b->address >= s->hi)
		return;
	s->blocks++;
	s->bytes += b->size;
}

/* Live bytes of all sites. */
static int64_t all_counters(void)
{
	const struct ledger_counter *c = ledger_at(LEDGER_COUNTERS);
	int64_t sum = 0;
	for (uint64_t i = 0; i < state.ledger->table[LEDGER_COUNTERS].count * LEDGER_PAGE_COUNTERS; i++)
		sum += c[i].live_bytes;
	return sum;
}

static void blocks_and_counters_agree(void **unused)
{
	(void)unused;
	uint64_t left = 0;
	at_once(THREADS, allocator);
	for (unsigned i = 0; i < THREADS; i++)
		left += (uint64_t)(made[i] - gone[i]);
	struct sum all = { .hi = UINTPTR_MAX };
	block_each(add_block, &all);
	assert_int_equal(all.bytes, left);
	struct thread *t = inside();
	assert_int_equal(count_live_now().bytes, left);
	thread_leave(t);
	assert_int_equal(all_counters(), left);
	assert_true(state.ledger->missed[MISSED_BLOCKS] == 0);
}

/* A live block has a birth number (BM2). */
#define NEWBORN (LEDGER_SITE_FIRST | (uint64_t)1 << SLOT_BIRTH_SHIFT)
#define STEADY (HEAP + (1ull << 44))
#define STEADY_BLOCKS 5000u

#define CHURN (HEAP + (1ull << 43))

/* Makes and frees blocks, of which enough are unaligned for the spill table to grow. */
static void *churner(void *p)
{
	const uintptr_t first = CHURN + ((uintptr_t)p << 30);
	for (unsigned round = 0; round < 10; round++) {
		struct thread *t = inside();
		uint64_t old;
		for (uintptr_t i = 0; i < STEADY_BLOCKS; i++)
			assert_true(!block_put(first + i * 24, 100, NEWBORN | t->slot_bits, &old));
		for (uintptr_t i = 0; i < STEADY_BLOCKS; i++)
			assert_true(block_take(first + i * 24, &old));
		thread_leave(t);
	}
	return NULL;
}

/* Some threads visit all blocks, again and again, while the others make and free theirs.
 * The blocks that stay are always seen, once. */
static void *visitor(void *p)
{
	if ((uintptr_t)p % 2)
		return churner(p);
	struct thread *t = inside();
	for (unsigned i = 0; i < 30; i++) {
		struct sum s = { .lo = STEADY, .hi = STEADY + STEADY_BLOCKS * 24 };
		block_each(add_block, &s);
		assert_int_equal(s.blocks, STEADY_BLOCKS);
		assert_int_equal(s.bytes, STEADY_BLOCKS * 7ull);
	}
	thread_leave(t);
	return NULL;
}

static void visits_are_whole(void **unused)
{
	(void)unused;
	struct thread *t = inside();
	uint64_t old;
	for (uintptr_t i = 0; i < STEADY_BLOCKS; i++) /* each second one is unaligned: spilled */
		assert_true(!block_put(STEADY + i * 24, 7, NEWBORN | t->slot_bits, &old));
	thread_leave(t);
	at_once(THREADS, visitor);
	t = inside();
	for (uintptr_t i = 0; i < STEADY_BLOCKS; i++)
		assert_int_equal(block_take(STEADY + i * 24, &old) & SLOT_SITE_MASK, LEDGER_SITE_FIRST);
	thread_leave(t);
}

/* --- mapping ------------------------------------------------------------------- */

#define PAGES 3000u
#define MAPS 30000u

/* Maps and unmaps runs of its own pages at random, and remembers who has mapped each. */
static void *mapper(void *number)
{
	const uintptr_t start = 0x10000000 + (uintptr_t)number * PAGES * 4096;
	static uint32_t owner[THREADS][PAGES];
	uint32_t *page = owner[(uintptr_t)number], random = 7 + (uint32_t)(uintptr_t)number;
	struct thread *t = inside();
	for (unsigned i = 1; i <= MAPS; i++) {
		uint32_t from = (random_next(&random) >> 8) % PAGES,
			 many = 1 + (random_next(&random) >> 8) % 20;
		many = from + many > PAGES ? PAGES - from : many;
		bool maps = random_next(&random) >> 31;
		uintptr_t at = start + from * 4096ul;
		if (maps) /* 17 bits of flags and protection: the number of the mapping */
			mapping_made(t, at, many * 4096ul - 5, (int)(i >> 15), (int)(i & 32767), NULL);
		else
			mapping_gone(t, at, many * 4096ul);
		for (uint32_t k = from; k < from + many; k++)
			page[k] = maps ? i : 0;
	}
	thread_leave(t);
	return page;
}

static void mappings_checked(int64_t before)
{
	static uint32_t seen[THREADS * PAGES];
	memset(seen, 0, sizeof seen);
	const struct ledger_mapping *m = ledger_at(LEDGER_MAPPINGS);
	uint32_t *owner[THREADS];
	uint64_t bytes = 0;
	pthread_t t[THREADS];
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, mapper, (void *)i), 0);
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(t[i], (void **)&owner[i]), 0);
	uint64_t count = state.ledger->table[LEDGER_MAPPINGS].count;
	assert_true(count < THREADS * PAGES); /* unused entries serve again */
	for (uint64_t i = 0; i < count; i++)
		for (uint64_t k = 0; k < m[i].bytes / 4096; k++) {
			uint32_t *page = &seen[(m[i].address - 0x10000000) / 4096 + k];
			assert_int_equal(*page, 0);
			*page = (m[i].flags & 0xffff) | (m[i].flags >> 16) << 15;
			bytes += 4096;
		}
	for (unsigned i = 0; i < THREADS; i++)
		assert_memory_equal(owner[i], seen + i * PAGES, PAGES * sizeof seen[0]);
	assert_int_equal(all_counters() - before, bytes);
}

static void mappings_are_those_of_the_pages(void **unused)
{
	(void)unused;
	int64_t before = all_counters();
	mappings_checked(before);
	/* A forked child finds the parent's list as it is then, in another order. */
	struct ledger_mapping *m = ledger_at(LEDGER_MAPPINGS);
	uint64_t count = state.ledger->table[LEDGER_MAPPINGS].count;
	for (uint64_t i = 0; i < count / 2; i++) {
		struct ledger_mapping other = m[i];
		m[i] = m[count - 1 - i];
		m[count - 1 - i] = other;
	}
	mapping_after_fork();
	mappings_checked(before);
}

/* --- thread, memory ------------------------------------------------------------ */

static void *passing(void *unused)
{
	(void)unused;
	struct thread *t = inside();
	struct ledger_counter *c = count_of(t, LEDGER_SITE_FIRST);
	count_made(t, c, 100);
	void *m = memory_map(8192, 0);
	assert_non_null(m);
	thread_leave(t);
	t = inside();
	count_freed(t, count_of(t, LEDGER_SITE_FIRST), 100);
	memory_unmap(m, 8192);
	thread_leave(t);
	return NULL;
}

static void threads_come_and_go(void **unused)
{
	(void)unused;
	struct thread *t = inside();
	int64_t before = count_live_now().bytes;
	thread_leave(t);
	for (unsigned i = 0; i < 80; i++)
		at_once(THREADS, passing);
	t = inside();
	assert_int_equal(count_live_now().bytes, before);
	thread_leave(t);
}

int main(int argc, char **argv)
{
	(void)argc;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lock_excludes),
		cmocka_unit_test(lock_outlives_its_owner),
		cmocka_unit_test(sites_are_the_same_for_all),
		cmocka_unit_test(modules_come_and_go),
		cmocka_unit_test(blocks_and_counters_agree),
		cmocka_unit_test(visits_are_whole),
		cmocka_unit_test(mappings_are_those_of_the_pages),
		cmocka_unit_test(threads_come_and_go),
	};
	int now = personality(0xffffffff);
	if (now != -1 && !(now & ADDR_NO_RANDOMIZE) && !getenv("TABLES_TEST_AGAIN")) {
		personality((unsigned long)now | ADDR_NO_RANDOMIZE);
		setenv("TABLES_TEST_AGAIN", "1", 1);
		execv("/proc/self/exe", argv);
	}
	return cmocka_run_group_tests(tests, start, NULL);
}
