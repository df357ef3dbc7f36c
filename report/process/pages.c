/* pages.c - pagemap as runs: pages.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/array.h"
#include "model/format.h"
#include "page_scan.h"
#include "pages.h"

#define PAGE 4096ull
#define BATCH 512u

/* Documentation/admin-guide/mm/pagemap.rst */
#define MAP_PRESENT (1ull << 63)
#define MAP_SWAPPED (1ull << 62)

static void add_run(struct page_runs *p, size_t first, uint64_t lo, uint64_t hi, uint32_t flags)
{
	struct page_run *last = p->count > first ? &p->runs[p->count - 1] : NULL;

	if (last && last->hi == lo && last->flags == flags)
		last->hi = hi;
	else
		*ARRAY_ADD(p->runs, p->count, p->room) = (struct page_run){ lo, hi, flags };
}

/* False: the kernel does not support it. */
static bool scan_pages(struct page_runs *p, int pagemap, uint64_t lo, uint64_t hi)
{
	struct page_scan_region found[BATCH];
	struct page_scan a = { .size = sizeof a,
		.start = lo,
		.end = hi,
		.vector = (uint64_t)(uintptr_t)found,
		.vector_length = BATCH,
		.any_of = PAGE_SCAN_PRESENT | PAGE_SCAN_SWAPPED,
		.returned = PAGE_SCAN_PRESENT | PAGE_SCAN_SWAPPED | PAGE_SCAN_ZERO | PAGE_SCAN_HUGE };
	size_t first = p->count;

	while (a.start < hi) {
		int n = ioctl(pagemap, PAGE_SCAN, &a);

		if (n < 0 && a.start == lo)
			return false;
		for (int i = 0; i < n; i++) {
			uint64_t c = found[i].categories;

			if (!(c & PAGE_SCAN_ZERO))
				add_run(p, first, found[i].start, found[i].end,
					(c & PAGE_SCAN_PRESENT                  ? PAGES_RESIDENT
							: c & PAGE_SCAN_SWAPPED ? PAGES_SWAPPED
										: 0)
						| (c & PAGE_SCAN_HUGE && c & PAGE_SCAN_PRESENT ? PAGES_HUGE
											       : 0));
		}
		if (n < 0 || a.walk_end <= a.start)
			break;
		a.start = a.walk_end;
	}
	return true;
}

static void read_entries(struct page_runs *p, int pagemap, uint64_t lo, uint64_t hi)
{
	uint64_t entries[BATCH], at = lo;
	size_t first = p->count;

	while (at < hi) {
		uint64_t n = (hi - at) / PAGE < BATCH ? (hi - at) / PAGE : BATCH;
		ssize_t got = pread(pagemap, entries, n * 8, (off_t)(at / PAGE * 8));

		if (got < 8)
			break;
		for (ssize_t i = 0; i < got / 8; i++, at += PAGE)
			if (entries[i] & (MAP_PRESENT | MAP_SWAPPED))
				add_run(p, first, at, at + PAGE,
					entries[i] & MAP_PRESENT ? PAGES_RESIDENT : PAGES_SWAPPED);
	}
	p->zeros |= p->count > first;
}

uint64_t pages_read(struct page_runs *p, int pagemap, uint64_t lo, uint64_t hi)
{
	size_t first = p->count;
	uint64_t bytes = 0;

	if (pagemap >= 0 && lo < hi && !scan_pages(p, pagemap, lo, hi))
		read_entries(p, pagemap, lo, hi);
	for (size_t i = first; i < p->count; i++)
		if (p->runs[i].flags & PAGES_RESIDENT)
			bytes += p->runs[i].hi - p->runs[i].lo;
	return bytes;
}

static bool is_zero(struct remote *memory, uint64_t page)
{
	static const char zeros[PAGE];
	char bytes[PAGE];

	return remote_read(memory, page, bytes, PAGE) == PAGE && !memcmp(bytes, zeros, PAGE);
}

void pages_zero(struct page_runs *p, size_t first, uint64_t bytes, struct remote *memory)
{
	struct page_runs kept = { 0 };

	for (size_t i = first; i < p->count; i++) {
		struct page_run *r = &p->runs[i];

		if (!(r->flags & PAGES_RESIDENT) || bytes < PAGE) {
			add_run(&kept, 0, r->lo, r->hi, r->flags);
			continue;
		}
		for (uint64_t at = r->lo; at < r->hi; at += PAGE)
			if (bytes >= PAGE && is_zero(memory, at))
				bytes -= PAGE;
			else
				add_run(&kept, 0, at, at + PAGE, r->flags);
	}
	p->count = first;
	for (size_t i = 0; i < kept.count; i++)
		*ARRAY_ADD(p->runs, p->count, p->room) = kept.runs[i];
	free(kept.runs);
}

void pages_free(struct page_runs *p)
{
	free(p->runs);
	*p = (struct page_runs){ 0 };
}
