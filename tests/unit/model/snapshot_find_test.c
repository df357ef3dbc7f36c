/* snapshot_find_test.c - snapshot_block_at: the block that an address lies in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/model/snapshot.h"

static const struct tide_block blocks[] = {
	{ .address = 0x1000, .bytes = 16 },
	{ .address = 0x1010, .bytes = 0 },
	{ .address = 0x1020, .bytes = 100 },
	{ .address = UINT64_MAX - 31, .bytes = 32 },
};
#define COUNT (sizeof(blocks) / sizeof(blocks[0]))

static void starts_and_ends(void **state)
{
	(void)state;
	assert_int_equal(snapshot_block_at(blocks, COUNT, 0x1000), 0);
	assert_int_equal(snapshot_block_at(blocks, COUNT, 0x100f), 0);
	assert_int_equal(snapshot_block_at(blocks, COUNT, 0x1020), 2);
	assert_int_equal(snapshot_block_at(blocks, COUNT, 0x1083), 2);
	assert_int_equal(snapshot_block_at(blocks, COUNT, UINT64_MAX), 3);
}

static void beside_blocks(void **state)
{
	(void)state;
	assert_true(snapshot_block_at(blocks, COUNT, 0) == SNAPSHOT_NONE);
	assert_true(snapshot_block_at(blocks, COUNT, 0xfff) == SNAPSHOT_NONE);
	assert_true(snapshot_block_at(blocks, COUNT, 0x1084) == SNAPSHOT_NONE);
	assert_true(snapshot_block_at(blocks, COUNT, UINT64_MAX - 32) == SNAPSHOT_NONE);
	assert_true(snapshot_block_at(NULL, 0, 0x1000) == SNAPSHOT_NONE);
}

static void blocks_of_no_bytes(void **state)
{
	(void)state;
	assert_int_equal(snapshot_block_at(blocks, COUNT, 0x1010), 1);
	assert_true(snapshot_block_at(blocks, COUNT, 0x1011) == SNAPSHOT_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_and_ends),
		cmocka_unit_test(beside_blocks),
		cmocka_unit_test(blocks_of_no_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
