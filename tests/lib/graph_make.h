/* graph_make.h - snapshots made of nothing but blocks, roots and references, for the tests
 * of the analyses. Edges may be added in any order; graph_make_snapshot sorts them by source. */
#ifndef TIDEMARK_TESTS_GRAPH_MAKE_H
#define TIDEMARK_TESTS_GRAPH_MAKE_H

#include <stdlib.h>
#include <string.h>
#include "report/base/alloc.h"
#include "report/model/snapshot.h"

struct graph_make_edge {
	uint32_t from;
	struct tide_edge edge;
};

struct graph_make {
	struct tide_process process;
	struct tide_block *blocks;
	uint32_t block_count;
	struct tide_root *roots;
	uint32_t root_count;
	struct tide_root_edge *root_edges;
	uint64_t root_edge_count, root_edge_room;
	struct graph_make_edge *list;
	uint64_t edge_count, edge_room;
	uint64_t *starts;
	struct tide_edge *edges;
	struct tide_site *sites;
	uint32_t site_count;
};

static inline void graph_make_new(struct graph_make *y, uint32_t blocks, uint32_t roots, uint32_t sites)
{
	memset(y, 0, sizeof(*y));
	y->block_count = blocks;
	y->root_count = roots;
	y->site_count = sites + 1;
	y->blocks = alloc_zeroed(blocks + 1u, sizeof(*y->blocks));
	y->roots = alloc_zeroed(roots + 1u, sizeof(*y->roots));
	y->sites = alloc_zeroed(sites + 1u, sizeof(*y->sites));
	for (uint32_t i = 0; i < blocks; i++)
		y->blocks[i] = (struct tide_block){ 0x10000 + (uint64_t)i * 64, 1 + i % 50,
			1 + i % (sites ? sites : 1), i, 0, 0 };
	for (uint32_t i = 0; i < roots; i++)
		y->roots[i] =
			(struct tide_root){ ROOT_GLOBAL + i % 7, 0, 0x1000 + i * 8, 8, 0, UINT32_MAX, 0, 0 };
	y->process.references = y->process.complete = 1;
}

static inline void graph_make_edge(
	struct graph_make *y, uint32_t from, uint32_t to, uint32_t offset, uint32_t to_offset, uint32_t flags)
{
	if (y->edge_count == y->edge_room) {
		y->edge_room = y->edge_room ? y->edge_room * 2 : 64;
		y->list = alloc_resize(y->list, y->edge_room * sizeof(*y->list));
	}
	y->list[y->edge_count++] = (struct graph_make_edge){ from,
		{ to, flags | (to_offset ? EDGE_INTERIOR : 0), offset, to_offset } };
}

static inline void graph_make_root(
	struct graph_make *y, uint32_t root, uint32_t to, uint32_t to_offset, uint32_t flags)
{
	if (y->root_edge_count == y->root_edge_room) {
		y->root_edge_room = y->root_edge_room ? y->root_edge_room * 2 : 64;
		y->root_edges = alloc_resize(y->root_edges, y->root_edge_room * sizeof(*y->root_edges));
	}
	y->root_edges[y->root_edge_count++] = (struct tide_root_edge){ root, to, 0x1000 + root * 8, to_offset,
		flags | (to_offset ? EDGE_INTERIOR : 0) };
}

static inline struct snapshot graph_make_snapshot(struct graph_make *y)
{
	y->starts = alloc_zeroed(y->block_count + 2u, sizeof(*y->starts));
	y->edges = alloc_bytes((y->edge_count + 1) * sizeof(*y->edges));
	for (uint64_t i = 0; i < y->edge_count; i++)
		y->starts[y->list[i].from + 2]++;
	for (uint32_t i = 1; i <= y->block_count; i++)
		y->starts[i + 1] += y->starts[i];
	for (uint64_t i = 0; i < y->edge_count; i++)
		y->edges[y->starts[y->list[i].from + 1]++] = y->list[i].edge;
	return (struct snapshot){ .process = &y->process,
		.strings = "",
		.strings_bytes = 1,
		.blocks = y->blocks,
		.block_count = y->block_count,
		.roots = y->roots,
		.root_count = y->root_count,
		.root_edges = y->root_edges,
		.root_edge_count = y->root_edge_count,
		.edge_starts = y->starts,
		.edge_start_count = y->block_count + 1u,
		.edges = y->edges,
		.edge_count = y->edge_count,
		.sites = y->sites,
		.site_count = y->site_count };
}

static inline void graph_make_free(struct graph_make *y)
{
	free(y->blocks);
	free(y->roots);
	free(y->root_edges);
	free(y->list);
	free(y->starts);
	free(y->edges);
	free(y->sites);
}

/* A generator of its own, so that every run sees the same graphs. */
static inline uint32_t graph_make_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % below);
}

#endif
