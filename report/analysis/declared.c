/* declared.c - see declared.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "declared.h"

#define MOST_COLUMNS 16u /* of a site; a file may claim more */
#define MORE 254         /* SECTION_COUNT_VALUES: this or more */

#define SLOTS 16u /* offsets 0, 4 .. 60 */

struct column {
	struct declared_site sums;
	uint64_t seen; /* bit of each count that agreed */
};

/* Sites whose blocks are made by one line are one pool: lost blocks often come by another way than
 * the healthy ones. */
struct pools {
	uint32_t *first; /* [sites] first of the site's columns in counts, + 1; 0: none */
	uint32_t *of;    /* [sites] pool */
	uint32_t count;
	struct column (*column)[SLOTS];
	uint8_t *chosen; /* [count] slot + 1; 0: none */
};

struct named {
	uint64_t key;
	uint32_t site;
};

static bool is_usable(const struct snapshot *s, const struct tide_count *c)
{
	return c->site < s->site_count && c->first <= s->count_value_count
		&& c->blocks <= s->count_value_count - c->first && c->offset % 4 == 0
		&& c->offset / 4 < SLOTS;
}

static int compare(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

static void make_pools(struct pools *p, const struct snapshot *s, struct symbols *symbols)
{
	struct named *named = alloc_bytes((s->site_count + 1) * sizeof(*named));
	size_t count = 0;

	p->first = alloc_zeroed(s->site_count + 1, sizeof(*p->first));
	p->of = alloc_zeroed(s->site_count + 1, sizeof(*p->of));
	for (size_t i = s->count_count; i--;)
		if (is_usable(s, &s->counts[i]))
			p->first[s->counts[i].site] = (uint32_t)i + 1;
	for (uint32_t i = 0; i < s->site_count; i++)
		if (p->first[i]) {
			const struct symbol_line *line = symbols_top(symbols, i);
			uint64_t key = XXH3_64bits(line->function, strlen(line->function));

			named[count++] =
				(struct named){ line->has_symbol ? key * 31 + line->line : line->address, i };
		}
	if (count)
		qsort(named, count, sizeof(*named), compare);
	for (size_t i = 0; i < count; i++) {
		p->count += !i || named[i].key != named[i - 1].key;
		p->of[named[i].site] = p->count - 1;
	}
	free(named);
	p->column = alloc_zeroed((uint64_t)p->count + 1, sizeof(*p->column));
	p->chosen = alloc_zeroed((uint64_t)p->count + 1, 1);
}

static bool is_accepted(const struct column *c, uint32_t offset, int64_t at)
{
	if (at >= 0)
		return offset == at && (c->sums.live || c->sums.lost);
	return c->sums.live >= 4 && c->sums.agree * 10 >= c->sums.live * 9 && (c->seen & (c->seen - 1));
}

static void take(struct column *c, uint32_t site, uint8_t value, uint64_t found, enum leak_kind kind)
{
	if (LEAK_IS_LOST(kind)) {
		if (!c->sums.lost++)
			c->sums.site = site;
		if (value <= MORE && value > found) {
			c->sums.exceed++;
			c->sums.excess += value - found;
		}
		return;
	}
	c->sums.live++;
	if (value < MORE && value == found) {
		c->sums.agree++;
		c->seen |= 1ull << (found < 63 ? found : 63);
	}
}

/* The value of block `nth` of its site at `slot`; 255: not known. */
static uint8_t read_value(
	const struct snapshot *s, const struct pools *p, uint32_t site, uint32_t nth, unsigned slot)
{
	for (size_t i = p->first[site] - 1, end = i + MOST_COLUMNS;
		i < s->count_count && i < end && s->counts[i].site == site; i++)
		if (is_usable(s, &s->counts[i]) && s->counts[i].offset / 4 == slot
			&& nth < s->counts[i].blocks)
			return s->count_values[s->counts[i].first + nth];
	return 255;
}

static void count_agreement(const struct snapshot *s, const struct leaks *l, struct pools *p)
{
	uint32_t *nth = alloc_zeroed(s->site_count + 1, sizeof(*nth)), *roots, *blocks;

	graph_found(&l->graph, &roots, &blocks);
	for (uint32_t b = 0; b < l->graph.blocks; b++) {
		uint32_t site = s->blocks[b].site, n;

		if (site >= s->site_count || !p->first[site])
			continue;
		n = nth[site]++;
		for (size_t i = p->first[site] - 1, end = i + MOST_COLUMNS;
			i < s->count_count && i < end && s->counts[i].site == site; i++)
			if (is_usable(s, &s->counts[i]) && n < s->counts[i].blocks)
				take(&p->column[p->of[site]][s->counts[i].offset / 4], site,
					s->count_values[s->counts[i].first + n],
					(uint64_t)roots[b] + blocks[b],
					(enum leak_kind)(l->kind[b] & LEAK_KIND_MASK));
	}
	free(nth);
	free(roots);
	free(blocks);
}

void declared_find(struct declared *d, const struct snapshot *s, const struct leaks *l,
	struct symbols *symbols, int64_t at)
{
	struct pools p = { 0 };
	uint32_t *nth;

	memset(d, 0, sizeof(*d));
	if (!s->count_count || s->count_count >= UINT32_MAX)
		return;
	make_pools(&p, s, symbols);
	count_agreement(s, l, &p);
	d->site = alloc_bytes(((uint64_t)p.count + 1) * sizeof(*d->site));
	for (uint32_t i = 0; i < p.count; i++) {
		/* Of several columns the one that agrees best; of equals the lowest offset. */
		for (unsigned k = 0; k < SLOTS; k++)
			if (is_accepted(&p.column[i][k], k * 4, at)
				&& (!p.chosen[i]
					|| p.column[i][k].sums.agree
						> p.column[i][p.chosen[i] - 1].sums.agree))
				p.chosen[i] = (uint8_t)(k + 1);
		if (!p.chosen[i])
			continue;
		d->site[d->count] = p.column[i][p.chosen[i] - 1].sums;
		d->site[d->count++].offset = (p.chosen[i] - 1u) * 4;
	}
	d->value = alloc_bytes(((uint64_t)l->graph.blocks + 1) * sizeof(*d->value));
	nth = alloc_zeroed(s->site_count + 1, sizeof(*nth));
	for (uint32_t b = 0; b < l->graph.blocks; b++) {
		uint32_t site = s->blocks[b].site;
		uint8_t value = 255;

		if (site < s->site_count && p.first[site] && p.chosen[p.of[site]])
			value = read_value(s, &p, site, nth[site]++, p.chosen[p.of[site]] - 1u);
		d->value[b] = value == 255 ? -1 : value;
	}
	free(nth);
	free(p.first);
	free(p.of);
	free(p.column);
	free(p.chosen);
}

void declared_free(struct declared *d)
{
	free(d->site);
	free(d->value);
	memset(d, 0, sizeof(*d));
}
