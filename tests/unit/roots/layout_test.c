/* Which interior references a layout explains; blocks are arrays of this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/roots/layout.h"

static struct remote self;
static struct layout layout;

static void one(void) {}
static void two(void) {}
/* What a table of functions looks like: in a module, pointing to code. */
static void (*const table[16])(void) = { one, two, one, two };
static const uint64_t no_table[16] = { 1, 2, 3 };

static int open_self(void **state)
{
	struct tide_error e;

	(void)state;
	if (remote_open(&self, getpid(), &e))
		return -1;
	layout_begin(&layout, &self);
	return 0;
}

static int close_self(void **state)
{
	(void)state;
	layout_end(&layout);
	remote_close(&self);
	return 0;
}

static bool explains(const uint64_t *words, size_t count, uint64_t bytes, uint64_t offset)
{
	uint8_t shape = layout_shape(&layout, words, count, bytes);

	return layout_explains(&layout, shape, (uint64_t)(uintptr_t)words, bytes, offset);
}

static void array_cookie(void **state)
{
	uint64_t w[4] = { 3 };

	(void)state;
	assert_true(explains(w, 4, 8 + 3 * 8, 8));
	assert_false(explains(w, 4, 8 + 3 * 8, 16));
	w[0] = 5;
	assert_false(explains(w, 4, 8 + 3 * 8, 8));
	w[0] = 0;
	assert_false(explains(w, 4, 8 + 3 * 8, 8));
	/* An array without elements is its count alone. */
	assert_true(explains(w, 1, 8, 8));
	assert_true(explains(w, 2, 16, 16));
	w[0] = w[1] = 1;
	assert_false(explains(w, 1, 8, 8));
	assert_false(explains(w, 2, 16, 16));
	w[0] = 0;
	w[1] = 2; /* over-aligned: the count is in the second word */
	assert_true(explains(w, 4, 16 + 2 * 8, 16));
}

static void length_prefix(void **state)
{
	uint64_t w[5] = { 35 };

	(void)state;
	assert_true(explains(w, 5, 43, 8));
	w[0] = 36;
	assert_false(explains(w, 5, 43, 8));
}

static void old_string(void **state)
{
	uint64_t w[7] = { 10, 31, 0 };

	(void)state;
	assert_true(explains(w, 7, 24 + 32, 24));
	assert_false(explains(w, 7, 24 + 32, 16));
	w[0] = 40; /* longer than its capacity */
	assert_false(explains(w, 7, 24 + 32, 24));
	w[0] = 10, w[1] = 57; /* capacity beyond the block */
	assert_false(explains(w, 7, 24 + 32, 24));
}

static void second_base(void **state)
{
	uint64_t w[4] = { (uint64_t)(uintptr_t)table, 1234567, (uint64_t)(uintptr_t)(table + 1), 0 };

	(void)state;
	assert_true(explains(w, 4, 32, 16));
	assert_false(explains(w, 4, 32, 24));
	w[2] = (uint64_t)(uintptr_t)no_table;
	assert_false(explains(w, 4, 32, 16));
	w[2] = (uint64_t)(uintptr_t)table;
	w[0] = (uint64_t)(uintptr_t)no_table;
	assert_false(explains(w, 4, 32, 16));
}

static void make_shared(void **state)
{
	uint64_t w[4] = { (uint64_t)(uintptr_t)table, 2ull << 32 | 1, 7, 7 };

	(void)state;
	assert_true(explains(w, 4, 32, 16));
	w[1] = 0; /* no weak count: not one */
	assert_false(explains(w, 4, 32, 16));
}

static void exception_header(void **state)
{
	uint64_t w[20] = { 0 };

	(void)state;
	w[12] = 0x474e5543432b2b00ull;
	assert_true(explains(w, 13, 160, 128));
	assert_true(explains(w, 13, 160, 16));
	assert_false(explains(w, 13, 160, 64));
	w[12]++;
	assert_true(explains(w, 13, 160, 128));
	w[12]++;
	assert_false(explains(w, 13, 160, 128));
}

static void thread_vector(void **state)
{
	uint64_t w[40] = { 16 };

	(void)state;
	assert_true(explains(w, 13, 18 * 16, 16));
	assert_false(explains(w, 13, 19 * 16, 16));
}

static void low_bits_and_nothing(void **state)
{
	uint64_t w[4] = { 0x1111, 0x2222, 0x3333, 0x4444 };

	(void)state;
	for (uint64_t offset = 1; offset < 8; offset++)
		assert_true(explains(w, 4, 32, offset));
	for (uint64_t offset = 8; offset < 32; offset++)
		assert_false(explains(w, 4, 32, offset));
	assert_false(explains(w, 0, 4, 8));
}

static void aligned_by_hand(void **state)
{
	uint64_t w[16];

	(void)state;
	for (unsigned i = 0; i < 16; i++)
		w[i] = 0x1111111111111111u * i;
	w[3] = (uint64_t)(uintptr_t)w;
	assert_true(explains(w, 13, sizeof(w), 32));
	assert_true(explains(w, 13, sizeof(w), 16));
	assert_false(explains(w, 13, sizeof(w), 24));
	assert_false(explains(w, 13, sizeof(w), 48));
	w[3] += 8;
	assert_false(explains(w, 13, sizeof(w), 32));
}

/* Where sizes come from chunks, up to 15 bytes were not asked for: what fits less them fits. */
static void usable_bytes(void **state)
{
	uint64_t w[40] = { 16 };

	(void)state;
	layout.usable = true;
	/* The DTV of 16 modules and two: 288 bytes in a chunk of 296. */
	assert_true(explains(w, 13, 296, 16));
	assert_false(explains(w, 13, 312, 16));
	w[0] = 30; /* 30 elements of 8 bytes: 248 bytes, which is a chunk's size */
	assert_true(explains(w, 13, 248, 8));
	w[0] = 29; /* of 8 bytes: 240 in 248 */
	assert_true(explains(w, 13, 248, 8));
	w[0] = 200; /* 208 bytes in 216; 217 do not fit */
	assert_true(explains(w, 13, 216, 8));
	assert_false(explains(w, 13, 232, 8));
	w[0] = 0; /* an array without elements, in the least chunk */
	assert_true(explains(w, 3, 24, 8));
	assert_false(explains(w, 5, 40, 8));
	layout.usable = false;
	w[0] = 16;
	assert_false(explains(w, 13, 296, 16));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(array_cookie),
		cmocka_unit_test(length_prefix),
		cmocka_unit_test(old_string),
		cmocka_unit_test(second_base),
		cmocka_unit_test(make_shared),
		cmocka_unit_test(exception_header),
		cmocka_unit_test(thread_vector),
		cmocka_unit_test(usable_bytes),
		cmocka_unit_test(aligned_by_hand),
		cmocka_unit_test(low_bits_and_nothing),
	};

	return cmocka_run_group_tests(tests, open_self, close_self);
}
