/* collect_graph.c - see collect_graph.h. */
#include <stdlib.h>
#include <string.h>
#include "collect_duplicates.h"
#include "collect_graph.h"
#include "collect_python.h"
#include "collect_types.h"
#include "roots/count_notes.h"

static uint32_t add_string(void *context, const char *text)
{
	return snapshot_writer_string(((struct collect_graph *)context)->writer, text);
}

static uint32_t add_frame(void *context, uint32_t parent, uint64_t address, uint32_t flags)
{
	return ledger_made_frame(((struct collect_graph *)context)->made, parent, address, flags);
}

static uint32_t add_module(void *context, const struct roots_module *m)
{
	struct collect_graph *g = context;
	struct tide_module module = { .lo = m->lo,
		.hi = m->hi,
		.bias = m->bias,
		.path = snapshot_writer_string(g->writer, m->path),
		.build_id = snapshot_writer_string(g->writer, m->build_id),
		.flags = strcmp(m->path, g->program) ? 0 : MODULE_MAIN };

	return ledger_made_module(g->made, &module);
}

void collect_graph(struct collect_graph *graph, struct image *im, const struct ledger_copy *copy,
	struct tide_block *blocks, uint64_t count)
{
	struct references *g = &graph->references;
	struct snapshot_writer *w = graph->writer;

	graph->program = ledger_string(copy, copy->header.exe);
	*g = (struct references){ .blocks = blocks,
		.block_count = count,
		.usable = graph->usable,
		.ledger = copy,
		.names = { add_string, add_frame, add_module, graph } };
	g->pools = python_arenas(graph->python, &g->pool_count);
	if (!graph->no_contents)
		g->notes = count_notes_new(g->blocks, g->block_count);
	references_find(g, im);
	collect_python_words(graph->python, g);
	collect_types(graph->python, &im->memory, g, graph->program, w);
	if (g->notes)
		count_notes_write(g->notes, w);
	count_notes_free(g->notes);
	g->notes = NULL;
	snapshot_writer_section(w, SECTION_BLOCKS, sizeof(*g->blocks), g->blocks, g->block_count, 0);
	snapshot_writer_section(w, SECTION_ROOTS, sizeof(*g->roots), g->roots, g->root_count, 0);
	snapshot_writer_section(
		w, SECTION_ROOT_EDGES, sizeof(*g->root_edges), g->root_edges, g->root_edge_count, 0);
	snapshot_writer_section(
		w, SECTION_EDGE_STARTS, sizeof(*g->edge_starts), g->edge_starts, g->block_count + 1, 0);
	snapshot_writer_section(w, SECTION_EDGES, sizeof(*g->edges), g->edges, g->edge_count, 0);
	collect_duplicates(g->digests, g->block_count, w);
	free(g->digests); /* 8 bytes a block; the map of the memory needs room next */
	g->digests = NULL;
	graph->made->process.references = 1;
}

void collect_graph_free(struct collect_graph *g) { references_free(&g->references); }
