/* collect_memory.c - mappings, pages and regions: collect_memory.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/array.h"
#include "base/search.h"
#include "collect_memory.h"

#define PAGE 4096ull
#define RANK_HEAP UINT32_MAX /* stronger than any claim of roots/ */

/* --- what a mapping says about itself ------------------------------------------- */

static bool begins_with(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

/* Shared memory without a file on a disk: memfd_create, shm_open, System V, shared anonymous memory. */
static bool is_shared_memory(const struct remote_mapping *p)
{
	return p->shared
		&& (!p->path[0] || begins_with(p->path, "/memfd:") || begins_with(p->path, "/dev/shm/")
			|| begins_with(p->path, "/dev/zero") || begins_with(p->path, "/SYSV")
			|| begins_with(p->path, "[anon"));
}

static uint32_t kind_of_mapping(const struct remote_mapping *p)
{
	if (is_shared_memory(p))
		return REGION_SHARED;
	if (p->path[0] == '/' || !strcmp(p->path, "[vdso]") || begins_with(p->path, "[vvar"))
		return REGION_FILE;
	if (!strcmp(p->path, "[stack]"))
		return REGION_STACK;
	return REGION_MAPPING;
}

/* --- pages ---------------------------------------------------------------------- */

/* In the process's own list; NULL: the process no longer has that mapping. */
static const struct collect_mapping *find_mapping(const struct collect_process *p, uint64_t lo, uint64_t hi)
{
	size_t at = SEARCH_UP_TO(p->mappings, p->mapping_count, hi, lo);

	return at < p->mapping_count && p->mappings[at].lo <= lo && p->mappings[at].hi >= hi
		? &p->mappings[at]
		: NULL;
}

/* Pages that reading shows but the kernel does not count are pages of zeros (PG2). `smaps` may be from a
 * later moment. */
static void drop_zeros(struct collect_memory *m, size_t first, uint64_t shown,
	const struct collect_mapping *counted, struct remote *image)
{
	if (counted && m->pages.zeros && shown > counted->rss_bytes)
		pages_zero(&m->pages, first, shown - counted->rss_bytes, image);
}

static void read_mapping(struct collect_memory *m, struct remote *image, const struct remote_mapping *p,
	const struct collect_process *process, const struct collect_process *own, int pagemap)
{
	const struct collect_mapping *known = find_mapping(process, p->lo, p->hi);
	size_t first = m->pages.count;
	uint64_t shown;

	*ARRAY_ADD(m->mappings, m->mapping_count, m->mapping_room) =
		(struct region_mapping){ p->lo, p->hi, kind_of_mapping(p) };
	if (known && known->special)
		return;
	/* PG3: the image itself may have read its pages of a file, in order to run. */
	if (!p->shared && (p->writable || kind_of_mapping(p) != REGION_FILE)) {
		shown = pages_read(&m->pages, image->pagemap, p->lo, p->hi);
		if (own->mapping_count)
			drop_zeros(m, first, shown, find_mapping(own, p->lo, p->hi), image);
	}
	if (m->pages.count == first && pagemap >= 0 && known && known->rss_bytes)
		pages_read(&m->pages, pagemap, p->lo, p->hi);
}

/* Memory that a clone does not inherit (MADV_DONTFORK). */
static void read_left_out(
	struct collect_memory *m, const struct remote *image, const struct collect_process *p, int pagemap)
{
	for (size_t i = 0; i < p->mapping_count; i++) {
		const struct collect_mapping *k = &p->mappings[i];
		size_t at = SEARCH_UP_TO(image->mappings, image->mapping_count, hi, k->lo);

		if (!k->left_out || k->special
			|| (at < image->mapping_count && image->mappings[at].lo < k->hi))
			continue;
		*ARRAY_ADD(m->mappings, m->mapping_count, m->mapping_room) =
			(struct region_mapping){ k->lo, k->hi, REGION_MAPPING };
		pages_read(&m->pages, pagemap, k->lo, k->hi);
	}
}

static int compare_runs(const void *a, const void *b)
{
	const struct page_run *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

static int compare_mappings(const void *a, const void *b)
{
	const struct region_mapping *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* A mapping that was made where another one was left out cannot be in both lists, but the lists may be from
 * different moments. */
static void tidy_runs(struct collect_memory *m)
{
	size_t kept = 0;

	qsort(m->pages.runs, m->pages.count, sizeof(*m->pages.runs), compare_runs);
	for (size_t i = 0; i < m->pages.count; i++)
		if (!kept || m->pages.runs[i].lo >= m->pages.runs[kept - 1].hi)
			m->pages.runs[kept++] = m->pages.runs[i];
	m->pages.count = kept;
	qsort(m->mappings, m->mapping_count, sizeof(*m->mappings), compare_mappings);
}

void collect_memory_pages(
	struct collect_memory *m, struct remote *image, const struct collect_process *p, int pid)
{
	struct collect_process own = { 0 };
	char path[64];
	int pagemap;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	pagemap = open(path, O_RDONLY | O_CLOEXEC);
	for (size_t i = 0; i < image->mapping_count; i++) {
		read_mapping(m, image, &image->mappings[i], p, &own, pagemap);
		/* The kernel does not name pages of zeros, but its counts show how many there are. */
		if (m->pages.zeros && !own.mapping_count)
			collect_process_smaps(&own, image->pid);
	}
	if (pid != image->pid)
		read_left_out(m, image, p, pagemap);
	if (pagemap >= 0)
		close(pagemap);
	if (m->pages.count)
		tidy_runs(m);
	for (size_t i = 0; i < m->pages.count; i++)
		if (m->pages.runs[i].flags & PAGES_RESIDENT)
			m->resident_bytes += m->pages.runs[i].hi - m->pages.runs[i].lo;
	collect_process_free(&own);
}

void collect_memory_core(struct collect_memory *m, struct remote *core)
{
	for (size_t i = 0; i < core->mapping_count; i++) {
		const struct remote_mapping *p = &core->mappings[i];
		uint64_t from = p->lo, end;

		*ARRAY_ADD(m->mappings, m->mapping_count, m->mapping_room) =
			(struct region_mapping){ p->lo, p->hi, kind_of_mapping(p) };
		while (p->writable && !p->shared && remote_run(core, &from, &end, p->hi) && end > from) {
			*ARRAY_ADD(m->pages.runs, m->pages.count, m->pages.room) =
				(struct page_run){ from, end, PAGES_RESIDENT };
			m->resident_bytes += end - from;
			from = end;
		}
	}
}

void collect_memory_free(struct collect_memory *m)
{
	pages_free(&m->pages);
	free(m->mappings);
	memset(m, 0, sizeof(*m));
}

/* --- regions -------------------------------------------------------------------- */

struct boundary {
	uint64_t at;
	uint32_t claim;
	bool opens;
};
struct claim {
	uint64_t lo, hi;
	uint32_t kind, item, rank;
};
struct regions {
	const struct collect_memory *memory;
	struct claim *claims;
	size_t claim_count, claim_room;
	struct tide_region *list;
	size_t count, room;
	const struct claim *last; /* whose the last region of the list is */
	struct tide_pages *pages;
	size_t page_count, page_room;
	size_t run; /* the first run that does not end before what is looked at */
};

static void add_claim(
	struct regions *r, uint64_t lo, uint64_t hi, uint32_t kind, uint32_t item, uint32_t rank)
{
	if (lo < hi && hi < 1ull << 48)
		*ARRAY_ADD(r->claims, r->claim_count, r->claim_room) =
			(struct claim){ lo, hi, kind, item, rank };
}

static int compare_boundaries(const void *a, const void *b)
{
	const struct boundary *x = a, *y = b;

	return (x->at > y->at) - (x->at < y->at);
}

static bool keeps_pages(uint32_t kind)
{
	return kind == REGION_HEAP || kind == REGION_CHUNK || kind == REGION_FOREIGN;
}

static void add_page(struct regions *r, uint64_t lo, uint64_t hi, uint32_t flags)
{
	lo &= ~(PAGE - 1);
	hi = (hi + PAGE - 1) & ~(PAGE - 1);
	if (r->page_count) {
		struct tide_pages *last = &r->pages[r->page_count - 1];
		uint64_t end = last->address + last->pages * PAGE;

		if (lo < end)
			lo = end;
		if (lo >= hi)
			return;
		if (lo == end && flags == last->flags && last->pages + (hi - lo) / PAGE < UINT32_MAX) {
			last->pages += (uint32_t)((hi - lo) / PAGE);
			return;
		}
	}
	for (uint64_t most = PAGE << 20; lo < hi; lo += most)
		*ARRAY_ADD(r->pages, r->page_count, r->page_room) = (struct tide_pages){ lo,
			(uint32_t)((hi - lo < most ? hi - lo : most) / PAGE), flags };
}

static void add_region(struct regions *r, uint64_t lo, uint64_t hi, const struct claim *c)
{
	const struct page_runs *p = &r->memory->pages;
	struct tide_region *last = r->count ? &r->list[r->count - 1] : NULL, *to;

	/* Chunks with mappings of their own may lie side by side. One of them may be several mappings: with
	 * huge pages in its middle, for example. */
	if (last && last->hi == lo && last->kind == c->kind && last->item == c->item
		&& (c->kind != REGION_CHUNK || c == r->last)) {
		last->hi = hi;
		to = last;
	} else {
		to = ARRAY_ADD(r->list, r->count, r->room);
		*to = (struct tide_region){ .lo = lo, .hi = hi, .kind = c->kind, .item = c->item };
	}
	r->last = c;
	while (r->run < p->count && p->runs[r->run].hi <= lo)
		r->run++;
	for (size_t i = r->run; i < p->count && p->runs[i].lo < hi; i++) {
		const struct page_run *k = &p->runs[i];
		uint64_t from = k->lo > lo ? k->lo : lo, end = k->hi < hi ? k->hi : hi;

		if (k->flags & PAGES_RESIDENT)
			to->resident_bytes += end - from;
		if (k->flags & PAGES_HUGE)
			to->huge_bytes += end - from;
		if (k->flags & PAGES_SWAPPED)
			to->swapped_bytes += end - from;
		if (keeps_pages(c->kind))
			add_page(r, from, end, k->flags);
	}
}

/* The same sweep as in roots_regions.c: of the claims that are open, the strongest owns what follows.
 * Memory in no mapping belongs to no claim, whatever the others say. */
static void sweep_boundaries(struct regions *r)
{
	size_t n = 2 * r->claim_count, open_count = 0;
	struct boundary *b = alloc_bytes((n + 1) * sizeof(*b));
	uint32_t *open = alloc_bytes((r->claim_count + 1) * sizeof(*open));

	for (size_t i = 0; i < r->claim_count; i++) {
		b[2 * i] = (struct boundary){ r->claims[i].lo, (uint32_t)i, true };
		b[2 * i + 1] = (struct boundary){ r->claims[i].hi, (uint32_t)i, false };
	}
	qsort(b, n, sizeof(*b), compare_boundaries);
	for (size_t i = 0; i < n;) {
		const struct claim *best = NULL;
		uint64_t at = b[i].at;
		bool mapped = false;

		for (; i < n && b[i].at == at; i++) {
			size_t k;

			if (b[i].opens) {
				open[open_count++] = b[i].claim;
				continue;
			}
			for (k = 0; k < open_count && open[k] != b[i].claim; k++)
				;
			if (k < open_count)
				open[k] = open[--open_count];
		}
		for (size_t k = 0; k < open_count; k++) {
			const struct claim *c = &r->claims[open[k]];

			mapped |= !c->rank;
			if (!best || c->rank > best->rank || (c->rank == best->rank && c > best))
				best = c;
		}
		if (mapped && i < n)
			add_region(r, at, b[i].at, best);
	}
	free(b);
	free(open);
}

static int compare_ranges(const void *a, const void *b)
{
	const struct roots_range *x = a, *y = b;

	return (x->lo > y->lo) - (x->lo < y->lo);
}

/* The ranges of one kind, by address. */
static struct roots_range *list_ranges(const struct references *g, uint32_t kind, size_t *count)
{
	struct roots_range *list = alloc_bytes((g->range_count + 1) * sizeof(*list));

	*count = 0;
	for (uint64_t i = 0; i < g->range_count; i++)
		if (g->ranges[i].kind == kind)
			list[(*count)++] = g->ranges[i];
	qsort(list, *count, sizeof(*list), compare_ranges);
	return list;
}

/* Blocks that no walk has reached belong to an allocator other than glibc's, or to a heap that was not found: theirs
 * is the arena, where that is known, else the whole mapping. All lists are by address. */
static void claim_foreign_memory(
	struct regions *r, const struct references *g, const struct heap *heap, const struct blockmap *blocks)
{
	const struct collect_memory *m = r->memory;
	uint64_t segment = 0, claimed = 0;
	size_t at = 0, arena = 0, arena_count;
	struct roots_range *arenas = list_ranges(g, REGION_FOREIGN, &arena_count);

	for (uint64_t i = 0; i < blocks->count; i++) {
		uint64_t address = blocks->blocks[i].address;

		while (segment < heap->segment_count && heap->segments[segment].hi <= address)
			segment++;
		if (segment < heap->segment_count && heap->segments[segment].lo <= address)
			continue;
		while (arena < arena_count && arenas[arena].hi <= address)
			arena++;
		if (arena < arena_count && arenas[arena].lo <= address) {
			if (claimed < arenas[arena].hi)
				add_claim(
					r, arenas[arena].lo, arenas[arena].hi, REGION_FOREIGN, UINT32_MAX, 1);
			claimed = arenas[arena].hi;
			continue;
		}
		while (at < m->mapping_count && m->mappings[at].hi <= address)
			at++;
		if (at == m->mapping_count || m->mappings[at].lo > address)
			continue;
		add_claim(r, m->mappings[at].lo, m->mappings[at].hi, REGION_FOREIGN, UINT32_MAX, 1);
		at++;
	}
	free(arenas);
}

/* The kernel joins mappings that lie side by side: what the program has mapped next to an allocator's memory is not
 * the allocator's, unless there are blocks in it. */
static void claim_program_memory(struct regions *r, const struct references *g, const struct blockmap *blocks)
{
	const struct collect_memory *m = r->memory;

	for (uint64_t i = 0; i < g->range_count; i++) {
		const struct roots_range *k = &g->ranges[i];
		size_t block = SEARCH_UP_TO(blocks->blocks, blocks->count, address, k->lo - 1);

		if (k->kind != REGION_MAPPING
			|| (block < blocks->count && blocks->blocks[block].address < k->hi))
			continue;
		for (size_t at = SEARCH_UP_TO(m->mappings, m->mapping_count, hi, k->lo);
			at < m->mapping_count && m->mappings[at].lo < k->hi; at++) {
			const struct region_mapping *p = &m->mappings[at];

			add_claim(r, k->lo > p->lo ? k->lo : p->lo, k->hi < p->hi ? k->hi : p->hi, p->kind,
				UINT32_MAX, 1);
		}
	}
}

void collect_memory_regions(struct collect_memory *m, const struct references *g, const struct heap *heap,
	const struct blockmap *blocks, struct snapshot_writer *w)
{
	struct regions r = { .memory = m };

	for (size_t i = 0; i < m->mapping_count; i++)
		add_claim(&r, m->mappings[i].lo, m->mappings[i].hi, m->mappings[i].kind, UINT32_MAX, 0);
	/* Ranks of roots/ begin at 0; 0 and 1 are taken here. */
	claim_foreign_memory(&r, g, heap, blocks);
	claim_program_memory(&r, g, blocks);
	for (uint64_t i = 0; i < g->range_count; i++)
		if (g->ranges[i].kind != REGION_MAPPING && g->ranges[i].kind != REGION_FOREIGN)
			add_claim(&r, g->ranges[i].lo, g->ranges[i].hi, g->ranges[i].kind, UINT32_MAX,
				g->ranges[i].rank + 2);
	for (uint64_t i = 0; i < heap->segment_count; i++) {
		const struct heap_segment *k = &heap->segments[i];

		add_claim(&r, k->lo, k->hi, k->arena == HEAP_NO_ARENA ? REGION_CHUNK : REGION_HEAP, k->arena,
			RANK_HEAP);
	}
	sweep_boundaries(&r);
	free(r.claims);
	snapshot_writer_section(w, SECTION_REGIONS, sizeof(*r.list), r.list, r.count, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_PAGES, sizeof(*r.pages), r.pages, r.page_count, SNAPSHOT_TAKE);
}
