/* container_test.c - which blocks can be a container's own, by their sizes. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "report/native/container_private.h"

#define SIZES 600u
#define CACHED 24u /* more than a thread keeps of one size: 7, and 16 since glibc 2.42 */

static bool fits(const void *p, uint64_t usable, uint64_t bytes)
{
	struct tide_block block = { .address = (uintptr_t)p, .bytes = usable };
	struct references g = { .blocks = &block, .block_count = 1, .usable = true };

	return container_fits(&g, 0, bytes);
}

/* Free chunks of this size that do not touch each other. */
static void make_holes(size_t usable)
{
	void *hole[CACHED];

	for (unsigned i = 0; i < CACHED; i++) {
		hole[i] = malloc(usable);
		assert_non_null(malloc(usable));
	}
	for (unsigned i = 0; i < CACHED; i++)
		free(hole[i]);
}

/* malloc hands out a chunk 16 bytes too large, because nothing could be made of these. */
static void a_block_that_kept_the_rest_of_a_split(void **state)
{
	unsigned with_rest = 0;

	(void)state;
	assert_true(mallopt(M_MXFAST, 0));
	for (size_t bytes = 1; bytes < SIZES; bytes++) {
		size_t least = bytes <= 24 ? 24 : (bytes + 7) / 16 * 16 + 8;

		make_holes(least + 16);
		for (unsigned i = 0; i < 4 * CACHED; i++) {
			void *p = malloc(bytes);
			size_t usable = malloc_usable_size(p);

			assert_true(fits(p, usable, bytes));
			with_rest += usable == least + 16;
			assert_false(fits(p, least + 48, bytes));
		}
	}
	assert_true(with_rest >= SIZES);
}

/* It keeps up to 32 bytes with glibc 2.31 and 2.36. */
static void an_aligned_block(void **state)
{
	(void)state;
	for (size_t alignment = 32; alignment <= 4096; alignment *= 2)
		for (size_t bytes = alignment; bytes < SIZES; bytes += 8) {
			size_t least = (bytes + 7) / 16 * 16 + 8;
			void *p;

			make_holes(least + 32);
			p = aligned_alloc(alignment, bytes);
			assert_true(fits(p, malloc_usable_size(p), bytes));
		}
}

static void a_block_of_pages(void **state)
{
	unsigned mapped = 0;

	(void)state;
	assert_true(mallopt(M_MMAP_THRESHOLD, 64 << 10));
	for (size_t bytes = 64 << 10; bytes < 80 << 10; bytes += 8) {
		void *p = malloc(bytes);

		assert_true(fits(p, malloc_usable_size(p), bytes));
		assert_false(fits(p, malloc_usable_size(p) + 4096, bytes));
		mapped += (uintptr_t)p % 4096 == 16;
	}
	assert_true(mapped > 100);
}

static void a_block_whose_bytes_are_those_asked_for(void **state)
{
	struct tide_block block = { .address = 32, .bytes = 100 };
	struct references g = { .blocks = &block, .block_count = 1 };

	(void)state;
	assert_true(container_fits(&g, 0, 100));
	assert_false(container_fits(&g, 0, 99));
	assert_false(container_fits(&g, 0, 101));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_that_kept_the_rest_of_a_split),
		cmocka_unit_test(an_aligned_block),
		cmocka_unit_test(a_block_of_pages),
		cmocka_unit_test(a_block_whose_bytes_are_those_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
