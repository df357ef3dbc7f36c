/* collect_python.c - Python objects of a snapshot: collect_python.h. */
#include <stdlib.h>
#include "collect_python.h"

struct python *collect_python_blocks(struct remote *m, struct blockmap *b)
{
	struct python *p = python_find(m, b->blocks, b->count);

	if (!p)
		return NULL;
	free(b->blocks);
	b->blocks = python_blocks(p, &b->count);
	b->room = b->count;
	return p;
}

void collect_python_words(struct python *p, struct references *g)
{
	struct python_graph words = { g->blocks, g->block_count, g->edge_starts, g->edges, g->roots,
		g->root_count, g->root_edges, g->root_edge_count };

	if (!p)
		return;
	python_references(p, &words);
	g->root_edge_count = words.root_edge_count;
}
