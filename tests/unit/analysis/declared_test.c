/* declared_test.c - words of blocks that count references: what the collector notes of them, as it
 * lands in a file (count_notes.h), and what is made of it (declared.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "tests/lib/graph_make.h"
#include "report/roots/count_notes.h"
#include "report/analysis/declared.h"
#include "tests/lib/snapshot_make.h"

#define WORDS 16

/* Blocks, what they begin with, and the file through which the notes go. */
struct heap {
	struct graph_make y;
	uint32_t (*word)[WORDS];
	struct snapshot written, s;
	struct leaks leaks;
	struct declared found;
	struct symbols *symbols;
	char path[32];
};

static void heap_new(struct heap *h, uint32_t blocks, uint32_t sites)
{
	memset(h, 0, sizeof(*h));
	graph_make_new(&h->y, blocks, 1, sites);
	h->word = alloc_zeroed(blocks, sizeof(*h->word));
	for (uint32_t i = 0; i < blocks; i++) {
		h->y.blocks[i].bytes = 64;
		for (int k = 0; k < WORDS; k++)
			h->word[i][k] = 0x10000000; /* like half a pointer: no count */
	}
}

static void heap_find(struct heap *h, int64_t at)
{
	struct tide_error e = { 0 };
	struct count_notes *n = count_notes_new(h->y.blocks, h->y.block_count);
	struct snapshot_writer *w = snapshot_make();
	int fd;

	for (uint32_t i = 0; i < h->y.block_count; i++)
		count_note(n, i, (const char *)h->word[i], sizeof(h->word[i]));
	count_notes_write(n, w);
	count_notes_free(n);
	strcpy(h->path, "/tmp/declared.XXXXXX");
	fd = mkstemp(h->path);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(snapshot_writer_finish(w, h->path, &e), 0);
	snapshot_writer_free(w);
	assert_int_equal(snapshot_open(h->path, &h->written, &e), 0);
	h->s = graph_make_snapshot(&h->y);
	h->s.counts = h->written.counts;
	h->s.count_count = h->written.count_count;
	h->s.count_values = h->written.count_values;
	h->s.count_value_count = h->written.count_value_count;
	h->symbols = symbols_new(&h->s);
	assert_int_equal(
		leaks_classify(&h->s, &(struct leaks_options){ .symbols = h->symbols }, &h->leaks, &e), 0);
	declared_find(&h->found, &h->s, &h->leaks, h->symbols, at);
}

static void heap_free(struct heap *h)
{
	declared_free(&h->found);
	leaks_free(&h->leaks);
	symbols_free(h->symbols);
	snapshot_close(&h->written);
	unlink(h->path);
	graph_make_free(&h->y);
	free(h->word);
}

/* References to each block from root 0; as many as the block says, at `slot`, but for the last `lost`. */
static void counted(struct heap *h, uint32_t lost, unsigned slot)
{
	for (uint32_t i = 0; i < h->y.block_count; i++) {
		uint32_t says = 1 + i % 3;

		h->word[i][slot] = says;
		for (uint32_t k = 0; k < says && i < h->y.block_count - lost; k++)
			graph_make_root(&h->y, 0, i, 0, 0);
	}
}

static void test_found(void **unused)
{
	struct heap h;

	(void)unused;
	heap_new(&h, 40, 1);
	counted(&h, 4, 3);
	heap_find(&h, -1);
	assert_int_equal(h.found.count, 1);
	assert_int_equal(h.found.site[0].site, 1);
	assert_int_equal(h.found.site[0].offset, 12);
	assert_int_equal(h.found.site[0].live, 36);
	assert_int_equal(h.found.site[0].agree, 36);
	assert_int_equal(h.found.site[0].lost, 4);
	assert_int_equal(h.found.site[0].exceed, 4);
	/* The last four are blocks 36 to 39: they say 1, 2, 3, 1. */
	assert_int_equal(h.found.site[0].excess, 7);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(h.found.value[i], 1 + i % 3);
	heap_free(&h);
}

static void test_constant_says_nothing(void **unused)
{
	struct heap h;

	(void)unused;
	heap_new(&h, 20, 1);
	for (uint32_t i = 0; i < 20; i++) {
		h.word[i][2] = 1;
		graph_make_root(&h.y, 0, i, 0, 0);
	}
	heap_find(&h, -1);
	assert_int_equal(h.found.count, 0);
	assert_int_equal(h.found.value[3], -1);
	heap_free(&h);
}

static void test_nine_in_ten(void **unused)
{
	struct heap h;

	(void)unused;
	for (uint32_t wrong = 1; wrong <= 3; wrong++) {
		heap_new(&h, 20, 1);
		counted(&h, 0, 0);
		for (uint32_t i = 0; i < wrong; i++)
			h.word[i * 5][0] = 9;
		heap_find(&h, -1);
		assert_int_equal(h.found.count, wrong <= 2);
		heap_free(&h);
	}
}

static void test_named_offset(void **unused)
{
	struct heap h;

	(void)unused;
	heap_new(&h, 10, 1);
	for (uint32_t i = 0; i < 10; i++) {
		h.word[i][2] = 2;
		h.word[i][5] = 7;
		graph_make_root(&h.y, 0, i, 0, 0);
	}
	heap_find(&h, 8);
	assert_int_equal(h.found.count, 1);
	assert_int_equal(h.found.site[0].offset, 8);
	assert_int_equal(h.found.site[0].agree, 0);
	assert_int_equal(h.found.value[9], 2);
	heap_free(&h);
}

/* Sixteen blocks choose the columns; what comes later is noted in these only. Two sites do not mix,
 * values above 253 are "more", and a block too short has none. */
static void test_notes(void **unused)
{
	struct heap h;

	(void)unused;
	heap_new(&h, 100, 2);
	for (uint32_t i = 0; i < 100; i++)
		h.word[i][i % 2 ? 4 : 6] = 1 + i / 2 % 5;
	h.word[98][6] = 300;
	heap_find(&h, -1);
	assert_int_equal(h.written.count_count, 2);
	for (size_t c = 0; c < 2; c++) {
		const struct tide_count *n = &h.written.counts[c];

		assert_int_equal(n->site, c + 1);
		assert_int_equal(n->offset, n->site == 1 ? 24 : 16);
		assert_int_equal(n->blocks, 50);
		for (uint32_t k = 0; k < 50; k++)
			assert_int_equal(h.written.count_values[n->first + k],
				n->site == 1 && k == 49 ? 254 : 1 + k % 5);
	}
	heap_free(&h);
}

static void test_notes_of_short_blocks(void **unused)
{
	struct tide_block blocks[3] = { { .address = 16, .bytes = 4, .site = 1 },
		{ .address = 64, .bytes = 2, .site = 1 },
		{ .address = 128, .bytes = 8, .site = UINT32_MAX } };
	uint32_t one = 1;
	struct count_notes *n = count_notes_new(blocks, 3);
	struct snapshot_writer *w = snapshot_writer_new();

	(void)unused;
	count_note(n, 0, (const char *)&one, 4);
	count_note(n, 1, (const char *)&one, 2);
	count_note(n, 2, (const char *)&one, 4);
	count_note(n, 3, NULL, 0);               /* no such block */
	count_note(n, 1, (const char *)&one, 4); /* once too often */
	count_notes_write(n, w);
	count_notes_free(n);
	snapshot_writer_free(w);
}

/* A file may say anything. */
static void test_damaged(void **unused)
{
	struct heap h;
	struct tide_count bad[5] = { { 1, 8, UINT64_MAX - 2, 5 }, { 99, 8, 0, 5 }, { 1, 4000, 0, 5 },
		{ 1, 7, 0, 5 }, { 1, 8, 0, UINT64_MAX } };

	(void)unused;
	heap_new(&h, 20, 1);
	counted(&h, 2, 0);
	heap_find(&h, -1);
	declared_free(&h.found);
	h.s.counts = bad;
	h.s.count_count = 5;
	declared_find(&h.found, &h.s, &h.leaks, h.symbols, -1);
	assert_int_equal(h.found.count, 0);
	heap_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_constant_says_nothing),
		cmocka_unit_test(test_nine_in_ten),
		cmocka_unit_test(test_named_offset),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_notes_of_short_blocks),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
