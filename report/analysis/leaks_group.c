/* leaks_group.c - root leaks and root cycles, merged where equal, and what each retains. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/index.h"
#include "base/array.h"
#include "base/fetch.h"
#include "dominate.h"
#include "leaks_private.h"
#include "subgraph.h"

/* Finds the group of a set of sites. */
struct finder {
	uint64_t *key; /* of group i */
	size_t capacity, group_capacity;
	struct index index;
};

static struct leak_group *group_at(struct leaks *l, struct finder *f, uint64_t key)
{
	uint64_t hash = index_hash(key);
	struct leak_group *g;

	INDEX_EACH(&f->index, hash, probe)
	if (f->key[probe.number] == key)
		return &l->groups[probe.number];
	index_add(&f->index, hash, (uint32_t)l->group_count);
	ARRAY_RESERVE(f->key, f->capacity, (uint64_t)l->group_count + 1);
	f->key[l->group_count] = key;
	g = ARRAY_ADD(l->groups, l->group_count, f->group_capacity);
	*g = (struct leak_group){ .head = GRAPH_NONE, .suppression = -1 };
	return g;
}

static uint64_t mix_key(uint64_t h, uint64_t value)
{
	h = (h ^ value) * 0xff51afd7ed558ccdu;
	return h ^ h >> 32;
}

static void take_block(struct leaks_work *w, struct leak_group *g, uint32_t block)
{
	struct leaks *l = w->l;
	const struct tide_block *b = &w->s->blocks[block];

	l->group_of[block] = (uint32_t)(g - l->groups);
	if (l->kind[block] & LEAK_LEFT_OUT)
		return;
	g->blocks++;
	g->bytes += b->bytes;
	g->self |= !!(l->kind[block] & LEAK_SELF);
	if (l->kind[block] & LEAK_SUPPRESSED && g->suppression < 0)
		g->suppression = w->rule[block];
}

/* Keeps the oldest head. */
static void update_head(struct leaks_work *w, struct leak_group *g, uint32_t head)
{
	if (g->head != GRAPH_NONE && w->s->blocks[g->head].birth <= w->s->blocks[head].birth)
		return;
	g->head = head;
	g->site = leaks_site(w, head);
}

static int compare_sites(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static bool counts(const struct leaks *l, uint32_t block) { return !(l->kind[block] & LEAK_LEFT_OUT); }

static void group_cycle(struct leaks_work *w, struct finder *f, uint32_t cycle)
{
	struct leaks *l = w->l;
	const struct components *c = &l->components;
	uint32_t first = c->cycle_start[cycle], size = c->cycle_start[cycle + 1] - first, distinct = 0;
	uint32_t *sites = alloc_bytes((uint64_t)size * sizeof(*sites));
	uint64_t key;
	struct leak_group *g;
	bool any = false;

	for (uint32_t k = 0; k < size; k++)
		sites[k] = leaks_site(w, c->cycle_block[first + k]);
	qsort(sites, size, sizeof(*sites), compare_sites);
	key = mix_key(!!(l->kind[c->head[cycle]] & LEAK_SUPPRESSED), 0xc0);
	for (uint32_t k = 0; k < size; k++)
		if (!k || sites[k] != sites[k - 1]) {
			key = mix_key(key, sites[k]);
			distinct++;
		}
	free(sites);
	g = group_at(l, f, key | 1ull << 63);
	if (g->head == GRAPH_NONE)
		g->container = true;
	g->kind = LEAK_CYCLE;
	g->sites = distinct;
	g->container &= c->container[cycle];
	if (size > g->nodes_most)
		g->nodes_most = size;
	for (uint32_t k = 0; k < size; k++) {
		any |= counts(l, c->cycle_block[first + k]);
		take_block(w, g, c->cycle_block[first + k]);
	}
	g->roots += any;
	update_head(w, g, c->head[cycle]);
}

void leaks_group(struct leaks_work *w)
{
	struct leaks *l = w->l;
	const struct components *c = &l->components;
	struct finder f = { 0 };

	l->group_of = alloc_bytes(((uint64_t)l->graph.blocks + 1) * sizeof(*l->group_of));
	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		struct leak_group *g;

		l->group_of[i] = GRAPH_NONE;
		if (leaks_kind(l, i) != LEAK_UNREFERENCED)
			continue;
		/* Keys of single sites and of sets of sites must not meet: the top bit is for sets. */
		g = group_at(l, &f, (uint64_t)leaks_site(w, i) << 1 | !!(l->kind[i] & LEAK_SUPPRESSED));
		g->kind = LEAK_UNREFERENCED;
		g->sites = g->nodes_most = 1;
		g->roots += counts(l, i);
		take_block(w, g, i);
		update_head(w, g, i);
	}
	for (uint32_t r = 0; r < c->cycles; r++)
		if (!c->held[c->cycle[r]])
			group_cycle(w, &f, r);
	free(f.key);
	index_free(&f.index);
}

/* The blocks whose dominators are sought: what is lost, or everything. */
static void choose_nodes(const struct leaks_work *w, struct subgraph *part)
{
	const struct graph *g = &w->l->graph;

	if (!w->o->live)
		subgraph_new(part, g, w->state, NULL);
	else /* all of them, by their own numbers */
		*part = (struct subgraph){ .blocks = g->blocks, .start = g->start, .out = g->out };
}

static uint32_t block_of(const struct subgraph *part, uint32_t node)
{
	return part->block ? part->block[node] : node;
}

/* Extra nodes: one per group, with its members below it; one for all roots; and the beginning. */
static void make_extras(const struct leaks_work *w, const struct subgraph *part, struct dominate_graph *d,
	uint32_t **starts, uint32_t **outs)
{
	const struct leaks *l = w->l;
	uint32_t groups = (uint32_t)l->group_count, blocks = part->blocks, n = 0;
	uint64_t live = w->o->live ? w->s->root_edge_count : 0;
	uint32_t *start = alloc_zeroed((uint64_t)groups + 4, sizeof(*start)), *out;

	for (uint32_t i = 0; i < blocks; i++)
		if (l->group_of[block_of(part, i)] != GRAPH_NONE)
			start[l->group_of[block_of(part, i)] + 2]++;
	for (uint32_t i = 1; i <= groups; i++)
		start[i + 1] += start[i];
	n = start[groups + 1];
	out = alloc_bytes(((uint64_t)n + live + groups + 2 + (w->o->live ? blocks : 0)) * sizeof(*out));
	for (uint32_t i = 0; i < blocks; i++)
		if (l->group_of[block_of(part, i)] != GRAPH_NONE)
			out[start[l->group_of[block_of(part, i)] + 1]++] = i;
	/* start[groups] is the end of the last group: the roots' node begins there. */
	if (w->o->live) {
		for (uint64_t i = 0; i < w->s->root_edge_count; i++)
			if (w->s->root_edges[i].block < blocks && w->s->root_edges[i].root < l->graph.roots)
				out[n++] = w->s->root_edges[i].block;
		for (uint32_t i = 0; i < blocks; i++)
			if (w->s->blocks[i].flags & (BLOCK_NEW | BLOCK_IGNORED))
				out[n++] = i;
	}
	start[groups + 1] = n;
	for (uint32_t i = 0; i <= groups; i++)
		out[n++] = blocks + i;
	start[groups + 2] = n;
	*d = (struct dominate_graph){ .blocks = blocks,
		.extras = groups + 2,
		.start = part->start,
		.out = part->out,
		.extra_start = start,
		.extra_out = out };
	*starts = start;
	*outs = out;
}

/* From now on nodes are the snapshot's blocks, then the extra ones. */
static void rename_nodes(const struct leaks_work *w, const struct subgraph *part, struct dominate *d)
{
	for (uint32_t i = 0; part->block && i < d->count; i++)
		d->node[i] = d->node[i] < part->blocks ? part->block[d->node[i]]
						       : d->node[i] - part->blocks + w->l->graph.blocks;
}

/* The record of a node, + 1; 0 where it counts for none. */
static uint32_t record_of(const struct leaks_work *w, uint32_t node)
{
	if (node >= w->l->graph.blocks || w->l->kind[node] & LEAK_LEFT_OUT)
		return 0;
	return w->record_of[leaks_record_slot(w, node)];
}

#define AHEAD 24u /* nodes, which are far from each other in memory */

/* Records: what a block retains counts once, though blocks of one record may dominate each
 * other: only the topmost of them count. Walks the tree of dominators with a stack. */
static void retain_records(struct leaks_work *w, const struct dominate *d)
{
	struct leaks *l = w->l;
	uint32_t *first, *child, *next, *open, *stack, *record, depth = 0;

	dominate_children(d, &first, &child);
	next = alloc_bytes((uint64_t)d->count * sizeof(*next));
	memcpy(next, first, (uint64_t)d->count * sizeof(*next));
	open = alloc_zeroed(l->record_count + 1, sizeof(*open));
	record = alloc_bytes((uint64_t)d->count * sizeof(*record));
	for (uint32_t i = 0; i < d->count; i++) {
		if (i + AHEAD < d->count && d->node[i + AHEAD] < l->graph.blocks) {
			fetch_line(&l->kind[d->node[i + AHEAD]]);
			fetch_line(&w->s->blocks[d->node[i + AHEAD]]);
		}
		record[i] = record_of(w, d->node[i]);
	}
	stack = alloc_bytes((uint64_t)d->count * sizeof(*stack));
	for (size_t i = 0; i < l->record_count; i++)
		if (LEAK_IS_LOST(l->records[i].kind) || w->o->live)
			l->records[i].retained_blocks = l->records[i].retained_bytes = 0;
	stack[depth++] = 0;
	while (depth) {
		uint32_t i = stack[depth - 1], slot = record[i];

		if (next[i] == first[i] && slot && !open[slot - 1]++) {
			l->records[slot - 1].retained_blocks += d->blocks[i];
			l->records[slot - 1].retained_bytes += d->bytes[i];
		}
		if (next[i] < first[i + 1]) {
			stack[depth++] = child[next[i]++];
			continue;
		}
		if (slot)
			open[slot - 1]--;
		depth--;
	}
	free(first);
	free(child);
	free(next);
	free(open);
	free(record);
	free(stack);
}

/* `groups`: the preorder number of each group. */
static void retain_groups(struct leaks_work *w, const struct dominate *d, const uint32_t *groups)
{
	struct leaks *l = w->l;

	for (uint32_t i = 0; i < l->group_count; i++) {
		struct leak_group *g = &l->groups[i];
		uint32_t number = groups[i];

		g->retained_blocks = g->suppression < 0 ? d->blocks[number] : g->blocks;
		g->retained_bytes = g->suppression < 0 ? d->bytes[number] : g->bytes;
	}
	for (uint32_t i = 1; i < d->count; i++)
		if (!d->dominator[i] && d->node[i] < l->graph.blocks
			&& leaks_kind(l, d->node[i]) == LEAK_INDIRECT) {
			l->shared.blocks += d->blocks[i];
			l->shared.bytes += d->bytes[i];
		}
}

static int compare_pairs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Records of root leaks retain what their groups do: also what several of their blocks share.
 * A site may take part in root cycles of several groups, each of which counts once. */
static void retain_root_records(struct leaks_work *w)
{
	struct leaks *l = w->l;
	uint64_t *pair = NULL, last = UINT64_MAX;
	size_t count = 0, room = 0;

	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		uint32_t slot = l->group_of[i] == GRAPH_NONE ? 0 : record_of(w, i);

		if (!slot || ((uint64_t)slot << 32 | l->group_of[i]) == last)
			continue;
		last = (uint64_t)slot << 32 | l->group_of[i];
		*ARRAY_ADD(pair, count, room) = last;
	}
	if (count)
		qsort(pair, count, sizeof(*pair), compare_pairs);
	for (size_t i = 0; i < count; i++) {
		struct leak_record *r = &l->records[(pair[i] >> 32) - 1];
		struct leak_group *g = &l->groups[(uint32_t)pair[i]];

		if (i && pair[i] == pair[i - 1])
			continue;
		if (r->group == GRAPH_NONE) {
			r->group = (uint32_t)pair[i];
			r->retained_blocks = r->retained_bytes = 0;
		}
		r->retained_blocks += g->retained_blocks;
		r->retained_bytes += g->retained_bytes;
	}
	free(pair);
}

int leaks_order_parse(const char *text, enum leaks_order *order)
{
	static const char *const names[] = { "retained", "blocks", "itself", "leaks" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i])) {
			*order = (enum leaks_order)i;
			return 0;
		}
	return -1;
}

uint64_t leaks_order_value(enum leaks_order order, uint64_t roots, uint64_t bytes, uint64_t retained_blocks,
	uint64_t retained_bytes)
{
	switch (order) {
	case LEAKS_BY_BLOCKS: return retained_blocks;
	case LEAKS_BY_ITSELF: return bytes;
	case LEAKS_BY_LEAKS: return roots;
	default: return retained_bytes;
	}
}

static uint64_t order_group(const struct leaks_work *w, const struct leak_group *g)
{
	return leaks_order_value(w->o->order, g->roots, g->bytes, g->retained_blocks, g->retained_bytes);
}

static int compare_groups(const void *a, const void *b, void *arg)
{
	const struct leaks_work *w = arg;
	const struct leak_group *x = w->l->groups + *(const uint32_t *)a;
	const struct leak_group *y = w->l->groups + *(const uint32_t *)b;
	uint64_t value_x = order_group(w, x), value_y = order_group(w, y);

	if ((x->suppression < 0) != (y->suppression < 0))
		return x->suppression < 0 ? -1 : 1;
	if (value_x != value_y)
		return value_x > value_y ? -1 : 1;
	if (x->retained_bytes != y->retained_bytes)
		return x->retained_bytes > y->retained_bytes ? -1 : 1;
	if (x->retained_blocks != y->retained_blocks)
		return x->retained_blocks > y->retained_blocks ? -1 : 1;
	return x->head < y->head ? -1 : x->head > y->head;
}

static void sort_groups(struct leaks_work *w)
{
	struct leaks *l = w->l;
	uint32_t *order = alloc_bytes(l->group_count * sizeof(*order) + 1);
	uint32_t *place = alloc_bytes(l->group_count * sizeof(*place) + 1);
	struct leak_group *sorted = alloc_bytes(l->group_count * sizeof(*sorted) + 1);

	for (uint32_t i = 0; i < l->group_count; i++)
		order[i] = i;
	if (l->group_count)
		qsort_r(order, l->group_count, sizeof(*order), compare_groups, w);
	for (uint32_t i = 0; i < l->group_count; i++) {
		sorted[i] = l->groups[order[i]];
		place[order[i]] = i;
	}
	for (uint32_t i = 0; i < l->graph.blocks; i++)
		if (l->group_of[i] != GRAPH_NONE)
			l->group_of[i] = place[l->group_of[i]];
	for (size_t i = 0; i < l->record_count; i++)
		if (l->records[i].group != GRAPH_NONE)
			l->records[i].group = place[l->records[i].group];
	free(l->groups);
	l->groups = sorted;
	free(order);
	free(place);
}

void leaks_retain(struct leaks_work *w)
{
	struct dominate_graph g;
	struct dominate d;
	struct subgraph part;
	uint32_t *starts, *outs;

	if (!w->l->lost.blocks && !w->l->suppressed.blocks && !w->o->live)
		return;
	choose_nodes(w, &part);
	make_extras(w, &part, &g, &starts, &outs);
	dominate_find(&d, &g);
	rename_nodes(w, &part, &d);
	free(starts);
	free(outs);
	dominate_weigh(&d, w->s, w->l->kind, LEAK_SUPPRESSED | LEAK_LEFT_OUT);
	retain_groups(w, &d, d.number + part.blocks);
	if (part.block)
		subgraph_free(&part);
	retain_records(w, &d);
	retain_root_records(w);
	dominate_free(&d);
	sort_groups(w);
}
