/* dominate.c - see dominate.h. All numbers below are preorder numbers unless called nodes. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/fetch.h"
#include "dominate.h"

struct work {
	const struct dominate_graph *g;
	struct dominate *d;
	uint32_t *parent; /* in the search tree; then compressed to forest ancestors */
	uint32_t *semi, *label;
	uint32_t *pred_start, *pred;
	uint32_t *path, path_room;
};

static const uint32_t *list_edges(const struct dominate_graph *g, uint32_t node, uint32_t *count)
{
	if (node < g->blocks) {
		*count = g->start[node + 1] - g->start[node];
		return g->out + g->start[node];
	}
	node -= g->blocks;
	*count = g->extra_start[node + 1] - g->extra_start[node];
	return g->extra_out + g->extra_start[node];
}

/* Depth first. The stack is the chain of parents; semi[] holds the next edge to follow. */
static void search_depth_first(struct work *w)
{
	const struct dominate_graph *g = w->g;
	struct dominate *d = w->d;
	uint64_t nodes = (uint64_t)g->blocks + g->extras;
	uint32_t at = 0, n = 1, room = 1024;

	d->number = alloc_bytes(nodes * sizeof(*d->number));
	memset(d->number, 0xff, nodes * sizeof(*d->number));
	d->node = alloc_bytes(room * sizeof(*d->node));
	w->parent = alloc_bytes(room * sizeof(*w->parent));
	w->semi = alloc_bytes(room * sizeof(*w->semi));
	d->node[0] = (uint32_t)nodes - 1;
	d->number[nodes - 1] = 0;
	w->parent[0] = 0;
	w->semi[0] = 0;
	for (;;) {
		uint32_t count, k;
		const uint32_t *out = list_edges(g, d->node[at], &count);

		for (k = w->semi[at]; k < count; k++) {
			uint32_t to = out[k] & GRAPH_BLOCK;

			if (d->number[to] == GRAPH_NONE)
				break;
		}
		if (k == count) {
			if (!at)
				break;
			at = w->parent[at];
			continue;
		}
		w->semi[at] = k + 1;
		/* Three arrays of one capacity, which the number of nodes bounds. */
		if (n == room) {
			room = room > nodes / 2 ? (uint32_t)nodes : room * 2;
			d->node = alloc_resize(d->node, (uint64_t)room * sizeof(*d->node));
			w->parent = alloc_resize(w->parent, (uint64_t)room * sizeof(*w->parent));
			w->semi = alloc_resize(w->semi, (uint64_t)room * sizeof(*w->semi));
		}
		d->node[n] = out[k] & GRAPH_BLOCK;
		d->number[d->node[n]] = n;
		w->parent[n] = at;
		w->semi[n] = 0;
		at = n++;
	}
	d->count = n;
}

#define AHEAD_START 48u  /* nodes: where their references are */
#define AHEAD_OUT 32u    /* ... and the references */
#define AHEAD_NUMBER 16u /* ... and the numbers of the nodes that these lead to */
#define AHEAD_IN_ROW 8u  /* references of one node */

/* Preorder jumps through memory: what is needed soon is fetched while others are looked at. */
static void fetch_ahead(const struct work *w, uint32_t at)
{
	const struct dominate_graph *g = w->g;
	const uint32_t *node = w->d->node, left = w->d->count - at;

	if (left > AHEAD_START && node[at + AHEAD_START] < g->blocks)
		fetch_line(&g->start[node[at + AHEAD_START]]);
	if (left > AHEAD_OUT && node[at + AHEAD_OUT] < g->blocks)
		fetch_line(&g->out[g->start[node[at + AHEAD_OUT]]]);
	if (left > AHEAD_NUMBER) {
		uint32_t count;
		const uint32_t *out = list_edges(g, node[at + AHEAD_NUMBER], &count);

		for (uint32_t k = 0; k < count && k < AHEAD_IN_ROW; k++)
			fetch_line(&w->d->number[out[k] & GRAPH_BLOCK]);
	}
}

static void find_predecessors(struct work *w)
{
	const struct dominate *d = w->d;
	uint32_t *start = alloc_zeroed((uint64_t)d->count + 2, sizeof(*start)), count;

	for (uint32_t i = 0; i < d->count; i++) {
		const uint32_t *out = list_edges(w->g, d->node[i], &count);

		fetch_ahead(w, i);
		for (uint32_t k = 0; k < count; k++)
			if (d->number[out[k] & GRAPH_BLOCK] != GRAPH_NONE)
				start[d->number[out[k] & GRAPH_BLOCK] + 2]++;
	}
	for (uint32_t i = 1; i <= d->count; i++)
		start[i + 1] += start[i];
	w->pred = alloc_bytes((uint64_t)start[d->count + 1] * sizeof(*w->pred) + 1);
	for (uint32_t i = 0; i < d->count; i++) {
		const uint32_t *out = list_edges(w->g, d->node[i], &count);

		fetch_ahead(w, i);
		for (uint32_t k = 0; k < count; k++)
			if (d->number[out[k] & GRAPH_BLOCK] != GRAPH_NONE)
				w->pred[start[d->number[out[k] & GRAPH_BLOCK] + 1]++] = i;
	}
	w->pred_start = start;
}

/* The ancestor of v with the least semidominator, among those already linked (numbers >= linked);
 * compresses the path, so that each is walked once. */
static uint32_t evaluate_label(struct work *w, uint32_t v, uint32_t linked)
{
	uint32_t n = 0, above, least;

	if (w->parent[v] < linked)
		return w->label[v];
	for (; w->parent[v] >= linked; v = w->parent[v]) {
		*ARRAY_ADD(w->path, n, w->path_room) = v;
	}
	above = v;
	least = w->label[v];
	while (n) {
		v = w->path[--n];
		w->parent[v] = w->parent[above];
		if (w->semi[least] < w->semi[w->label[v]])
			w->label[v] = least;
		else
			least = w->label[v];
	}
	return w->label[v];
}

void dominate_find(struct dominate *d, const struct dominate_graph *g)
{
	struct work w = { .g = g, .d = d };

	memset(d, 0, sizeof(*d));
	search_depth_first(&w);
	find_predecessors(&w);
	d->dominator = alloc_bytes((uint64_t)d->count * sizeof(*d->dominator));
	memcpy(d->dominator, w.parent, (uint64_t)d->count * sizeof(*d->dominator));
	w.label = alloc_bytes((uint64_t)d->count * sizeof(*w.label));
	for (uint32_t i = 0; i < d->count; i++)
		w.label[i] = w.semi[i] = i;
	for (uint32_t i = d->count; --i;) {
		uint32_t semi = d->dominator[i];

		for (uint32_t k = w.pred_start[i]; k < w.pred_start[i + 1]; k++) {
			uint32_t s = w.semi[evaluate_label(&w, w.pred[k], i + 1)];

			if (s < semi)
				semi = s;
		}
		w.semi[i] = semi;
	}
	/* The nearest common ancestor of parent and semidominator, in the tree made so far. */
	for (uint32_t i = 1; i < d->count; i++) {
		uint32_t candidate = d->dominator[i];

		while (candidate > w.semi[i])
			candidate = d->dominator[candidate];
		d->dominator[i] = candidate;
	}
	free(w.parent);
	free(w.semi);
	free(w.label);
	free(w.pred_start);
	free(w.pred);
	free(w.path);
}

void dominate_weigh(struct dominate *d, const struct snapshot *s, const uint8_t *left_out, uint8_t mask)
{
	d->bytes = alloc_zeroed((uint64_t)d->count + 1, sizeof(*d->bytes));
	d->blocks = alloc_zeroed((uint64_t)d->count + 1, sizeof(*d->blocks));
	for (uint32_t i = d->count; i--;) {
		uint32_t node = d->node[i];

		if (i > AHEAD_NUMBER && d->node[i - AHEAD_NUMBER] < s->block_count) {
			fetch_line(&s->blocks[d->node[i - AHEAD_NUMBER]]);
			if (left_out)
				fetch_line(&left_out[d->node[i - AHEAD_NUMBER]]);
		}
		if (node < s->block_count && !(left_out && (left_out[node] & mask))) {
			d->bytes[i] += s->blocks[node].bytes;
			d->blocks[i]++;
		}
		if (i) {
			d->bytes[d->dominator[i]] += d->bytes[i];
			d->blocks[d->dominator[i]] += d->blocks[i];
		}
	}
}

void dominate_children(const struct dominate *d, uint32_t **first, uint32_t **child)
{
	uint32_t *at = alloc_zeroed((uint64_t)d->count + 2, sizeof(*at));
	uint32_t *list = alloc_bytes((uint64_t)d->count * sizeof(*list));

	for (uint32_t i = 1; i < d->count; i++)
		at[d->dominator[i] + 2]++;
	for (uint32_t i = 1; i <= d->count; i++)
		at[i + 1] += at[i];
	for (uint32_t i = 1; i < d->count; i++)
		list[at[d->dominator[i] + 1]++] = i;
	*first = at;
	*child = list;
}

void dominate_free(struct dominate *d)
{
	free(d->number);
	free(d->node);
	free(d->dominator);
	free(d->bytes);
	free(d->blocks);
	memset(d, 0, sizeof(*d));
}
