/* sharing.c - see sharing.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "sharing.h"

static void add_block(struct leak_sum *sum, const struct snapshot *s, uint32_t block)
{
	sum->blocks++;
	sum->bytes += s->blocks[block].bytes;
}

/* By number, whether no root is above it in the tree of dominators. Parents come first. */
static uint8_t *find_unowned(const struct retained *r)
{
	const struct dominate *d = &r->d;
	uint8_t *unowned = alloc_zeroed(d->count + 1ull, 1);

	for (uint32_t i = 1; i < d->count; i++)
		unowned[i] = d->dominator[i] ? unowned[d->dominator[i]] : d->node[i] < r->l->graph.blocks;
	return unowned;
}

static void insert_root(struct sharing *s, uint32_t root, const struct leak_sum *part)
{
	size_t at = s->count < SHARING_ROOTS ? s->count++ : SHARING_ROOTS;

	for (; at && s->part[at - 1].bytes < part->bytes; at--)
		if (at < SHARING_ROOTS) {
			s->root[at] = s->root[at - 1];
			s->part[at] = s->part[at - 1];
		}
	if (at < SHARING_ROOTS) {
		s->root[at] = root;
		s->part[at] = *part;
	}
}

void sharing_find(struct sharing *s, const struct retained *r)
{
	struct leak_sum part[OWNERS_NAMED] = { 0 };
	uint8_t *unowned = find_unowned(r);
	struct owners o;

	*s = (struct sharing){ 0 };
	retained_owners(r, &o);
	for (uint32_t i = 1; i < r->d.count; i++) {
		uint32_t block = r->d.node[i];

		if (!unowned[i])
			continue;
		add_block(&s->sum, r->s, block);
		for (uint32_t k = 0; k < o.named_count; k++)
			if (o.holders[block] >> k & 1)
				add_block(&part[k], r->s, block);
	}
	for (uint32_t k = 0; k < o.named_count; k++)
		if (part[k].blocks)
			insert_root(s, o.named[k], &part[k]);
	owners_free(&o);
	free(unowned);
}
