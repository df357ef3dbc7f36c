/* graph.c - see graph.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "graph.h"

uint32_t graph_root_target(const struct graph *g, uint32_t root_edge)
{
	const struct tide_root_edge *e = &g->snapshot->root_edges[root_edge];

	return e->block | (graph_inside(e->flags) ? GRAPH_INSIDE : 0);
}

void graph_words(const struct graph *g, uint32_t block, uint64_t *first, uint64_t *end)
{
	const struct snapshot *s = g->snapshot;

	*first = *end = 0;
	if ((uint64_t)block + 1 >= s->edge_start_count)
		return;
	*first = s->edge_starts[block];
	*end = s->edge_starts[block + 1];
	if (*end > s->edge_count)
		*end = s->edge_count;
	if (*first > *end)
		*first = *end;
}

static void mark_weak(struct graph *g, const uint32_t *sites, size_t count)
{
	const struct snapshot *s = g->snapshot;
	uint8_t *weak_site = NULL;

	if (count) {
		weak_site = alloc_zeroed(s->site_count + 1, 1);
		for (size_t i = 0; i < count; i++)
			if (sites[i] < s->site_count)
				weak_site[sites[i]] = 1;
	}
	for (uint32_t i = 0; i < g->blocks; i++) {
		const struct tide_block *b = &s->blocks[i];

		if (!(b->flags & BLOCK_WEAK) && !(weak_site && b->site < s->site_count && weak_site[b->site]))
			continue;
		if (!g->weak)
			g->weak = alloc_zeroed(g->blocks / 8 + 1, 1);
		g->weak[i >> 3] |= (uint8_t)(1u << (i & 7));
	}
	free(weak_site);
}

static void take_edges(struct graph *g)
{
	const struct snapshot *s = g->snapshot;
	uint64_t expected = 0;
	uint32_t n = 0;

	g->start = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*g->start));
	g->out = alloc_bytes(s->edge_count * sizeof(*g->out) + 1);
	for (uint32_t i = 0; i < g->blocks; i++) {
		uint64_t first, end;

		g->start[i] = n;
		graph_words(g, i, &first, &end);
		/* Rows that overlap would be more references than there is room for. */
		if (first < expected) {
			g->bad_edges += end > first ? end - first : 0;
			continue;
		}
		expected = end;
		if (graph_weak(g, i))
			continue;
		for (uint64_t k = first; k < end; k++) {
			const struct tide_edge *e = &s->edges[k];

			if (e->block >= g->blocks) {
				g->bad_edges++;
				continue;
			}
			if (snapshot_unused(s, k))
				continue;
			g->out[n++] = e->block | (graph_inside(e->flags) ? GRAPH_INSIDE : 0);
		}
	}
	g->start[g->blocks] = n;
}

static void take_root_edges(struct graph *g)
{
	const struct snapshot *s = g->snapshot;
	uint32_t *start = alloc_zeroed((uint64_t)g->roots + 2, sizeof(*start));

	/* Counted two places on, so that start[r + 1] is the next free place of root r while filling. */
	for (uint64_t i = 0; i < s->root_edge_count; i++)
		if (s->root_edges[i].root < g->roots && s->root_edges[i].block < g->blocks)
			start[s->root_edges[i].root + 2]++;
	for (uint32_t r = 1; r <= g->roots; r++)
		start[r + 1] += start[r];
	g->root_out = alloc_bytes(s->root_edge_count * sizeof(*g->root_out) + 1);
	for (uint64_t i = 0; i < s->root_edge_count; i++) {
		if (s->root_edges[i].root >= g->roots || s->root_edges[i].block >= g->blocks) {
			g->bad_edges++;
			continue;
		}
		g->root_out[start[s->root_edges[i].root + 1]++] = (uint32_t)i;
	}
	g->root_start = start;
}

int graph_new(struct graph *g, const struct snapshot *s, const uint32_t *weak_sites, size_t weak_count,
	struct tide_error *e)
{
	memset(g, 0, sizeof(*g));
	g->snapshot = s;
	if (snapshot_needs_references(s, e))
		return -1;
	if (s->block_count >= GRAPH_BLOCK || s->root_count >= UINT32_MAX - 2
		|| s->edge_count >= UINT32_MAX - 1 || s->root_edge_count >= GRAPH_BLOCK)
		return error_set(e, EXIT_UNMEASURED,
			"%s is too large|more than 2^31 blocks or 2^32 references",
			s->path ? s->path : "the snapshot");
	g->blocks = (uint32_t)s->block_count;
	g->roots = (uint32_t)s->root_count;
	mark_weak(g, weak_sites, weak_count);
	take_edges(g);
	take_root_edges(g);
	return 0;
}

void graph_skip_roots(struct graph *g, uint32_t kinds)
{
	uint32_t kept = 0;

	for (uint32_t r = 0; r < g->roots; r++) {
		uint32_t first = g->root_start[r], kind = g->snapshot->roots[r].kind;

		g->root_start[r] = kept;
		if (kind < 32 && kinds & 1u << kind)
			continue;
		for (uint32_t k = first; k < g->root_start[r + 1]; k++)
			g->root_out[kept++] = g->root_out[k];
	}
	g->root_start[g->roots] = kept;
}

void graph_free(struct graph *g)
{
	free(g->start);
	free(g->out);
	free(g->root_start);
	free(g->root_out);
	free(g->in_start);
	free(g->in);
	free(g->weak);
	memset(g, 0, sizeof(*g));
}

void graph_reverse(struct graph *g)
{
	uint32_t *start, *in, words = g->start[g->blocks];

	if (g->in)
		return;
	start = alloc_zeroed((uint64_t)g->blocks + 2, sizeof(*start));
	in = alloc_bytes((uint64_t)words * sizeof(*in) + 1);
	for (uint32_t k = 0; k < words; k++)
		start[(g->out[k] & GRAPH_BLOCK) + 2]++;
	for (uint32_t i = 1; i <= g->blocks; i++)
		start[i + 1] += start[i];
	for (uint32_t i = 0; i < g->blocks; i++)
		for (uint32_t k = g->start[i]; k < g->start[i + 1]; k++)
			in[start[(g->out[k] & GRAPH_BLOCK) + 1]++] = i;
	g->in_start = start;
	g->in = in;
}

void graph_found(const struct graph *g, uint32_t **from_roots, uint32_t **from_blocks)
{
	const struct snapshot *s = g->snapshot;
	uint32_t *roots = alloc_zeroed((uint64_t)g->blocks + 1, sizeof(*roots));
	uint32_t *blocks = alloc_zeroed((uint64_t)g->blocks + 1, sizeof(*blocks));

	for (uint64_t i = 0; i < s->root_edge_count; i++)
		if (s->root_edges[i].block < g->blocks && s->root_edges[i].root < g->roots)
			roots[s->root_edges[i].block]++;
	for (uint64_t i = 0; i < s->edge_count; i++)
		if (s->edges[i].block < g->blocks && !snapshot_unused(s, i))
			blocks[s->edges[i].block]++;
	*from_roots = roots;
	*from_blocks = blocks;
}
