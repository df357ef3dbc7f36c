/* refs_dot.c - `refs --dot`: a drawing for Graphviz. Blocks are grouped by site, rings are red. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/alloc.h"
#include "model/root_kinds.h"
#include "base/path.h"
#include "base/units.h"
#include "print/dot.h"
#include "analysis/python_field.h"
#include "symbol/name.h"
#include "view/field.h"
#include "view/view.h"
#include "refs_view.h"

#define MOST_ASKED 40u
#define MOST_NODES 200u
#define DEEPEST 3u

struct drawing {
	const struct refs *r;
	uint32_t *place; /* [blocks] index in node + 1 */
	uint32_t node[MOST_NODES];
	uint32_t count;
	uint32_t root_edge[MOST_NODES];
	uint32_t roots;
};

static void add_block(struct drawing *d, uint32_t block)
{
	if (d->place[block] || d->count == MOST_NODES)
		return;
	d->node[d->count++] = block;
	d->place[block] = d->count;
}

static void add_root(struct drawing *d, uint32_t root_edge)
{
	for (uint32_t i = 0; i < d->roots; i++)
		if (d->root_edge[i] == root_edge)
			return;
	if (d->roots < MOST_NODES)
		d->root_edge[d->roots++] = root_edge;
}

static void choose_nodes(struct drawing *d)
{
	const struct refs *r = d->r;
	uint32_t from = 0;

	for (size_t i = 0; i < r->count && i < MOST_ASKED; i++)
		add_block(d, r->block[i]);
	for (size_t i = 0; i < r->count && i < MOST_ASKED; i++) {
		uint32_t root_edge, *path;
		size_t count;

		path = reach_path(&r->reach, &r->leaks.graph, r->block[i], &count, &root_edge);
		if (root_edge != GRAPH_NONE && count <= DEEPEST * 8)
			add_root(d, root_edge);
		for (size_t k = 0; k < count && count <= DEEPEST * 8; k++)
			add_block(d, path[k]);
		free(path);
		for (uint64_t k = r->word_start[i];
			k < r->word_start[i + 1] && k < r->word_start[i] + DEEPEST * 4; k++) {
			if (r->word[k].root)
				add_root(d, (uint32_t)r->word[k].edge);
			else
				add_block(d, r->word[k].source);
		}
	}
	/* What these refer to, level by level. */
	for (unsigned level = 0; level < DEEPEST; level++) {
		uint32_t end = d->count;

		for (; from < end; from++) {
			uint64_t first, last;

			graph_words(&r->leaks.graph, d->node[from], &first, &last);
			for (; first < last; first++)
				if (r->snapshot.edges[first].block < r->leaks.graph.blocks
					&& !snapshot_unused(&r->snapshot, first))
					add_block(d, r->snapshot.edges[first].block);
		}
	}
}

static int compare_sites(const void *a, const void *b, void *blocks)
{
	const struct tide_block *x = (const struct tide_block *)blocks + *(const uint32_t *)a;
	const struct tide_block *y = (const struct tide_block *)blocks + *(const uint32_t *)b;

	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

static bool is_asked(const struct drawing *d, uint32_t block)
{
	for (size_t i = 0; i < d->r->count && i < MOST_ASKED; i++)
		if (d->r->block[i] == block)
			return true;
	return false;
}

/* A line of a block's label, where its type is known. */
static void draw_type(const struct refs *r, uint32_t block)
{
	const char *python = python_field_type(&r->snapshot, block);
	const char *type = python ? python : block_types_name(&r->types, block);

	if (!type)
		return;
	dot_text(stdout, type);
	fputs("\\n", stdout);
}

static void draw_blocks(struct drawing *d)
{
	const struct refs *r = d->r;
	uint32_t sorted[MOST_NODES];
	char size[UNITS_TEXT];

	for (uint32_t i = 0; i < d->count; i++)
		sorted[i] = d->node[i];
	qsort_r(sorted, d->count, sizeof(*sorted), compare_sites, (void *)r->snapshot.blocks);
	for (uint32_t i = 0; i < d->count; i++) {
		const struct tide_block *b = &r->snapshot.blocks[sorted[i]];
		uint8_t kind = r->leaks.kind[sorted[i]];

		if (!i || b->site != r->snapshot.blocks[sorted[i - 1]].site) {
			const struct symbol_line *line = symbols_top(r->symbols, b->site);

			printf("%s  subgraph \"cluster_%u\" {\n    style=rounded; color=gray; fontcolor=gray30; label=\"",
				i ? "  }\n" : "", b->site);
			dot_text(stdout, name_shown(line));
			if (line->file) {
				fputs(" ", stdout);
				dot_text(stdout, path_base(line->file));
				printf(":%u", line->line);
			}
			fputs("\";\n", stdout);
		}
		printf("    b%u [label=\"", sorted[i]);
		draw_type(r, sorted[i]);
		printf("0x%" PRIx64 "\\n%s\"%s%s];\n", b->address, units_bytes(size, (int64_t)b->bytes),
			is_asked(d, sorted[i]) ? ", penwidth=2, style=bold" : "",
			kind & LEAK_IN_CYCLE                          ? ", color=red"
				: LEAK_IS_LOST(kind & LEAK_KIND_MASK) ? ", color=orange"
								      : "");
	}
	if (d->count)
		fputs("  }\n", stdout);
}

static void draw_edges(struct drawing *d)
{
	const struct refs *r = d->r;
	const struct components *c = &r->leaks.components;

	for (uint32_t i = 0; i < d->count; i++) {
		uint64_t first, end;
		uint32_t from = d->node[i];

		graph_words(&r->leaks.graph, from, &first, &end);
		for (; first < end; first++) {
			const struct tide_edge *e = &r->snapshot.edges[first];
			char *field;
			bool ring;

			if (e->block >= r->leaks.graph.blocks || !d->place[e->block]
				|| snapshot_unused(&r->snapshot, first))
				continue;
			ring = r->leaks.kind[from] & LEAK_IN_CYCLE && c->of[from] == c->of[e->block];
			field = field_text(&r->types, &r->snapshot, from, first);
			printf("  b%u -> b%u [label=\"", from, e->block);
			if (field)
				dot_text(stdout, field);
			else
				printf("+%u", e->offset);
			free(field);
			printf("\"%s%s];\n", ring ? ", color=red" : "",
				e->flags & EDGE_INTERIOR ? ", style=dashed" : "");
		}
	}
	for (uint32_t i = 0; i < d->roots; i++) {
		const struct tide_root_edge *e = &r->snapshot.root_edges[d->root_edge[i]];
		char *field;

		if (!d->place[e->block])
			continue;
		printf("  r%u [shape=ellipse, style=filled, fillcolor=palegreen, label=\"", e->root);
		dot_text(stdout, root_kind_name(r->snapshot.roots[e->root].kind));
		fputs(" ", stdout);
		field = field_root(&r->types, &r->snapshot, r->symbols, d->root_edge[i]);
		dot_text(stdout, field ? field : symbols_root(r->symbols, e->root));
		free(field);
		printf("\"];\n  r%u -> b%u%s;\n", e->root, e->block,
			e->flags & EDGE_INTERIOR ? " [style=dashed]" : "");
	}
}

void refs_dot(struct refs *r)
{
	struct drawing *d = alloc_zeroed(1, sizeof(*d));

	d->r = r;
	d->place = alloc_zeroed((uint64_t)r->leaks.graph.blocks + 1, sizeof(*d->place));
	choose_nodes(d);
	puts("digraph references {\n  rankdir=LR; node [shape=box, fontname=\"monospace\", fontsize=10]; "
	     "edge [fontname=\"monospace\", fontsize=9];");
	draw_blocks(d);
	draw_edges(d);
	puts("}");
	free(d->place);
	free(d);
}
