/* reach.c - see reach.h. One breadth-first search: the queue is seeded with the roots of
 * one kind after the other, and drained between, so that steadier kinds claim first. */
#include <stdlib.h>
#include "base/alloc.h"
#include "base/fetch.h"
#include "model/root_kinds.h"
#include "reach.h"

struct search {
	const struct graph *g;
	struct reach *r;
	uint32_t *queue;
	uint32_t head, tail;
	uint32_t
		again; /* queue[0..again): done, and referred to a block by its interior that was not found then */
};

static void enter(struct search *q, uint32_t block, uint32_t parent, uint8_t state)
{
	if (q->r->state[block] != REACH_LOST)
		return;
	q->r->state[block] = state;
	if (q->r->parent)
		q->r->parent[block] = parent;
	q->queue[q->tail++] = block;
}

#define AHEAD_ROW 64u   /* blocks of the queue: where their references are */
#define AHEAD_OUT 40u   /* ... and the references */
#define AHEAD_STATE 20u /* ... and what is known of the blocks that these lead to */
#define AHEAD_IN_ROW 8u /* references of one block */

/* A search jumps through memory: what it needs soon is fetched while it works on what is there. */
static void fetch_ahead(const struct search *q)
{
	const struct graph *g = q->g;
	uint32_t left = q->tail - q->head;

	if (left > AHEAD_ROW)
		fetch_line(&g->start[q->queue[q->head + AHEAD_ROW]]);
	if (left > AHEAD_OUT)
		fetch_line(&g->out[g->start[q->queue[q->head + AHEAD_OUT]]]);
	if (left > AHEAD_STATE) {
		uint32_t b = q->queue[q->head + AHEAD_STATE];

		for (uint32_t k = g->start[b]; k < g->start[b + 1] && k < g->start[b] + AHEAD_IN_ROW; k++) {
			fetch_line(&q->r->state[g->out[k] & GRAPH_BLOCK]);
			if (q->r->parent)
				fetch_line(&q->r->parent[g->out[k] & GRAPH_BLOCK]);
		}
	}
}

static void drain_full(struct search *q)
{
	const struct graph *g = q->g;

	while (q->head < q->tail) {
		uint32_t b = q->queue[q->head++];
		bool inside = false;

		fetch_ahead(q);
		for (uint32_t k = g->start[b]; k < g->start[b + 1]; k++)
			if (!(g->out[k] & GRAPH_INSIDE))
				enter(q, g->out[k], b, REACH_FULL);
			else
				inside |= q->r->state[g->out[k] & GRAPH_BLOCK] == REACH_LOST;
		if (inside)
			q->queue[q->again++] = b; /* its place is free: again < head */
	}
}

/* From what queue[from..to) holds, and all that is found on the way when `to` is the tail. */
static void drain_any(struct search *q, uint32_t from, const uint32_t *to)
{
	const struct graph *g = q->g;

	for (q->head = from; q->head < *to;) {
		uint32_t b = q->queue[q->head++];

		fetch_ahead(q);
		for (uint32_t k = g->start[b]; k < g->start[b + 1]; k++)
			enter(q, g->out[k] & GRAPH_BLOCK, b, REACH_INSIDE);
	}
}

static void seed_roots(struct search *q, const uint32_t *order, uint32_t first, uint32_t end, bool inside)
{
	const struct graph *g = q->g;

	for (uint32_t i = first; i < end; i++)
		for (uint32_t k = g->root_start[order[i]]; k < g->root_start[order[i] + 1]; k++) {
			uint32_t edge = g->root_out[k], target = graph_root_target(g, edge);

			if (!(target & GRAPH_INSIDE) == !inside)
				enter(q, target & GRAPH_BLOCK, REACH_ROOT | edge,
					inside ? REACH_INSIDE : REACH_FULL);
		}
}

/* What claims blocks before the roots do. */
struct starts {
	const uint32_t *block, *edge;
	uint32_t blocks, edges;
};

static void search_all(struct reach *r, const struct graph *g, bool parents, const struct starts *from)
{
	struct search q = { .g = g, .r = r };
	const struct snapshot *s = g->snapshot;
	uint32_t at[ROOT_RANKS + 1] = { 0 }, first, full,
				 *order = alloc_bytes((uint64_t)g->roots * sizeof(*order) + 1);

	r->state = alloc_zeroed((uint64_t)g->blocks + 1, 1);
	r->parent = parents ? alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*r->parent)) : NULL;
	for (uint32_t i = 0; parents && i < g->blocks; i++)
		r->parent[i] = GRAPH_NONE;
	q.queue = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*q.queue));
	for (uint32_t i = 0; i < from->blocks; i++)
		enter(&q, from->block[i], REACH_KEPT, REACH_FULL);
	for (uint32_t i = 0; i < from->edges; i++)
		enter(&q, s->root_edges[from->edge[i]].block, REACH_ROOT | from->edge[i], REACH_FULL);
	drain_full(&q);

	for (uint32_t i = 0; i < g->roots; i++)
		at[root_kind_rank(&s->roots[i]) + 1]++;
	for (unsigned i = 1; i <= ROOT_RANKS; i++)
		at[i] += at[i - 1];
	for (uint32_t i = 0; i < g->roots; i++)
		order[at[root_kind_rank(&s->roots[i])]++] = i;
	/* at[i] is now the end of rank i. */
	first = 0;
	for (unsigned i = 0; i < ROOT_RANKS; i++) {
		seed_roots(&q, order, first, at[i], false);
		drain_full(&q);
		first = at[i];
	}
	for (uint32_t i = 0; i < g->blocks; i++)
		if (s->blocks[i].flags & (BLOCK_NEW | BLOCK_IGNORED | BLOCK_LEFT | BLOCK_MANAGED))
			enter(&q, i, REACH_KEPT, REACH_FULL);
	drain_full(&q);

	/* Now with interior hops: those of roots, then those of what was found, in the order found. */
	full = q.tail;
	seed_roots(&q, order, 0, g->roots, true);
	drain_any(&q, 0, &q.again);
	drain_any(&q, full, &q.tail);
	free(q.queue);
	free(order);
}

void reach_find(struct reach *r, const struct graph *g, bool parents)
{
	struct starts none = { NULL, NULL, 0, 0 };

	search_all(r, g, parents, &none);
}

void reach_find_from(struct reach *r, const struct graph *g, const uint32_t *start, uint32_t starts,
	const uint32_t *edge, uint32_t edges)
{
	struct starts from = { start, edge, starts, edges };

	search_all(r, g, true, &from);
}

void reach_free(struct reach *r)
{
	free(r->state);
	free(r->parent);
	r->state = NULL;
	r->parent = NULL;
}

uint32_t *reach_path(
	const struct reach *r, const struct graph *g, uint32_t block, size_t *count, uint32_t *root_edge)
{
	uint32_t *path, n = 0;

	*count = 0;
	*root_edge = GRAPH_NONE;
	if (block >= g->blocks || r->state[block] == REACH_LOST)
		return NULL;
	for (uint32_t b = block; !(b & REACH_ROOT); b = r->parent[b])
		n++;
	path = alloc_bytes((uint64_t)n * sizeof(*path));
	*count = n;
	for (uint32_t b = block; n; b = r->parent[b]) {
		path[--n] = b;
		if (!n && r->parent[b] != REACH_KEPT)
			*root_edge = r->parent[b] & ~REACH_ROOT;
	}
	return path;
}
