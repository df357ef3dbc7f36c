/* waste_copies.c - see waste_copies.h. */
#include <stdlib.h>
#include "base/array.h"
#include "waste_copies.h"

struct copy {
	uint64_t content, bytes;
	uint32_t site;
};

static int compare_copies(const void *a, const void *b)
{
	const struct copy *x = a, *y = b;

	if (x->content != y->content)
		return x->content < y->content ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? -1 : 1;
	return (x->site > y->site) - (x->site < y->site);
}

static int compare_rows(const void *a, const void *b)
{
	const struct waste_content *x = a, *y = b;

	if (x->wasted != y->wasted)
		return x->wasted > y->wasted ? -1 : 1;
	return (x->sites[0] > y->sites[0]) - (x->sites[0] < y->sites[0]);
}

static void add_row(struct waste_copies *c, const struct copy *copy, size_t count)
{
	struct waste_content *row = ARRAY_ADD(c->rows, c->count, c->room);

	*row = (struct waste_content){ .copies = count,
		.bytes = copy->bytes,
		.wasted = (count - 1) * copy->bytes,
		.sites = alloc_bytes(count * sizeof(*row->sites)) };
	for (size_t i = 0; i < count; i++)
		if (!i || copy[i].site != copy[i - 1].site)
			row->sites[row->site_count++] = copy[i].site;
	c->wasted += row->wasted;
}

void waste_copies_find(struct waste_copies *c, const struct snapshot *s)
{
	struct copy *list = alloc_bytes((s->duplicate_count + 1) * sizeof(*list));
	size_t count = 0;

	*c = (struct waste_copies){ 0 };
	for (size_t i = 0; i < s->duplicate_count; i++)
		if (s->duplicates[i].block < s->block_count) {
			const struct tide_block *b = &s->blocks[s->duplicates[i].block];

			list[count++] = (struct copy){ s->duplicates[i].content, b->bytes, b->site };
		}
	qsort(list, count, sizeof(*list), compare_copies);
	for (size_t i = 0, end; i < count; i = end) {
		for (end = i + 1; end < count && list[end].content == list[i].content
			&& list[end].bytes == list[i].bytes;
			end++)
			;
		if (end - i > 1)
			add_row(c, list + i, end - i);
	}
	free(list);
	if (c->count)
		qsort(c->rows, c->count, sizeof(*c->rows), compare_rows);
}

void waste_copies_free(struct waste_copies *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->rows[i].sites);
	free(c->rows);
	*c = (struct waste_copies){ 0 };
}
