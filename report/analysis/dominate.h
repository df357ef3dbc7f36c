/* dominate.h - dominators: what each node keeps alive.
 *
 * Semi-NCA (Georgiadis, Tarjan, Werneck: Finding dominators in practice, 2006), with
 * explicit stacks. The iterative algorithm of Cooper, Harvey and Kennedy needs hundreds of
 * passes on grids and linked segments; this one is steady.
 *
 * DM1  Nodes are the blocks 0 .. blocks - 1, then `extras` nodes of the caller's: roots, groups,
 *     the whole. The last extra node is where all begins.
 * DM2  Results are by preorder number: 0 is the beginning, a dominator's number is below that
 *     of what it dominates.
 * DM3  Retained sums are of the weights given; a node's own weight included.
 */
#ifndef TIDEMARK_DOMINATE_H
#define TIDEMARK_DOMINATE_H

#include "graph.h"

struct dominate_graph {
	uint32_t blocks, extras;
	const uint32_t *start, *out;             /* of blocks, as in struct graph */
	const uint32_t *extra_start, *extra_out; /* [extras + 1]; targets are nodes of any kind */
};

struct dominate {
	uint32_t count;
	uint32_t *number;    /* [blocks + extras]; GRAPH_NONE: not reached */
	uint32_t *node;      /* [count] */
	uint32_t *dominator; /* [count] number of the immediate dominator; of 0: 0 */
	uint64_t *bytes;     /* [count] retained; NULL until dominate_weigh */
	uint32_t *blocks;
};

void dominate_find(struct dominate *d, const struct dominate_graph *g);
/* Weights of blocks: bytes as in the snapshot and one each, 0 where left_out[b] & mask. */
void dominate_weigh(struct dominate *d, const struct snapshot *s, const uint8_t *left_out, uint8_t mask);
void dominate_free(struct dominate *d);

/* Children in the tree of dominators: of number i they are child[first[i]] .. child[first[i + 1]). To free. */
void dominate_children(const struct dominate *d, uint32_t **first, uint32_t **child);

#endif
