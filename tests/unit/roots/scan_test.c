/* Words to references: the directory of blocks, the heap's edges, ranges. The
 * process that is read is this one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/roots/scan.h"

#define BLOCKS 3000u

static struct remote self;

static int open_self(void **state)
{
	struct tide_error e;

	(void)state;
	return remote_open(&self, getpid(), &e);
}

static int close_self(void **state)
{
	(void)state;
	remote_close(&self);
	return 0;
}

static uint64_t address_of(const void *p) { return (uint64_t)(uintptr_t)p; }

/* Blocks of 0..511 bytes with gaps, one that spans several directory leaves. */
static struct tide_block *blocks_at(uint64_t base, uint64_t *count)
{
	struct tide_block *b = calloc(BLOCKS + 2, sizeof *b);
	uint64_t at = base;

	for (unsigned i = 0; i < BLOCKS; i++) {
		b[i].address = at;
		b[i].bytes = (i * 37) % 512;
		at += (b[i].bytes + 16 + (i % 5) * 16) & ~15ull;
	}
	b[BLOCKS] = (struct tide_block){ .address = (at + 4096) & ~15ull, .bytes = 50 << 20 };
	b[BLOCKS + 1] = (struct tide_block){ .address = b[BLOCKS].address + (50 << 20) + 64, .bytes = 8 };
	*count = BLOCKS + 2;
	return b;
}

static uint32_t slow_find(const struct tide_block *b, uint64_t n, uint64_t address)
{
	for (uint64_t i = 0; i < n; i++)
		if (address >= b[i].address && address < b[i].address + (b[i].bytes ? b[i].bytes : 1))
			return (uint32_t)i;
	return SCAN_NONE;
}

static void finds_what_a_search_finds(void **state)
{
	struct scan s;
	uint64_t n, r = 88172645463325252ull;
	struct tide_block *b = blocks_at(0x7f1234561230ull, &n);

	(void)state;
	scan_begin(&s, b, n);
	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(scan_block(&s, b[i].address), i);
		assert_int_equal(scan_block(&s, b[i].address - 1), slow_find(b, n, b[i].address - 1));
		assert_int_equal(scan_block(&s, b[i].address + b[i].bytes),
			slow_find(b, n, b[i].address + b[i].bytes));
		assert_int_equal(scan_first(&s, b[i].address), i);
	}
	for (int i = 0; i < 20000; i++) {
		uint64_t address;

		r ^= r << 13, r ^= r >> 7, r ^= r << 17;
		address = b[0].address - 8192 + r % (64 << 20);
		assert_int_equal(scan_block(&s, address), slow_find(b, n, address));
	}
	assert_int_equal(scan_block(&s, 0), SCAN_NONE);
	assert_int_equal(scan_block(&s, UINT64_MAX), SCAN_NONE);
	scan_end(&s);
	free(b);
}

/* Other allocators: two blocks in 16 bytes. */
static void finds_close_blocks(void **state)
{
	struct tide_block b[] = { { .address = 0x1000, .bytes = 4 }, { .address = 0x1004, .bytes = 4 },
		{ .address = 0x1008, .bytes = 3 }, { .address = 0x1010, .bytes = 1 },
		{ .address = 0x2ff8, .bytes = 16 } };
	struct scan s;

	(void)state;
	scan_begin(&s, b, 5);
	for (uint64_t a = 0xff0; a < 0x3020; a++)
		assert_int_equal(scan_block(&s, a), slow_find(b, 5, a));
	scan_end(&s);
}

static void no_blocks_at_all(void **state)
{
	struct scan_hit hit;
	struct scan s;

	(void)state;
	scan_begin(&s, NULL, 0);
	assert_false(scan_word(&s, 0x1000, &hit));
	scan_heap(&s, &self);
	assert_int_equal(s.edge_count, 0);
	assert_int_equal(s.starts[0], 0);
	scan_end(&s);
}

/* Three blocks in real memory that refer to each other. */
static void heap_becomes_edges(void **state)
{
	uint64_t *m = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct tide_block b[] = { { .address = address_of(m), .bytes = 64 },
		{ .address = address_of(m + 16), .bytes = 30 },
		{ .address = address_of(m + 512), .bytes = 4096 } };
	struct scan s;

	(void)state;
	m[0] = address_of(m + 16);                /* start */
	m[7] = address_of(m + 512) + 24;          /* interior */
	m[8] = address_of(m);                     /* behind the end of block 0: not a reference */
	m[16 + 3] = address_of(m);                /* bytes 24..31 of 30: not a whole word of the block */
	m[512 + 511] = address_of(m + 512);       /* to itself, last word */
	memcpy((char *)(m + 512) + 13, &m[0], 8); /* unaligned */
	scan_begin(&s, b, 3);
	scan_heap(&s, &self);
	assert_int_equal(s.edge_count, 3);
	assert_int_equal(s.starts[1], 2);
	assert_int_equal(s.starts[2], 2);
	assert_int_equal(s.starts[3], 3);
	assert_int_equal(s.edges[0].block, 1);
	assert_int_equal(s.edges[0].flags, 0);
	assert_int_equal(s.edges[1].block, 2);
	assert_int_equal(s.edges[1].offset, 56);
	assert_int_equal(s.edges[1].to_offset, 24);
	assert_int_equal(s.edges[1].flags, EDGE_INTERIOR);
	assert_int_equal(s.edges[2].offset, 4088);
	scan_end(&s);

	scan_begin(&s, b, 3);
	s.unaligned = true;
	scan_heap(&s, &self);
	assert_int_equal(s.edge_count, 4);
	assert_int_equal(s.edges[2].offset, 13);
	assert_true(s.edges[2].flags & EDGE_UNALIGNED);
	scan_end(&s);

	m[0] |= 0xabull << 56;
	scan_begin(&s, b, 3);
	scan_heap(&s, &self);
	assert_int_equal(s.edge_count, 2);
	scan_end(&s);
	scan_begin(&s, b, 3);
	s.mask = 0xffull << 56;
	scan_heap(&s, &self);
	assert_int_equal(s.edge_count, 3);
	assert_int_equal(s.edges[0].flags, EDGE_MASKED);
	scan_end(&s);
	munmap(m, 1 << 16);
}

/* Sizes around what is read at one time, with pages never touched and a hole. */
static void large_blocks(void **state)
{
	size_t bytes = 40 << 20;
	char *m =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct tide_block b[] = { { .address = address_of(m), .bytes = (5 << 20) + 8 },
		{ .address = address_of(m) + (6 << 20), .bytes = 1000 },
		{ .address = address_of(m) + (7 << 20), .bytes = 32 << 20 } };
	struct scan s;

	(void)state;
	*(uint64_t *)(m + (5 << 20)) = b[1].address;     /* last word, behind a whole window */
	*(uint64_t *)(m + (4 << 20) - 8) = b[2].address; /* last word of a window */
	*(uint64_t *)(m + (6 << 20) + 992) = b[0].address + 9;
	*(uint64_t *)(m + (30 << 20)) = b[1].address + 8;
	munmap(m + (20 << 20), 1 << 20);
	close_self(NULL); /* what is mapped is read when it is opened */
	assert_int_equal(open_self(NULL), 0);
	scan_begin(&s, b, 3);
	scan_heap(&s, &self);
	assert_int_equal(s.edge_count, 4);
	assert_int_equal(s.starts[1], 2);
	assert_int_equal(s.edges[0].offset, (4 << 20) - 8);
	assert_int_equal(s.edges[1].offset, 5 << 20);
	assert_int_equal(s.edges[2].to_offset, 9);
	assert_int_equal(s.edges[3].offset, 23 << 20);
	scan_end(&s);
	munmap(m, bytes);
}

static void count_hit(void *context, uint64_t address, const struct scan_hit *hit)
{
	uint64_t *sum = context;

	sum[0]++;
	sum[1] = address;
	sum[2] = hit->to_offset;
}

static void ranges_are_clipped(void **state)
{
	uint64_t words[8] = { 0 }, sum[3] = { 0 };
	struct tide_block b = { .address = 0x5550000, .bytes = 100 };
	struct scan s;

	(void)state;
	words[2] = 0x5550000 + 99;
	words[5] = 0x5550000 + 100;
	scan_begin(&s, &b, 1);
	scan_range(&s, &self, address_of(words), address_of(words + 8), count_hit, sum);
	assert_int_equal(sum[0], 1);
	assert_int_equal(sum[1], address_of(words + 2));
	assert_int_equal(sum[2], 99);
	scan_range(&s, &self, address_of(words + 3), address_of(words + 8), count_hit, sum);
	scan_range(&s, &self, address_of(words), address_of(words + 2) + 7, count_hit, sum);
	assert_int_equal(sum[0], 1);
	scan_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_a_search_finds),
		cmocka_unit_test(finds_close_blocks),
		cmocka_unit_test(no_blocks_at_all),
		cmocka_unit_test(heap_becomes_edges),
		cmocka_unit_test(large_blocks),
		cmocka_unit_test(ranges_are_clipped),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
