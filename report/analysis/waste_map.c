/* waste_map.c - see waste_map.h. */
#include "waste_map.h"

#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/search.h"
#include "waste_private.h"

struct filling {
	struct waste_map *map;
	const struct snapshot *s;
	struct waste_pages pages;
	/* Live bytes of each site in the cell that is being filled, and which sites these are. */
	uint64_t *bytes;
	uint32_t *sites;
	size_t site_count;
};

static bool is_drawn(const struct tide_region *r)
{
	return (r->kind == REGION_HEAP || r->kind == REGION_FOREIGN) && r->hi > r->lo;
}

/* Keeps the largest sites of the cell, and forgets the sums. */
static void end_cell(struct filling *f, struct waste_cell *c)
{
	for (unsigned k = 0; k < WASTE_MAP_SITES; k++) {
		uint32_t most = UINT32_MAX;

		for (size_t i = 0; i < f->site_count; i++) {
			uint32_t site = f->sites[i];

			if (f->bytes[site] && (most == UINT32_MAX || f->bytes[site] > f->bytes[most]))
				most = site;
		}
		c->site[k] = most;
		if (most != UINT32_MAX)
			f->bytes[most] = 0;
	}
	for (size_t i = 0; i < f->site_count; i++)
		f->bytes[f->sites[i]] = 0;
	f->site_count = 0;
}

static void add_block(struct filling *f, struct waste_cell *c, const struct tide_block *b)
{
	uint64_t lo = b->address > c->address ? b->address : c->address, hi = c->address + c->bytes;
	uint32_t site = b->site < f->s->site_count ? b->site : 0;

	if (b->bytes < hi - b->address || b->address >= hi)
		hi = b->address + b->bytes;
	c->blocks++;
	if (hi <= lo)
		return;
	c->live += hi - lo;
	if (!f->bytes[site])
		f->sites[f->site_count++] = site;
	f->bytes[site] += hi - lo;
}

static void fill_region(struct filling *f, const struct tide_region *r)
{
	const struct snapshot *s = f->s;
	struct waste_map *m = f->map;
	struct waste_strip *strip = ARRAY_ADD(m->strips, m->strip_count, m->strip_room);
	size_t next = SEARCH_UP_TO(s->blocks, s->block_count, address, r->lo - 1);

	*strip = (struct waste_strip){ .arena = r->kind == REGION_HEAP ? r->item : UINT32_MAX };
	for (uint64_t at = r->lo; at < r->hi;) {
		uint64_t bytes = r->hi - at < m->cell_bytes ? r->hi - at : m->cell_bytes;
		struct waste_cell *c = ARRAY_ADD(m->cells, m->cell_count, m->cell_room);
		struct waste_bytes pages = waste_pages_of(&f->pages, at, at + bytes);
		size_t i = next;

		*c = (struct waste_cell){
			.address = at, .bytes = bytes, .resident = pages.resident, .swapped = pages.swapped
		};
		at += bytes;
		for (; i < s->block_count && s->blocks[i].address < at; i++)
			add_block(f, c, &s->blocks[i]);
		/* The last block may continue in the next cell. */
		next = i && i > next && s->blocks[i - 1].bytes > at - s->blocks[i - 1].address ? i - 1 : i;
		end_cell(f, c);
		strip->cells++;
	}
}

void waste_map_find(struct waste_map *m, const struct snapshot *s)
{
	struct filling f = { .map = m, .s = s };
	uint64_t all = 0;

	*m = (struct waste_map){ 0 };
	for (size_t i = 0; i < s->region_count; i++)
		if (is_drawn(&s->regions[i]))
			all += s->regions[i].hi - s->regions[i].lo;
	/* A power of two pages. */
	for (m->cell_bytes = WASTE_PAGE; all / m->cell_bytes > WASTE_MAP_CELLS; m->cell_bytes *= 2)
		;
	f.bytes = alloc_zeroed(s->site_count + 1, sizeof(*f.bytes));
	f.sites = alloc_zeroed(s->site_count + 1, sizeof(*f.sites));
	waste_pages_begin(&f.pages, s);
	for (size_t i = 0; i < s->region_count; i++)
		if (is_drawn(&s->regions[i]))
			fill_region(&f, &s->regions[i]);
	waste_pages_end(&f.pages);
	free(f.bytes);
	free(f.sites);
}

void waste_map_free(struct waste_map *m)
{
	free(m->cells);
	free(m->strips);
	*m = (struct waste_map){ 0 };
}
