/* Where memory is: layouts whose truth is computed by hand, and random ones against a simulation of
 * malloc_trim that marks each byte of a small heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/analysis/waste.h"
#include "report/base/alloc.h"

#define PAGE 4096u
#define NONE UINT32_MAX

struct layout {
	struct tide_process process;
	struct tide_arena arenas[2];
	struct tide_region regions[16];
	struct tide_pages pages[512];
	struct tide_chunk chunks[4096];
	struct tide_block blocks[4096];
	struct tide_site sites[16];
	size_t region_count, page_count, chunk_count, block_count;
};

static struct layout *layout_new(void)
{
	struct layout *l = alloc_zeroed(1, sizeof(*l));

	l->process.references = 1;
	l->arenas[0] = (struct tide_arena){ .kind = ARENA_MAIN, .flags = ARENA_AT_BREAK };
	l->arenas[1] = (struct tide_arena){ .kind = ARENA_THREAD };
	return l;
}

static void region(struct layout *l, uint64_t lo, uint64_t hi, uint32_t kind, uint32_t item)
{
	l->regions[l->region_count++] =
		(struct tide_region){ .lo = lo, .hi = hi, .kind = kind, .item = item };
}

/* Pages of the last region, and what they add up to. */
static void pages(struct layout *l, uint64_t lo, uint64_t hi, uint32_t flags)
{
	struct tide_region *r = &l->regions[l->region_count - 1];

	l->pages[l->page_count++] = (struct tide_pages){ lo, (uint32_t)((hi - lo) / PAGE), flags };
	r->resident_bytes += flags & PAGES_RESIDENT ? hi - lo : 0;
	r->swapped_bytes += flags & PAGES_SWAPPED ? hi - lo : 0;
}

static void block(struct layout *l, uint64_t chunk, uint64_t bytes, uint32_t site)
{
	l->blocks[l->block_count++] = (struct tide_block){ chunk + 16, bytes, site, 1, NONE, 0 };
}

static void chunk(struct layout *l, uint64_t lo, uint64_t hi, uint32_t kind, uint32_t arena)
{
	l->chunks[l->chunk_count++] = (struct tide_chunk){ lo, hi - lo, kind, arena };
}

static struct snapshot snapshot_of(const struct layout *l)
{
	return (struct snapshot){ .process = &l->process,
		.strings = "",
		.strings_bytes = 1,
		.arenas = l->arenas,
		.arena_count = 2,
		.regions = l->regions,
		.region_count = l->region_count,
		.pages = l->pages,
		.page_run_count = l->page_count,
		.chunks = l->chunks,
		.chunk_count = l->chunk_count,
		.blocks = l->blocks,
		.block_count = l->block_count,
		.sites = l->sites,
		.site_count = 16 };
}

static void assert_sums(const struct waste *w)
{
	struct waste_bytes all = { 0, 0, 0 };

	for (int i = 0; i < WASTE_PARTS; i++) {
		all.resident += w->part[i].resident;
		all.swapped += w->part[i].swapped;
		all.virtual_ += w->part[i].virtual_;
	}
	assert_int_equal(all.resident, w->all.resident);
	assert_int_equal(all.swapped, w->all.swapped);
	assert_int_equal(all.virtual_, w->all.virtual_);
}

/* Blocks 4, free, 5, free, 6, top. One page is absent, one in swap. */
static void main_arena(void **state)
{
	struct layout *l = layout_new();
	struct tide_error e = { 0 };
	struct snapshot s;
	struct waste w;

	(void)state;
	region(l, 0x100000, 0x110000, REGION_HEAP, 0);
	pages(l, 0x100000, 0x103000, PAGES_RESIDENT);
	pages(l, 0x104000, 0x105000, PAGES_SWAPPED);
	pages(l, 0x105000, 0x110000, PAGES_RESIDENT);
	block(l, 0x100000, 5000, 4);
	chunk(l, 0x101400, 0x107400, CHUNK_BIN, 0);
	block(l, 0x107400, 100, 5);
	chunk(l, 0x107470, 0x10d000, CHUNK_BIN, 0);
	block(l, 0x10d000, 1000, 6);
	chunk(l, 0x10d400, 0x110000, CHUNK_TOP, 0);
	l->arenas[0].top = 0x10d400;
	region(l, 0x200000, 0x204000, REGION_STACK, NONE);
	l->regions[1].resident_bytes = 0x1000;
	s = snapshot_of(l);
	assert_int_equal(waste_find(&w, &s, &e), 0);
	assert_sums(&w);
	assert_int_equal(w.all.resident, 0xe000 + 0x1000);
	assert_int_equal(w.all.swapped, 0x1000);
	assert_int_equal(w.part[WASTE_STACKS].resident, 0x1000);
	assert_int_equal(w.part[WASTE_LIVE].resident, 5000 + 100 + 1000);
	/* A block may use the first word of the next chunk: 5112, 104 and 1016 bytes. */
	assert_int_equal(w.part[WASTE_SLACK].resident, 112 + 4 + 16);
	/* 0x102000 to 0x107000 but for one page absent and one in swap; 0x108000 to 0x10d000; of top, whole
	 * pages of all but 33 bytes: 0x10e000 on. */
	assert_int_equal(w.part[WASTE_FREE_RETURNABLE].resident, (3 + 5 + 2) * PAGE);
	assert_int_equal(w.part[WASTE_FREE_RETURNABLE].swapped, PAGE);
	assert_int_equal(w.arenas[0].returnable, (3 + 5 + 2) * PAGE);
	assert_int_equal(w.arenas[0].last, 2);
	assert_int_equal(w.arenas[0].top, 0x2c00);
	/* Without 5 also the page in which it lies, without 6 that in which the top begins. 4 has its first page
	 * for itself, and so has what is free behind it a page more. */
	assert_int_equal(w.groups[5].pinned, PAGE);
	assert_int_equal(w.groups[5].pinned_free, PAGE - 0x70);
	assert_int_equal(w.groups[6].pinned, PAGE);
	assert_int_equal(w.groups[4].pinned, PAGE);
	assert_int_equal(w.groups[4].blocks, 1);
	assert_int_equal(w.groups[4].slack, 112);
	waste_free(&w);
	free(l);
}

/* The same top: where it does not end at the break, and in an arena of a thread. */
static void other_tops(void **state)
{
	struct tide_error e = { 0 };

	(void)state;
	for (int round = 0; round < 4; round++) {
		struct layout *l = layout_new();
		uint32_t arena = round ? 1 : 0;
		uint64_t block_bytes = round == 2 ? 200 : round == 3 ? 100000 : 100;
		uint64_t end = 0x100000 + ((block_bytes + 8 + 15) & ~15ull);
		struct snapshot s;
		struct waste w;

		l->arenas[0].flags = 0;
		l->arenas[arena].top = end;
		region(l, 0x100000, 0x180000, REGION_HEAP, arena);
		pages(l, 0x100000, 0x180000, PAGES_RESIDENT);
		block(l, 0x100000, block_bytes, 4);
		chunk(l, end, 0x180000, CHUNK_TOP, arena);
		s = snapshot_of(l);
		assert_int_equal(waste_find(&w, &s, &e), 0);
		assert_sums(&w);
		assert_int_equal(w.part[WASTE_FREE_RETURNABLE].resident, 0);
		/* 100 bytes wait in a fast bin; 200 are coalesced at once, and free() leaves 128 KiB and 33 bytes of
		 * the 512 KiB, in whole pages. */
		assert_int_equal(w.groups[4].pinned, round > 1 ? 0x180000 - 0x121000 : 0);
		assert_int_equal(w.groups[4].pinned_top != 0, round == 1);
		waste_free(&w);
		free(l);
	}
}

/* Free memory, a block, and a small top: of a thread's arena, 128 KiB and 33 bytes stay without that block. What of
 * that was free before has gone back by then if malloc_trim was called before, and else it stays. */
static void order_of_trim_and_free(void **state)
{
	struct layout *l = layout_new();
	struct tide_error e = { 0 };
	struct snapshot s;
	struct waste w;

	(void)state;
	l->arenas[1].top = 0x1400d0;
	region(l, 0x100000, 0x141000, REGION_HEAP, 1);
	pages(l, 0x100000, 0x141000, PAGES_RESIDENT);
	block(l, 0x100000, 100, 5);
	chunk(l, 0x100070, 0x140000, CHUNK_BIN, 1);
	block(l, 0x140000, 200, 4);
	chunk(l, 0x1400d0, 0x141000, CHUNK_TOP, 1);
	s = snapshot_of(l);
	assert_int_equal(waste_find(&w, &s, &e), 0);
	assert_int_equal(w.part[WASTE_FREE_RETURNABLE].resident, 0x140000 - 0x101000);
	assert_int_equal(w.groups[4].pinned, PAGE);
	assert_int_equal(w.groups[4].pinned_first, (0x141000 - 0x121000) - (0x140000 - 0x101000));
	/* Before a block that stays there is no end. */
	assert_int_equal(w.groups[5].pinned_first, (int64_t)w.groups[5].pinned);
	waste_free(&w);
	free(l);
}

/* Fast chunks are coalesced, chunks in a thread's cache are not; neither are chunks across fence posts. */
static void fast_and_cached(void **state)
{
	struct layout *l = layout_new();
	struct tide_error e = { 0 };
	struct snapshot s;
	struct waste w;

	(void)state;
	region(l, 0x100000, 0x110000, REGION_HEAP, 1);
	pages(l, 0x100000, 0x110000, PAGES_RESIDENT);
	chunk(l, 0x100000, 0x100800, CHUNK_OWN, 1);
	chunk(l, 0x100800, 0x103fe0, CHUNK_BIN, 1);
	chunk(l, 0x103fe0, 0x104030, CHUNK_FAST, 1);
	chunk(l, 0x104030, 0x108000, CHUNK_BIN, 1);
	chunk(l, 0x108000, 0x108030, CHUNK_CACHED, 1);
	chunk(l, 0x108030, 0x10ffe0, CHUNK_BIN, 1);
	chunk(l, 0x10ffe0, 0x110000, CHUNK_OWN, 1);
	s = snapshot_of(l);
	assert_int_equal(waste_find(&w, &s, &e), 0);
	assert_sums(&w);
	/* 0x101000 to 0x108000, the page of the fast chunk included; 0x109000 to 0x10f000. */
	assert_int_equal(w.part[WASTE_FREE_RETURNABLE].resident, (7 + 6) * PAGE);
	assert_int_equal(w.cached, 0x30);
	assert_int_equal(w.cached_blocks, 1);
	assert_int_equal(w.caches.pinned, PAGE);
	assert_int_equal(w.part[WASTE_ALLOCATOR].resident, 0x800 + 8 + 0x20 - 8);
	waste_free(&w);
	free(l);
}

/* A chunk with a mapping of its own, half of which was never touched; blocks of another allocator. */
static void mapped_and_foreign(void **state)
{
	struct layout *l = layout_new();
	struct tide_error e = { 0 };
	struct snapshot s;
	struct waste w;

	(void)state;
	l->process.flags = PROCESS_FOREIGN;
	region(l, 0x100000, 0x110000, REGION_CHUNK, NONE);
	pages(l, 0x100000, 0x108000, PAGES_RESIDENT);
	block(l, 0x100000, 0xf000, 4);
	region(l, 0x200000, 0x202000, REGION_FOREIGN, NONE);
	pages(l, 0x200000, 0x202000, PAGES_RESIDENT);
	block(l, 0x200100, 0x300, 5);
	region(l, 0x300000, 0x304000, REGION_UNKNOWN, NONE);
	l->regions[2].resident_bytes = 0x2000;
	s = snapshot_of(l);
	assert_int_equal(waste_find(&w, &s, &e), 0);
	assert_sums(&w);
	assert_int_equal(w.part[WASTE_UNTOUCHED].virtual_, 0x7000);
	assert_int_equal(w.part[WASTE_UNTOUCHED].resident, 0);
	assert_int_equal(w.groups[4].untouched, 0x7000);
	assert_int_equal(w.groups[4].pinned, 0x8000);
	assert_int_equal(w.groups[4].pinned_free, 0);
	assert_true(w.foreign);
	assert_int_equal(w.part[WASTE_LIVE].resident, 0x8000 - 16 + 0x300);
	assert_int_equal(w.part[WASTE_UNKNOWN].resident, 0x2000);
	assert_int_equal(w.part[WASTE_SLACK].virtual_, 0x1000 - 16);
	waste_free(&w);
	free(l);
}

/* What no block has: of Python's arenas it is free, of glibc's heap that was not walked nobody knows. */
static void rest_of_foreign(void **state)
{
	static const struct tide_module modules[2] = { { 0 }, { .flags = MODULE_PYTHON } };
	struct layout *l = layout_new();
	struct tide_error e = { 0 };
	struct snapshot s;
	struct waste w;

	(void)state;
	region(l, 0x200000, 0x210000, REGION_FOREIGN, NONE);
	pages(l, 0x200000, 0x202000, PAGES_RESIDENT);
	block(l, 0x200100, 0x300, 5);
	s = snapshot_of(l);
	s.modules = modules;
	for (s.module_count = 1; s.module_count <= 2; s.module_count++) {
		bool python = s.module_count == 2;

		assert_int_equal(waste_find(&w, &s, &e), 0);
		assert_sums(&w);
		assert_int_equal(w.part[WASTE_LIVE].resident, 0x300);
		assert_int_equal(w.part[python ? WASTE_FREE_PINNED : WASTE_UNKNOWN].resident, 0x1d00);
		assert_int_equal(w.python_free, python ? 0x1d00 : 0);
		assert_false(w.foreign);
		waste_free(&w);
	}
	free(l);
}

/* --- against a simulation ---------------------------------------------------------- */

#define HEAP_LO 0x100000u
#define HEAP_PAGES 64u
#define UNITS (HEAP_PAGES * PAGE / 16)

struct piece {
	unsigned lo, hi; /* in units of 16 bytes */
	int site;        /* of a block; 0 free */
};

/* Resident bytes that malloc_trim(0) gives back, page by page, where the blocks of `site` are free. */
static uint64_t simulate(const struct piece *p, size_t count, int site, const bool *resident, bool main_kind)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count;) {
		uint64_t lo, hi;
		size_t first = i;

		while (i < count && (!p[i].site || p[i].site == site))
			i++;
		if (i == first) {
			i++;
			continue;
		}
		lo = p[first].lo * 16ull;
		hi = p[i - 1].hi * 16ull;
		for (unsigned page = 0; page < HEAP_PAGES; page++) {
			uint64_t at = page * (uint64_t)PAGE;
			bool goes =
				i == count ? main_kind && at >= lo + 33 : at >= lo + 48 && at + PAGE <= hi;

			sum += goes && resident[page] ? PAGE : 0;
		}
	}
	return sum;
}

static unsigned random_below(uint64_t *seed, unsigned below)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((*seed >> 33) % below);
}

static void random_heaps(void **state)
{
	static struct piece pieces[UNITS];
	uint64_t seed = 1;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct layout *l = layout_new();
		struct tide_error e = { 0 };
		bool resident[HEAP_PAGES];
		unsigned at = 0;
		size_t count = 0;
		struct snapshot s;
		struct waste w;

		region(l, HEAP_LO, HEAP_LO + HEAP_PAGES * PAGE, REGION_HEAP, 0);
		for (unsigned page = 0; page < HEAP_PAGES; page++) {
			resident[page] = random_below(&seed, 8) != 0;
			if (resident[page])
				pages(l, HEAP_LO + page * PAGE, HEAP_LO + (page + 1) * PAGE, PAGES_RESIDENT);
		}
		while (at < UNITS - 600) {
			unsigned units = 2 + random_below(&seed, random_below(&seed, 4) ? 40 : 600);
			int site = random_below(&seed, 3) ? 4 + (int)random_below(&seed, 3) : 0;

			pieces[count++] = (struct piece){ at, at + units, site };
			if (site)
				block(l, HEAP_LO + at * 16u, units * 16u - 8 - random_below(&seed, 16),
					(uint32_t)site);
			else
				chunk(l, HEAP_LO + at * 16u, HEAP_LO + (at + units) * 16u,
					units <= 8 ? CHUNK_FAST : CHUNK_BIN, 0);
			at += units;
		}
		pieces[count++] = (struct piece){ at, UNITS, 0 };
		chunk(l, HEAP_LO + at * 16u, HEAP_LO + UNITS * 16u, CHUNK_TOP, 0);
		s = snapshot_of(l);
		assert_int_equal(waste_find(&w, &s, &e), 0);
		assert_sums(&w);
		assert_int_equal(
			w.part[WASTE_FREE_RETURNABLE].resident, simulate(pieces, count, 0, resident, true));
		for (int site = 4; site < 7; site++)
			assert_int_equal(w.groups[site].pinned,
				simulate(pieces, count, site, resident, true)
					- simulate(pieces, count, 0, resident, true));
		waste_free(&w);
		free(l);
	}
}

/* Sections that do not fit each other: what is there adds up all the same. */
static void damaged(void **state)
{
	struct layout *l = layout_new();
	struct tide_error e = { 0 };
	struct snapshot s;
	struct waste w;

	(void)state;
	region(l, 0x100000, 0x110000, REGION_HEAP, 0);
	pages(l, 0x101000, 0x103000, PAGES_RESIDENT);
	l->regions[0].resident_bytes = 0x8000; /* more than pages are listed */
	block(l, 0x100000, 1ull << 40, 4);
	block(l, 0x100008, 50, 4); /* overlaps */
	chunk(l, 0x100010, 0x180000, CHUNK_BIN, 0);
	s = snapshot_of(l);
	assert_int_equal(waste_find(&w, &s, &e), 0);
	assert_int_equal(w.part[WASTE_UNKNOWN].resident, 0x6000);
	waste_free(&w);
	s.region_count = 0;
	assert_int_equal(waste_find(&w, &s, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	waste_free(&w);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(main_arena),
		cmocka_unit_test(other_tops),
		cmocka_unit_test(order_of_trim_and_free),
		cmocka_unit_test(fast_and_cached),
		cmocka_unit_test(mapped_and_foreign),
		cmocka_unit_test(rest_of_foreign),
		cmocka_unit_test(random_heaps),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests_name("waste", tests, NULL, NULL);
}
