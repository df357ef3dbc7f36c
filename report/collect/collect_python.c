/* collect_python.c - Python objects of a snapshot: collect_python.h. */
#include <stdio.h>
#include <stdlib.h>
#include "collect_python.h"
#include "shim/python_layout.h"

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

const char *collect_python_blind(const struct ledger_copy *c)
{
	uint32_t version = c->header.python_version, refused = c->header.python_flags & LEDGER_PYTHON_REFUSED;
	static char text[96];

	if (!version || (python_layout_of(version) && !refused))
		return NULL;
	snprintf(text, sizeof(text), "stacks have no functions of Python: %s CPython %u.%u.%u",
		refused ? "this is an unusual build of" : "tidemark does not know", version >> 24,
		version >> 16 & 255, version >> 8 & 255);
	return text;
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
