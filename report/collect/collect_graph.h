/* collect_graph.h - the references between blocks, written into a snapshot. */
#ifndef TIDEMARK_COLLECT_GRAPH_H
#define TIDEMARK_COLLECT_GRAPH_H

#include "roots/references.h"

struct python;
struct collect_graph {
	struct references references;
	struct python *python;          /* the caller's; NULL: there is no interpreter */
	struct snapshot_writer *writer; /* the caller's */
	bool usable;                    /* the blocks have usable bytes */
	bool no_contents;               /* no words of blocks are kept that may be reference counts */
	const char *program;            /* filled in: path of the executable */
	struct ledger_made *made; /* the caller's: gets the frames and modules that roots are named by */
};

/* Finds and writes the references of `blocks`, which stay the caller's until the writer has ended, and the
 * blocks themselves. What could not be determined is in g->references.doubts. */
void collect_graph(struct collect_graph *g, struct image *im, const struct ledger_copy *copy,
	struct tide_block *blocks, uint64_t count);
void collect_graph_free(struct collect_graph *g);

#endif
