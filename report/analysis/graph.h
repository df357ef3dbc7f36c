/* graph.h - the heap as a graph: blocks, roots, who refers to whom.
 *
 *   snapshot ──graph_new──▶ struct graph ──┬─ reach.h       what is held, and from where
 *                                          ├─ components.h  cycles among what is lost
 *                                          └─ dominate.h    what each one keeps alive
 *
 * GH1  Blocks are numbered as in the snapshot. An edge whose block does not exist
 *     is left out (and counted): no index of the file is trusted.
 * GH2  `out` holds targets; GRAPH_INSIDE marks a reference to the interior that no
 *     layout explains. References from weak blocks are left out: they keep nothing
 *     alive; so are words that no pointer can be in (view/typed_scan.h). The words themselves stay in the snapshot (refs reads them there).
 * GH3  All arrays are 32 bits wide: up to 2^31 - 2 blocks and 2^32 - 2 references.
 * GH4  Every pass over a graph is iterative, and linear but for sorting.
 */
#ifndef TIDEMARK_GRAPH_H
#define TIDEMARK_GRAPH_H

#include <stdbool.h>
#include "model/snapshot.h"

#define GRAPH_NONE UINT32_MAX
#define GRAPH_INSIDE (1u << 31)
#define GRAPH_BLOCK (GRAPH_INSIDE - 1)

struct graph {
	const struct snapshot *snapshot;
	uint32_t blocks, roots;
	uint32_t *start;         /* [blocks + 1] references of block i: out[start[i]] .. out[start[i+1]] */
	uint32_t *out;           /* block | GRAPH_INSIDE */
	uint32_t *root_start;    /* [roots + 1] into root_out */
	uint32_t *root_out;      /* index into snapshot->root_edges, by root, then as in the file */
	uint32_t *in_start, *in; /* [blocks + 1], source blocks; NULL until graph_reverse */
	uint8_t *weak;           /* bit a block: references from it do not count; NULL: none */
	uint64_t bad_edges;      /* left out, GH1 */
};

/* `weak_sites` are added to the blocks flagged BLOCK_WEAK. -1: the snapshot has no
 * references, or more than GH3. */
int graph_new(struct graph *g, const struct snapshot *s, const uint32_t *weak_sites, size_t weak_count,
	struct tide_error *e);
void graph_free(struct graph *g);

/* References from roots of these kinds (1 << enum tide_root_kind) do not count. */
void graph_skip_roots(struct graph *g, uint32_t kinds);

/* Fills in_start and in. */
void graph_reverse(struct graph *g);

/* The words of a block in the snapshot: edges [*first, *end), weak or not. */
void graph_words(const struct graph *g, uint32_t block, uint64_t *first, uint64_t *end);

/* A root edge's target: block | GRAPH_INSIDE. */
uint32_t graph_root_target(const struct graph *g, uint32_t root_edge);

/* Words found that refer to each block, weak ones included: for refcounts. Free each. */
void graph_found(const struct graph *g, uint32_t **from_roots, uint32_t **from_blocks);

/* A reference counts as interior when it is and no layout explains it. */
static inline bool graph_inside(uint32_t flags)
{
	return (flags & EDGE_INTERIOR) && !(flags & EDGE_EXPLAINED);
}

static inline bool graph_weak(const struct graph *g, uint32_t block)
{
	return g->weak && (g->weak[block >> 3] >> (block & 7) & 1);
}

#endif
