/* owners.c - see owners.h. */
#include "owners.h"

#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"

struct search {
	struct owners *o;
	const struct dominate_graph *g;
	uint32_t *root_of; /* [blocks + extras] root + 1 that a node is charged to; 0 none */
	uint8_t *seen;     /* [blocks + extras] */
	uint32_t next;     /* of o->node: not yet looked at */
};

static void add_node(struct search *q, uint32_t node, uint32_t parent, uint32_t root)
{
	if (q->seen[node])
		return;
	q->seen[node] = 1;
	q->root_of[node] = root;
	q->o->node[q->o->count] = node;
	q->o->parent[q->o->count++] = parent;
}

/* All that the nodes lead to which were added since the last time. */
static void follow(struct search *q)
{
	const struct dominate_graph *g = q->g;

	for (; q->next < q->o->count; q->next++) {
		uint32_t node = q->o->node[q->next], extra = node - g->blocks;

		if (node < g->blocks)
			for (uint32_t k = g->start[node]; k < g->start[node + 1]; k++)
				add_node(q, g->out[k] & GRAPH_BLOCK, q->next, q->root_of[node]);
		else if (extra + 1 < g->extras)
			for (uint32_t k = g->extra_start[extra]; k < g->extra_start[extra + 1]; k++)
				add_node(q, g->extra_out[k], q->next, q->root_of[node]);
	}
}

struct charged {
	uint64_t bytes;
	uint32_t root;
};

static int compare_charged(const void *a, const void *b)
{
	const struct charged *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (x->root > y->root) - (x->root < y->root);
}

static void name_roots(struct search *q, const struct snapshot *s, uint32_t roots, uint8_t *bit)
{
	struct charged *c = alloc_zeroed(roots + 1ull, sizeof(*c));

	for (uint32_t i = 0; i < roots; i++)
		c[i].root = i;
	for (uint32_t b = 0; b < q->g->blocks; b++)
		if (q->root_of[b])
			c[q->root_of[b] - 1].bytes += s->blocks[b].bytes;
	if (roots)
		qsort(c, roots, sizeof(*c), compare_charged);
	for (uint32_t i = 0; i < roots; i++) {
		bit[c[i].root] = (uint8_t)(i < OWNERS_NAMED ? i : OWNERS_NAMED);
		if (i < OWNERS_NAMED)
			q->o->named[q->o->named_count++] = c[i].root;
	}
	free(c);
}

/* From each block on to all that it leads to, again when it has new holders: at most 64 times a block. */
static void find_holders(struct search *q, const struct snapshot *s, uint32_t roots)
{
	const struct dominate_graph *g = q->g;
	uint64_t *holders = q->o->holders;
	uint32_t *todo = alloc_bytes((g->blocks + 1ull) * sizeof(*todo)), head = 0, waiting = 0;
	uint8_t *bit = alloc_zeroed(roots + 1ull, 1), *listed = alloc_zeroed(g->blocks + 1ull, 1);

	name_roots(q, s, roots, bit);
	for (uint32_t r = 0; r < roots; r++)
		for (uint32_t k = g->extra_start[r]; k < g->extra_start[r + 1]; k++) {
			uint32_t b = g->extra_out[k];

			holders[b] |= 1ull << bit[r];
			if (!listed[b]) {
				listed[b] = 1;
				todo[(head + waiting++) % (g->blocks + 1)] = b;
			}
		}
	while (waiting) {
		uint32_t b = todo[head];

		head = (head + 1) % (g->blocks + 1);
		waiting--;
		listed[b] = 0;
		for (uint32_t k = g->start[b]; k < g->start[b + 1]; k++) {
			uint32_t to = g->out[k] & GRAPH_BLOCK;

			if ((holders[to] | holders[b]) == holders[to])
				continue;
			holders[to] |= holders[b];
			if (!listed[to]) {
				listed[to] = 1;
				todo[(head + waiting++) % (g->blocks + 1)] = to;
			}
		}
	}
	free(todo);
	free(bit);
	free(listed);
}

struct ranked {
	uint32_t kind, root;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->root < y->root ? -1 : x->root > y->root;
}

void owners_find(struct owners *o, const struct dominate_graph *g, const struct snapshot *s, uint32_t roots)
{
	uint32_t nodes = g->blocks + g->extras;
	struct ranked *order;
	struct search q = { .o = o, .g = g };

	*o = (struct owners){ 0 };
	o->node = alloc_bytes((nodes + 1ull) * sizeof(*o->node));
	o->parent = alloc_bytes((nodes + 1ull) * sizeof(*o->parent));
	o->holders = alloc_zeroed(g->blocks + 1ull, sizeof(*o->holders));
	q.root_of = alloc_zeroed(nodes + 1ull, sizeof(*q.root_of));
	q.seen = alloc_zeroed(nodes + 1ull, 1);
	add_node(&q, nodes - 1, 0, 0);
	q.next = 1;
	/* All roots of a kind together, and kinds by their numbers, of which a file may have any. */
	order = alloc_bytes((roots + 1ull) * sizeof(*order));
	for (uint32_t i = 0; i < roots; i++)
		order[i] = (struct ranked){ s->roots[i].kind, i };
	qsort(order, roots, sizeof(*order), compare_ranked);
	for (uint32_t i = 0; i < roots; i++) {
		add_node(&q, g->blocks + order[i].root, 0, order[i].root + 1);
		if (i + 1 == roots || order[i + 1].kind != order[i].kind)
			follow(&q);
	}
	free(order);
	for (uint32_t i = roots; i + 1 < g->extras; i++)
		add_node(&q, g->blocks + i, 0, 0);
	follow(&q);
	find_holders(&q, s, roots);
	free(q.root_of);
	free(q.seen);
}

void owners_free(struct owners *o)
{
	free(o->node);
	free(o->parent);
	free(o->holders);
	*o = (struct owners){ 0 };
}
