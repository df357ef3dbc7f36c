/* diff: matching, sums, pairs of moved sites; random lists against a plain reference. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/analysis/diff.h"

#define ITEM(k, b, n, o)                                                                                     \
	{                                                                                                    \
		.key = (k), .bytes = (b), .blocks = (n), .origin = (o)                                       \
	}

static const struct diff_row *row_of(const struct diff *d, uint64_t key)
{
	for (size_t i = 0; i < d->count; i++)
		if (d->row[i].key == key)
			return &d->row[i];
	return NULL;
}

static void kinds(void **state)
{
	struct diff_item o[] = { ITEM(1, 100, 1, 0), ITEM(2, 100, 1, 1), ITEM(3, 100, 1, 2),
		ITEM(4, 100, 1, 3), ITEM(6, 100, 4, 4), ITEM(7, 0, 0, 5) };
	struct diff_item n[] = { ITEM(1, 100, 1, 10), ITEM(2, 150, 2, 11), ITEM(3, 50, 1, 12),
		ITEM(5, 70, 1, 13), ITEM(6, 100, 9, 14), ITEM(7, 0, 0, 15) };
	struct diff d;
	(void)state;
	diff_make(&d, o, 6, n, 6, false);
	assert_int_equal(d.count, 6);
	assert_int_equal(row_of(&d, 1)->kind, DIFF_SAME);
	assert_int_equal(row_of(&d, 2)->kind, DIFF_GROWN);
	assert_int_equal(row_of(&d, 3)->kind, DIFF_SHRUNK);
	assert_int_equal(row_of(&d, 4)->kind, DIFF_GONE);
	assert_int_equal(row_of(&d, 5)->kind, DIFF_NEW);
	assert_int_equal(row_of(&d, 6)->kind, DIFF_GROWN);
	assert_null(row_of(&d, 7));
	assert_int_equal(row_of(&d, 4)->new.origin, DIFF_NO_ORIGIN);
	assert_int_equal(row_of(&d, 5)->old.origin, DIFF_NO_ORIGIN);
	assert_int_equal(row_of(&d, 2)->old.origin, 1);
	assert_int_equal(row_of(&d, 2)->new.origin, 11);
	/* Largest absolute difference first: -100, +70, then of +50 and -50 the larger size. */
	assert_int_equal(d.row[0].key, 4);
	assert_int_equal(d.row[1].key, 5);
	assert_int_equal(d.row[2].key, 2);
	assert_int_equal(d.row[3].key, 3);
	assert_int_equal(d.row[4].key, 6);
	assert_int_equal(d.old_bytes, 500);
	assert_int_equal(d.new_bytes, 470);
	diff_free(&d);
}

static void equal_keys_are_added_up(void **state)
{
	struct diff_item o[] = { ITEM(1, 10, 1, 0), ITEM(1, 30, 1, 1), ITEM(1, 20, 1, 2) };
	struct diff_item n[] = { ITEM(1, 60, 3, 7) };
	struct diff d;
	(void)state;
	diff_make(&d, o, 3, n, 1, true);
	assert_int_equal(d.count, 1);
	assert_int_equal(d.row[0].kind, DIFF_SAME);
	assert_int_equal(d.row[0].old.bytes, 60);
	assert_int_equal(d.row[0].old.blocks, 3);
	assert_int_equal(d.row[0].old.origin, 1);
	diff_free(&d);
}

/* Numbers of a corrupt file: any sum will do, but none may overflow as signed. */
static void absurd_numbers(void **state)
{
	struct diff_item o[] = { ITEM(1, INT64_MAX, INT64_MAX, 0), ITEM(1, INT64_MAX, INT64_MAX, 1),
		ITEM(2, INT64_MAX, 1, 2) };
	struct diff_item n[] = { ITEM(1, INT64_MIN, INT64_MIN, 3), ITEM(2, INT64_MIN, 1, 4) };
	struct diff d;

	(void)state;
	diff_make(&d, o, 3, n, 2, true);
	assert_int_equal(d.count, 2);
	diff_free(&d);
}

static void moved(void **state)
{
	/* 1 -> 11 same leaf; 2 -> 12 same caller; 3 and 13 share nothing; 4 and 14 differ in size. */
	struct diff_item o[] = { { 1, 100, 2, 0xa, 0xb, 0 }, { 2, 100, 2, 0xc, 0xd, 1 },
		{ 3, 300, 3, 0x1, 0x2, 2 }, { 4, 400, 4, 0xe, 0xf, 3 }, { 5, 500, 5, 0, 0, 4 } };
	struct diff_item n[] = { { 11, 100, 2, 0xa, 0x9, 5 }, { 12, 100, 2, 0x8, 0xd, 6 },
		{ 13, 300, 3, 0x3, 0x4, 7 }, { 14, 401, 4, 0xe, 0xf, 8 }, { 15, 500, 5, 0, 0, 9 } };
	struct diff d;
	(void)state;
	diff_make(&d, o, 5, n, 5, true);
	assert_int_equal(d.of_kind[DIFF_MOVED], 2);
	assert_int_equal(d.of_kind[DIFF_NEW], 3);
	assert_int_equal(d.of_kind[DIFF_GONE], 3);
	assert_int_equal(row_of(&d, 11)->kind, DIFF_MOVED);
	assert_int_equal(row_of(&d, 11)->old.origin, 0);
	assert_int_equal(row_of(&d, 12)->old.origin, 1);
	diff_free(&d);
	diff_make(&d, o, 5, n, 5, false);
	assert_int_equal(d.of_kind[DIFF_MOVED], 0);
	assert_int_equal(d.count, 10);
	diff_free(&d);
}

static void nothing(void **state)
{
	struct diff d;
	(void)state;
	diff_make(&d, NULL, 0, NULL, 0, true);
	assert_int_equal(d.count, 0);
	diff_free(&d);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(diff_kind_name(DIFF_NEW), "new");
	assert_string_equal(diff_kind_name(DIFF_SAME), "same");
	assert_string_equal(diff_kind_name(DIFF_KINDS), "");
}

/* Whatever goes in: sums agree with the input, each row's kind with its numbers, each pair with DF3. */
static void random_lists(void **state)
{
	enum { ITEMS = 200, KEYS = 60 };
	unsigned seed = 7;
	(void)state;
	for (int round = 0; round < 200; round++) {
		struct diff_item item[2][ITEMS];
		int64_t bytes[2][KEYS] = { { 0 } }, blocks[2][KEYS] = { { 0 } }, sum[2] = { 0, 0 };
		bool pair = round & 1;
		struct diff d;

		for (int side = 0; side < 2; side++)
			for (int i = 0; i < ITEMS; i++) {
				seed = seed * 1664525u + 1013904223u;
				unsigned key = (seed >> 8) % KEYS;
				int64_t n = (seed >> 16) % 3;
				item[side][i] = (struct diff_item){ key, 8 * n, n, (seed >> 20) % 5,
					(seed >> 24) % 5, (uint32_t)i };
				bytes[side][key] += 8 * n;
				blocks[side][key] += n;
				sum[side] += 8 * n;
			}
		size_t some = ITEMS / (1 + (seed >> 28));
		for (size_t i = some; i < ITEMS; i++) {
			bytes[1][item[1][i].key] -= item[1][i].bytes;
			blocks[1][item[1][i].key] -= item[1][i].blocks;
			sum[1] -= item[1][i].bytes;
		}
		diff_make(&d, item[0], ITEMS, item[1], some, pair);
		assert_int_equal(d.old_bytes, sum[0]);
		assert_int_equal(d.new_bytes, sum[1]);
		int64_t rows[2] = { 0, 0 };
		uint64_t last = UINT64_MAX;
		for (size_t i = 0; i < d.count; i++) {
			const struct diff_row *r = &d.row[i];
			uint64_t difference = (uint64_t)llabs(r->new.bytes - r->old.bytes);

			rows[0] += r->old.bytes;
			rows[1] += r->new.bytes;
			assert_true(difference <= last);
			last = difference;
			assert_int_equal(r->new.bytes, bytes[1][r->key]);
			if (r->kind == DIFF_MOVED) {
				assert_true(pair && r->old.bytes == r->new.bytes
					&& r->old.blocks == r->new.blocks);
				assert_true(!bytes[0][r->key] && !blocks[0][r->key]);
			} else {
				assert_int_equal(r->old.bytes, bytes[0][r->key]);
				assert_int_equal(r->old.blocks, blocks[0][r->key]);
			}
			assert_int_equal(r->kind == DIFF_NEW, !r->old.blocks);
			assert_int_equal(r->kind == DIFF_GONE, !r->new.blocks);
		}
		assert_int_equal(rows[0], sum[0]);
		assert_int_equal(rows[1], sum[1]);
		diff_free(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(equal_keys_are_added_up),
		cmocka_unit_test(absurd_numbers),
		cmocka_unit_test(moved),
		cmocka_unit_test(nothing),
		cmocka_unit_test(names),
		cmocka_unit_test(random_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
