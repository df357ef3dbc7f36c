/* waste_spare.c - see waste_spare.h. */
#include "waste_spare.h"

#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "symbol/name.h"

#define UNKNOWN UINT64_MAX

struct search {
	const struct snapshot *s;
	bool *vector;   /* [sites] */
	uint64_t *used; /* [blocks] the largest of what vectors say; UNKNOWN */
};

static bool begins_with(const char *text, const char *with) { return !strncmp(text, with, strlen(with)); }

/* Of a function of the library: does it allocate for whatever called it? */
static bool is_allocator(const char *name)
{
	return begins_with(name, "operator new") || strstr(name, "allocator") || strstr(name, "__allocate")
		|| strstr(name, "__libcpp_");
}

/* Is the innermost container of its stack a vector? */
static bool is_vector(struct symbols *symbols, uint32_t site)
{
	static const char *const names[] = { "std::vector<", "std::_Vector_base<", "std::__1::vector<" };
	size_t count;
	const struct symbol_line *line = symbols_stack(symbols, site, &count);

	for (size_t i = 0; i < count; i++) {
		char *name = name_function(line[i].function, true);
		const char *at = strstr(name, "std::");
		bool found = false, skip = is_allocator(name);

		for (size_t k = 0; k < sizeof(names) / sizeof(*names) && at; k++)
			found |= begins_with(at, names[k]);
		free(name);
		if (found || !skip)
			return found;
	}
	return false;
}

/* Two words next to each other, the first to the start of a block, the second into it. */
static void add_words(struct search *p, uint32_t block, uint32_t start, uint32_t next_block, uint32_t end)
{
	const struct snapshot *s = p->s;

	if (block != next_block || start || block >= s->block_count || s->blocks[block].site >= s->site_count
		|| !p->vector[s->blocks[block].site] || end >= s->blocks[block].bytes)
		return;
	if (p->used[block] == UNKNOWN || p->used[block] < end)
		p->used[block] = end;
}

static void read_words(struct search *p)
{
	const struct snapshot *s = p->s;

	for (size_t i = 0; i < s->block_count && s->edge_count; i++)
		for (uint64_t k = s->edge_starts[i]; k + 1 < s->edge_starts[i + 1]; k++)
			if (s->edges[k].offset + 8ull == s->edges[k + 1].offset)
				add_words(p, s->edges[k].block, s->edges[k].to_offset, s->edges[k + 1].block,
					s->edges[k + 1].to_offset);
	for (size_t k = 0; k + 1 < s->root_edge_count; k++)
		if (s->root_edges[k].address + 8 == s->root_edges[k + 1].address)
			add_words(p, s->root_edges[k].block, s->root_edges[k].to_offset,
				s->root_edges[k + 1].block, s->root_edges[k + 1].to_offset);
}

static int compare_rows(const void *a, const void *b)
{
	const struct waste_spare_row *x = a, *y = b;
	uint64_t p = x->bytes - x->used, q = y->bytes - y->used;

	return p != q ? (p > q ? -1 : 1) : (x->site > y->site) - (x->site < y->site);
}

static void sum_rows(struct waste_spare *to, const struct search *p)
{
	const struct snapshot *s = p->s;
	struct waste_spare_row *row = alloc_zeroed(s->site_count + 1, sizeof(*row));

	for (size_t i = 0; i < s->block_count; i++) {
		struct waste_spare_row *r = &row[s->blocks[i].site < s->site_count ? s->blocks[i].site : 0];

		if (p->used[i] == UNKNOWN)
			continue;
		r->blocks++;
		r->bytes += s->blocks[i].bytes;
		r->used += p->used[i];
		to->bytes += s->blocks[i].bytes - p->used[i];
	}
	for (uint32_t i = 0; i < s->site_count; i++)
		if (row[i].blocks) {
			row[to->count] = row[i];
			row[to->count++].site = i;
		}
	if (to->count)
		qsort(row, to->count, sizeof(*row), compare_rows);
	to->rows = row;
}

void waste_spare_find(struct waste_spare *to, const struct snapshot *s, struct symbols *symbols)
{
	struct search p = { .s = s,
		.vector = alloc_zeroed(s->site_count + 1, sizeof(*p.vector)),
		.used = alloc_bytes((s->block_count + 1) * sizeof(*p.used)) };
	bool any = false;

	*to = (struct waste_spare){ 0 };
	memset(p.used, 0xff, (s->block_count + 1) * sizeof(*p.used));
	for (uint32_t i = SITE_FIRST; i < s->site_count; i++)
		if (s->sites[i].live_blocks && s->sites[i].frame)
			any |= p.vector[i] = is_vector(symbols, i);
	if (any) {
		read_words(&p);
		sum_rows(to, &p);
	}
	free(p.vector);
	free(p.used);
}

void waste_spare_free(struct waste_spare *p)
{
	free(p->rows);
	*p = (struct waste_spare){ 0 };
}
