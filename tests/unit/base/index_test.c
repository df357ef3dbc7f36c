/* Unit tests of report/base/index.c and array.h: what was added is found, also when hashes collide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "report/base/array.h"
#include "report/base/index.h"

#define ELEMENTS 100000u

struct table {
	struct index index;
	uint64_t *key;
	uint32_t count, capacity;
	uint64_t (*hash)(uint64_t key);
};

static int find(const struct table *t, uint64_t key)
{
	INDEX_EACH(&t->index, t->hash(key), probe)
	if (t->key[probe.number] == key)
		return (int)probe.number;
	return -1;
}

static void add(struct table *t, uint64_t key)
{
	index_add(&t->index, t->hash(key), t->count);
	*ARRAY_ADD(t->key, t->count, t->capacity) = key;
}

static void drop(struct table *t)
{
	index_free(&t->index);
	free(t->key);
}

static void finds_what_was_added(void **state)
{
	struct table t = { .hash = index_hash };

	(void)state;
	assert_int_equal(find(&t, 1), -1);
	for (uint64_t i = 0; i < ELEMENTS; i++)
		add(&t, i * 16);
	for (uint64_t i = 0; i < ELEMENTS; i++) {
		assert_int_equal(find(&t, i * 16), (int)i);
		assert_int_equal(find(&t, i * 16 + 8), -1);
	}
	assert_true(t.index.capacity >= ELEMENTS * 2);
	assert_true(t.index.capacity <= ELEMENTS * 4);
	index_clear(&t.index);
	assert_int_equal(find(&t, 16), -1);
	drop(&t);
}

static uint64_t hash_same(uint64_t key)
{
	(void)key;
	return UINT64_MAX;
}

static uint64_t hash_low(uint64_t key) { return key << 32 | key; }

/* Equal hashes, and hashes that differ in few bits, cost time but find nothing wrong. */
static void equal_hashes_are_told_apart(void **state)
{
	uint64_t (*hash[2])(uint64_t) = { hash_same, hash_low };

	(void)state;
	for (int h = 0; h < 2; h++) {
		struct table t = { .hash = hash[h] };

		for (uint64_t i = 0; i < 500; i++)
			add(&t, i);
		for (uint64_t i = 0; i < 500; i++)
			assert_int_equal(find(&t, i), (int)i);
		assert_int_equal(find(&t, 500), -1);
		drop(&t);
	}
}

static void capacities_stay_within_their_type(void **state)
{
	(void)state;
	assert_int_equal(array_capacity(0, 1, UINT32_MAX), ARRAY_FIRST);
	assert_int_equal(array_capacity(16, 17, UINT32_MAX), 32);
	assert_int_equal(array_capacity(16, 1000, UINT32_MAX), 1000);
	assert_int_equal(array_capacity(200, 201, UINT8_MAX), UINT8_MAX);
	assert_int_equal(array_capacity(0x90000000u, 0x90000001u, UINT32_MAX), UINT32_MAX);
	assert_true(array_capacity(255, 256, UINT8_MAX) == UINT64_MAX);
	assert_true(array_capacity(UINT64_MAX / 2 + 2, UINT64_MAX / 2 + 3, UINT64_MAX) == UINT64_MAX);
}

static void grows_without_a_capacity(void **state)
{
	uint64_t *list = NULL;
	uint32_t count = 0;

	(void)state;
	for (uint64_t i = 0; i < ELEMENTS; i++)
		*ARRAY_APPEND(list, count) = i;
	assert_int_equal(count, ELEMENTS);
	for (uint64_t i = 0; i < ELEMENTS; i++)
		assert_int_equal(list[i], i);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_added),
		cmocka_unit_test(equal_hashes_are_told_apart),
		cmocka_unit_test(capacities_stay_within_their_type),
		cmocka_unit_test(grows_without_a_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
