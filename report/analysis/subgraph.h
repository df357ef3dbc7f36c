/* subgraph.h - the part of a graph that the blocks of one state make, numbered densely.
 *
 * Usually a small share of a heap is lost. Searches that jump from block to block are several
 * times faster over its own numbers: their arrays stay in the caches.
 *
 * SB1  Blocks keep their order. References from and to other blocks are left out.
 */
#ifndef TIDEMARK_SUBGRAPH_H
#define TIDEMARK_SUBGRAPH_H

#include "graph.h"

struct subgraph {
	uint32_t blocks;
	uint32_t *block; /* [blocks] number in the graph */
	uint32_t *start,
		*out; /* as in struct graph; targets are numbers in the subgraph, without GRAPH_INSIDE */
};

/* Of the blocks with state[b] == 0. `number`, not NULL, becomes for each block of the graph its number in the
 * subgraph, or GRAPH_NONE; to free. */
void subgraph_new(struct subgraph *part, const struct graph *g, const uint8_t *state, uint32_t **number);
void subgraph_free(struct subgraph *part);

#endif
