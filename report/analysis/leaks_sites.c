/* leaks_sites.c - sites that read the same are one (struct leaks, same_site). Names are looked up
 * only for sites that the report will show: of lost and possible blocks, of all where those are asked for. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "leaks_private.h"
#include "reach.h"
#include "symbol/site_key.h"

struct named {
	uint64_t key;
	uint32_t site;
};

struct symbols *leaks_symbols(struct leaks_work *w)
{
	if (!w->symbols)
		w->symbols = symbols_new(w->s);
	return w->symbols;
}

static int compare(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

void leaks_same_sites(struct leaks_work *w)
{
	uint32_t *same = alloc_bytes((w->s->site_count + 1) * sizeof(*same));
	uint8_t *wanted = alloc_zeroed(w->s->site_count + 1, 1);
	struct named *named = NULL;
	struct site_keys *keys;
	size_t count = 0, at = 0;

	for (uint32_t i = 0; i <= w->s->site_count; i++)
		same[i] = i;
	w->l->same_site = same;
	for (uint32_t i = 0; i < w->l->graph.blocks; i++)
		if ((w->state[i] != REACH_FULL || w->o->live) && w->s->blocks[i].site < w->s->site_count
			&& w->s->sites[w->s->blocks[i].site].frame && !wanted[w->s->blocks[i].site]) {
			wanted[w->s->blocks[i].site] = 1;
			count++;
		}
	if (count < 2 || w->o->totals_only) {
		free(wanted);
		return;
	}
	named = alloc_bytes(count * sizeof(*named));
	keys = site_keys_new(w->s, leaks_symbols(w));
	site_keys_exact(&keys, 1); /* lines count: two places of one function are two sites */
	for (uint32_t i = 0; i < w->s->site_count; i++)
		if (wanted[i])
			named[at++] = (struct named){ site_key(keys, i), i };
	qsort(named, count, sizeof(*named), compare);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (named[i].key != named[first].key)
			first = i;
		same[named[i].site] = named[first].site;
	}
	site_keys_free(keys);
	free(named);
	free(wanted);
}
