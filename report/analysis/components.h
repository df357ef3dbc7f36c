/* components.h - strongly connected components of what is lost.
 *
 * Tarjan's algorithm in Pearce's form (An improved algorithm for finding the strongly
 * connected components of a directed graph, 2005): one number a block, one array for
 * both stacks, which grow towards each other.
 *
 * CP1  Components are numbered so that a reference between two of them goes from the
 *     greater number to the smaller one.
 * CP2  A block that refers to itself only is a component of size 1.
 * CP3  Head of a component: a block that is referred to from inside by interior
 *     references only (the header of a list or map in its owner), else any; of
 *     several the oldest, then the one with the lowest address.
 */
#ifndef TIDEMARK_COMPONENTS_H
#define TIDEMARK_COMPONENTS_H

#include "graph.h"

struct components {
	uint32_t *of; /* [blocks] component; GRAPH_NONE for blocks left out */
	uint32_t count;
	uint32_t *size; /* [count] blocks */
	uint8_t *held;  /* [count] 1: a block of another component refers to it */
	/* Components of two blocks and more (cycles), numbered 0.. in the order of their components. */
	uint32_t cycles;
	uint32_t *cycle;                     /* [cycles] component */
	uint32_t *cycle_start, *cycle_block; /* [cycles + 1]; members */
	uint32_t *head;                      /* [cycles] block */
	uint8_t *container;                  /* [cycles] 1: one self-contained list, tree or the like */
};

/* Over the blocks with state[b] == 0 (REACH_LOST) and the references between them. `same` gives
 * for each site the one it is taken for; NULL: each is its own. */
void components_find(struct components *c, const struct graph *g, const uint8_t *state, const uint32_t *same);
void components_free(struct components *c);

#endif
