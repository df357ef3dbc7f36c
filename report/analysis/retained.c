/* retained.c - see retained.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "counted.h"
#include "reach.h"
#include "retained.h"

static bool is_kept(const struct tide_block *b) { return b->flags & (BLOCK_NEW | BLOCK_IGNORED); }

/* In Python weak references and the collector's lists keep nothing alive. What is reached through them alone is
 * garbage that waits for the collector: it is kept by itself. */
static uint8_t *counted_find(struct graph *g, const struct leaks *l)
{
	struct reach reach;

	counted_graph(g, &l->graph);
	reach_find(&reach, g, false);
	return reach.state;
}

/* The graph with a node for each root, each group, what is kept without a root, and the whole. */
struct whole {
	struct graph counted;
	uint8_t *reached;
	uint32_t *start, *out;
	struct dominate_graph graph;
};

static void whole_find(struct whole *w, const struct snapshot *s, const struct leaks *l)
{
	struct graph counted = { 0 };
	uint8_t *reached = s->python_object_count ? counted_find(&counted, l) : NULL;
	const struct graph *g = reached ? &counted : &l->graph;
	uint32_t groups = (uint32_t)l->group_count, extras = g->roots + groups + 2, n = 0, *at;
	uint32_t *start = alloc_bytes(((uint64_t)extras + 1) * sizeof(*start));
	uint32_t *out = alloc_bytes(
		((uint64_t)g->root_start[g->roots] + 2ull * g->blocks + extras + 1) * sizeof(*out));

	for (uint32_t i = 0; i < g->roots; i++) {
		start[i] = n;
		for (uint32_t k = g->root_start[i]; k < g->root_start[i + 1]; k++)
			out[n++] = s->root_edges[g->root_out[k]].block;
	}
	/* Members of groups: counted, then filled in. */
	at = alloc_zeroed((uint64_t)groups + 2, sizeof(*at));
	for (uint32_t i = 0; groups && i < g->blocks; i++)
		if (l->group_of[i] != GRAPH_NONE)
			at[l->group_of[i] + 1]++;
	for (uint32_t i = 0; i < groups; i++) {
		start[g->roots + i] = n + at[i];
		at[i + 1] += at[i];
	}
	for (uint32_t i = 0; groups && i < g->blocks; i++)
		if (l->group_of[i] != GRAPH_NONE)
			out[n + at[l->group_of[i]]++] = i;
	n += groups ? at[groups - 1] : 0;
	free(at);
	start[g->roots + groups] = n;
	for (uint32_t i = 0; i < g->blocks; i++)
		if (is_kept(&s->blocks[i])
			|| (reached && !reached[i] && !LEAK_IS_LOST(l->kind[i] & LEAK_KIND_MASK)))
			out[n++] = i;
	start[g->roots + groups + 1] = n;
	for (uint32_t i = 0; i + 1 < extras; i++)
		out[n++] = g->blocks + i;
	start[extras] = n;
	*w = (struct whole){ .counted = counted, .reached = reached, .start = start, .out = out };
	w->graph = (struct dominate_graph){ .blocks = g->blocks,
		.extras = extras,
		.start = g->start,
		.out = g->out,
		.extra_start = start,
		.extra_out = out };
}

static void whole_free(struct whole *w)
{
	graph_free(&w->counted);
	free(w->reached);
	free(w->start);
	free(w->out);
}

void retained_find(struct retained *r, const struct snapshot *s, const struct leaks *l)
{
	struct whole w;

	*r = (struct retained){ .s = s, .l = l };
	whole_find(&w, s, l);
	dominate_find(&r->d, &w.graph);
	dominate_weigh(&r->d, s, NULL, 0);
	whole_free(&w);
}

void retained_owners(const struct retained *r, struct owners *o)
{
	struct whole w;

	whole_find(&w, r->s, r->l);
	owners_find(o, &w.graph, r->s, r->l->graph.roots);
	whole_free(&w);
}

void retained_free(struct retained *r) { dominate_free(&r->d); }

static struct leak_sum sum_node(const struct retained *r, uint32_t node)
{
	uint32_t number = r->d.number[node];

	return number == GRAPH_NONE ? (struct leak_sum){ 0, 0 }
				    : (struct leak_sum){ r->d.blocks[number], r->d.bytes[number] };
}

struct leak_sum retained_block(const struct retained *r, uint32_t block) { return sum_node(r, block); }

struct leak_sum retained_root(const struct retained *r, uint32_t root)
{
	return sum_node(r, r->l->graph.blocks + root);
}

struct retained_site *retained_by(const struct retained *r, const uint32_t *group_of, size_t groups)
{
	struct retained_site *sum = alloc_zeroed(groups + 1, sizeof(*sum));
	uint32_t *first, *child, *next, *stack, *open, depth = 0;

	dominate_children(&r->d, &first, &child);
	next = alloc_bytes((uint64_t)r->d.count * sizeof(*next));
	memcpy(next, first, (uint64_t)r->d.count * sizeof(*next));
	stack = alloc_bytes((uint64_t)r->d.count * sizeof(*stack));
	open = alloc_zeroed(groups + 1, sizeof(*open));
	stack[depth++] = 0;
	while (depth) {
		uint32_t i = stack[depth - 1], node = r->d.node[i],
			 group = node < r->l->graph.blocks ? group_of[node] : GRAPH_NONE;

		if (next[i] == first[i] && group != GRAPH_NONE) {
			sum[group].own.blocks++;
			sum[group].own.bytes += r->s->blocks[r->d.node[i]].bytes;
			if (!open[group]++) {
				sum[group].retained.blocks += r->d.blocks[i];
				sum[group].retained.bytes += r->d.bytes[i];
			}
		}
		if (next[i] < first[i + 1]) {
			stack[depth++] = child[next[i]++];
			continue;
		}
		if (group != GRAPH_NONE)
			open[group]--;
		depth--;
	}
	free(first);
	free(child);
	free(next);
	free(stack);
	free(open);
	return sum;
}

struct retained_site *retained_sites(const struct retained *r)
{
	uint32_t *of = alloc_bytes((r->s->block_count + 1) * sizeof(*of));
	struct retained_site *sites;

	for (size_t i = 0; i < r->s->block_count; i++)
		of[i] = r->s->blocks[i].site < r->s->site_count ? r->s->blocks[i].site : GRAPH_NONE;
	sites = retained_by(r, of, r->s->site_count);
	free(of);
	return sites;
}

struct search {
	const struct graph *g;
	const uint8_t *drop;
	uint8_t *seen;
	uint32_t *queue, head, tail;
};

static void enter(struct search *q, uint32_t block)
{
	if (q->drop[block] || q->seen[block])
		return;
	q->seen[block] = 1;
	q->queue[q->tail++] = block;
}

static void drain(struct search *q)
{
	while (q->head < q->tail) {
		uint32_t b = q->queue[q->head++];

		for (uint32_t k = q->g->start[b]; k < q->g->start[b + 1]; k++)
			enter(q, q->g->out[k] & GRAPH_BLOCK);
	}
}

struct leak_sum retained_drop(const struct snapshot *s, const struct leaks *l, const uint8_t *drop)
{
	struct graph counted = { 0 };
	uint8_t *reached = s->python_object_count ? counted_find(&counted, l) : NULL;
	const struct graph *g = reached ? &counted : &l->graph;
	struct search q = { .g = g, .drop = drop };
	struct leak_sum sum = { 0, 0 };

	q.seen = alloc_zeroed((uint64_t)g->blocks + 1, 1);
	q.queue = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*q.queue));
	for (uint64_t i = 0; i < s->root_edge_count; i++)
		if (s->root_edges[i].block < g->blocks && s->root_edges[i].root < g->roots)
			enter(&q, s->root_edges[i].block);
	for (uint32_t i = 0; i < g->blocks; i++)
		if (is_kept(&s->blocks[i]) || (l->group_of && l->group_of[i] != GRAPH_NONE)
			|| (reached && !reached[i]))
			enter(&q, i);
	drain(&q);
	for (uint32_t i = 0; i < g->blocks; i++)
		if (!q.seen[i]) {
			sum.blocks++;
			sum.bytes += s->blocks[i].bytes;
		}
	free(q.seen);
	free(q.queue);
	return sum;
}
