/* The pages of heaps in cells, and blocks of equal content: small snapshots whose truth is counted by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/analysis/waste_copies.h"
#include "report/analysis/waste_map.h"
#include "report/base/alloc.h"

#define PAGE 4096ull
#define BASE 0x100000ull

static struct tide_process process = { .references = 1 };
static struct tide_site sites[8];

static struct snapshot snapshot_of(const struct tide_region *regions, size_t region_count,
	const struct tide_pages *pages, size_t page_count, const struct tide_block *blocks,
	size_t block_count)
{
	return (struct snapshot){ .process = &process,
		.strings = "",
		.strings_bytes = 1,
		.regions = regions,
		.region_count = region_count,
		.pages = pages,
		.page_run_count = page_count,
		.blocks = blocks,
		.block_count = block_count,
		.sites = sites,
		.site_count = 8 };
}

/* A block may continue in the next cell; only heaps are drawn. */
static void cells_have_what_lies_in_them(void **state)
{
	const struct tide_region regions[] = {
		{ .lo = BASE, .hi = BASE + 3 * PAGE + 100, .kind = REGION_HEAP, .item = 1 },
		{ .lo = BASE + 16 * PAGE, .hi = BASE + 20 * PAGE, .kind = REGION_STACK },
		{ .lo = BASE + 32 * PAGE,
			.hi = BASE + 33 * PAGE,
			.kind = REGION_FOREIGN,
			.item = UINT32_MAX },
	};
	const struct tide_pages pages[] = {
		{ BASE, 1, PAGES_RESIDENT },
		{ BASE + 2 * PAGE, 1, PAGES_SWAPPED },
	};
	const struct tide_block blocks[] = {
		{ .address = BASE + 16, .bytes = 100, .site = 3 },
		{ .address = BASE + 200, .bytes = 2 * PAGE, .site = 4 },
		{ .address = BASE + 3 * PAGE, .bytes = 50, .site = 3 },
		{ .address = BASE + 32 * PAGE, .bytes = 10, .site = 5 },
	};
	struct snapshot s = snapshot_of(regions, 3, pages, 2, blocks, 4);
	struct waste_map m;

	(void)state;
	waste_map_find(&m, &s);
	assert_int_equal(m.cell_bytes, PAGE);
	assert_int_equal(m.strip_count, 2);
	assert_int_equal(m.strips[0].arena, 1);
	assert_int_equal(m.strips[0].cells, 4);
	assert_int_equal(m.strips[1].arena, UINT32_MAX);
	assert_int_equal(m.strips[1].cells, 1);
	assert_int_equal(m.cell_count, 5);
	assert_int_equal(m.cells[0].live, 100 + PAGE - 200);
	assert_int_equal(m.cells[0].resident, PAGE);
	assert_int_equal(m.cells[0].blocks, 2);
	assert_int_equal(m.cells[0].site[0], 4);
	assert_int_equal(m.cells[0].site[1], 3);
	assert_int_equal(m.cells[0].site[2], UINT32_MAX);
	assert_int_equal(m.cells[1].live, PAGE);
	assert_int_equal(m.cells[1].resident, 0);
	assert_int_equal(m.cells[2].live, 200);
	assert_int_equal(m.cells[2].swapped, PAGE);
	assert_int_equal(m.cells[2].site[0], 4);
	/* WM1: the last cell ends with its region. */
	assert_int_equal(m.cells[3].bytes, 100);
	assert_int_equal(m.cells[3].live, 50);
	assert_int_equal(m.cells[3].site[0], 3);
	assert_int_equal(m.cells[4].live, 10);
	waste_map_free(&m);
}

/* Random blocks in a large heap: no byte is lost between cells, and there are not too many of these. */
static void sums_hold_whatever_the_cells(void **state)
{
	const size_t count = 20000;
	struct tide_block *blocks = alloc_zeroed(count, sizeof(*blocks));
	struct tide_region region = { .lo = BASE, .kind = REGION_HEAP };
	struct tide_pages pages = { BASE, 0, PAGES_RESIDENT };
	uint64_t at = BASE + 16, live = 0, found = 0, resident = 0, bytes = 0;
	struct snapshot s;
	struct waste_map m;

	(void)state;
	srand(16);
	for (size_t i = 0; i < count; i++) {
		blocks[i] = (struct tide_block){
			.address = at, .bytes = 1 + (uint64_t)rand() % 9000, .site = (uint32_t)rand() % 8
		};
		live += blocks[i].bytes;
		at += blocks[i].bytes + (uint64_t)rand() % 3000;
	}
	region.hi = (at + PAGE) & ~(PAGE - 1);
	pages.pages = (uint32_t)((region.hi - BASE) / PAGE);
	s = snapshot_of(&region, 1, &pages, 1, blocks, count);
	waste_map_find(&m, &s);
	assert_true(m.cell_count <= WASTE_MAP_CELLS + 1);
	assert_true(m.cell_bytes > PAGE && !(m.cell_bytes & (m.cell_bytes - 1)));
	for (size_t i = 0; i < m.cell_count; i++) {
		found += m.cells[i].live;
		resident += m.cells[i].resident;
		bytes += m.cells[i].bytes;
		assert_true(m.cells[i].live <= m.cells[i].bytes);
	}
	assert_int_equal(found, live);
	assert_int_equal(resident, region.hi - BASE);
	assert_int_equal(bytes, region.hi - BASE);
	waste_map_free(&m);
	free(blocks);
}

static void nothing_to_draw(void **state)
{
	struct snapshot s = snapshot_of(NULL, 0, NULL, 0, NULL, 0);
	struct waste_map m;

	(void)state;
	waste_map_find(&m, &s);
	assert_int_equal(m.cell_count, 0);
	assert_int_equal(m.strip_count, 0);
	waste_map_free(&m);
}

/* One content of two lengths is two rows; a block that does not exist, and a content that has no second block, none. */
static void copies_are_rows_by_content_and_length(void **state)
{
	const struct tide_block blocks[] = {
		{ .address = 0x100, .bytes = 40, .site = 3 },
		{ .address = 0x200, .bytes = 40, .site = 4 },
		{ .address = 0x300, .bytes = 40, .site = 3 },
		{ .address = 0x400, .bytes = 80, .site = 5 },
		{ .address = 0x500, .bytes = 80, .site = 5 },
		{ .address = 0x600, .bytes = 99, .site = 6 },
	};
	const struct tide_duplicate duplicates[] = { { .content = 7, .block = 0 },
		{ .content = 7, .block = 1 }, { .content = 7, .block = 2 }, { .content = 7, .block = 3 },
		{ .content = 7, .block = 4 }, { .content = 9, .block = 5 }, { .content = 9, .block = 6 } };
	struct snapshot s = snapshot_of(NULL, 0, NULL, 0, blocks, 6);
	struct waste_copies c;

	(void)state;
	s.duplicates = duplicates;
	s.duplicate_count = 7;
	waste_copies_find(&c, &s);
	assert_int_equal(c.count, 2);
	assert_int_equal(c.wasted, 80 + 80);
	/* Equal waste: the smaller site first. */
	assert_int_equal(c.rows[0].copies, 3);
	assert_int_equal(c.rows[0].wasted, 80);
	assert_int_equal(c.rows[0].site_count, 2);
	assert_int_equal(c.rows[0].sites[0], 3);
	assert_int_equal(c.rows[0].sites[1], 4);
	assert_int_equal(c.rows[1].copies, 2);
	assert_int_equal(c.rows[1].bytes, 80);
	assert_int_equal(c.rows[1].site_count, 1);
	waste_copies_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_have_what_lies_in_them),
		cmocka_unit_test(sums_hold_whatever_the_cells),
		cmocka_unit_test(nothing_to_draw),
		cmocka_unit_test(copies_are_rows_by_content_and_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
