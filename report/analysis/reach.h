/* reach.h - what is held, and the shortest way to it from the steadiest root.
 *
 * RC1  REACH_FULL: a chain of references that all go to starts (or to interiors that
 *     a layout explains). REACH_INSIDE: some chain, but every one has an interior hop.
 * RC2  With parents: the path of a block comes from the steadiest kind of root that
 *     reaches it at all (enum tide_root_kind; weak evidence last), and is the shortest
 *     from that kind. Paths of REACH_INSIDE blocks prefer a root's own word.
 * RC3  BLOCK_NEW, BLOCK_IGNORED, BLOCK_LEFT and BLOCK_MANAGED blocks are live without a root, and so is
 *     what they refer to.
 */
#ifndef TIDEMARK_REACH_H
#define TIDEMARK_REACH_H

#include "graph.h"

enum { REACH_LOST, REACH_FULL, REACH_INSIDE };

struct reach {
	uint8_t *state;   /* [blocks] */
	uint32_t *parent; /* [blocks] block, REACH_ROOT | root edge, REACH_KEPT, or GRAPH_NONE; or NULL */
};
#define REACH_ROOT (1u << 31)
#define REACH_KEPT (GRAPH_NONE - 1) /* held by RC3 */

void reach_find(struct reach *r, const struct graph *g, bool parents);
/* With parents. What `start`, blocks, and `edge`, root edges, reach claims first, by the shortest path from any of
 * them; a path that begins with one of `start` has no root edge. */
void reach_find_from(struct reach *r, const struct graph *g, const uint32_t *start, uint32_t starts,
	const uint32_t *edge, uint32_t edges);
void reach_free(struct reach *r);

/* Blocks from the one that the root refers to down to `block`, to free; *root_edge is
 * that reference, GRAPH_NONE where RC3 holds the first. NULL for a lost block. */
uint32_t *reach_path(
	const struct reach *r, const struct graph *g, uint32_t block, size_t *count, uint32_t *root_edge);

#endif
