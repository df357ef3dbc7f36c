/* export_dot.c - the call graph for Graphviz: functions, and what was allocated below
 * each call. The largest functions are kept; calls across what was left out are
 * dashed. In a stack every function and every call counts once, so recursion does
 * not count double.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "base/intern.h"
#include "base/path.h"
#include "export.h"
#include "print/dot.h"
#include "base/units.h"

#define NODES_DEFAULT 60u

struct node {
	const struct symbol_line *line;
	int64_t self, below;
	uint64_t seen; /* the last stack that had it */
	bool kept;
};
struct edge {
	uint32_t from, to;
	int64_t value;
	bool across; /* over functions that were left out */
};
struct graph {
	const struct export *x;
	struct intern names;
	struct node *node;
	size_t room;
	struct edge *edge;
	size_t edges, edge_room;
};

static uint32_t node_of(struct graph *g, const struct symbol_line *line)
{
	char *key = alloc_printf("%s\n%s", line->function, line->module ? line->module : "");
	size_t before = g->names.count;
	uint32_t index = intern_text(&g->names, key);

	free(key);
	ARRAY_RESERVE(g->node, g->room, (uint64_t)index + 1);
	if (before != g->names.count)
		g->node[index] = (struct node){ .line = line };
	return index;
}

static void count_functions(struct graph *g)
{
	struct export_stack stack = { 0 };

	for (size_t i = 0; i < g->x->count; i++) {
		const struct export_site *site = &g->x->site[i];
		int64_t value = site->of[g->x->measure];

		if (!value)
			continue;
		export_stack(&stack, site);
		for (size_t k = 0; k < stack.lines; k++) {
			uint32_t index = node_of(g, stack.line[k]); /* may move g->node */
			struct node *n = &g->node[index];

			if (!k)
				n->self += value;
			if (n->seen != i + 1)
				n->below += value;
			n->seen = i + 1;
		}
	}
	export_stack_free(&stack);
}

static int compare_sizes(const void *x, const void *y)
{
	const struct node *a = *(struct node *const *)x, *b = *(struct node *const *)y;

	if (a->below != b->below)
		return a->below < b->below ? 1 : -1;
	return (a > b) - (a < b);
}

static void choose_nodes(struct graph *g, size_t most)
{
	struct node **order = alloc_bytes((g->names.count + 1) * sizeof(*order));

	for (size_t i = 0; i < g->names.count; i++)
		order[i] = &g->node[i];
	if (g->names.count)
		qsort(order, g->names.count, sizeof(*order), compare_sizes);
	for (size_t i = 0; i < g->names.count && i < most; i++)
		order[i]->kept = true;
	free(order);
}

static int compare_calls(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;

	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return (a->to > b->to) - (a->to < b->to);
}

static void add_edge(struct graph *g, uint32_t from, uint32_t to, int64_t value, bool across)
{
	*ARRAY_ADD(g->edge, g->edges, g->edge_room) = (struct edge){ from, to, value, across };
}

/* Sorts edges [from, edges) and makes one of equals; `sum` adds values, else one counts. */
static void merge_edges(struct graph *g, size_t from, bool sum)
{
	size_t left = from;

	if (g->edges > from)
		qsort(g->edge + from, g->edges - from, sizeof(*g->edge), compare_calls);
	for (size_t i = from; i < g->edges; i++) {
		struct edge *last = left > from ? &g->edge[left - 1] : NULL;

		if (last && !compare_calls(last, &g->edge[i])) {
			last->across &= g->edge[i].across;
			if (sum)
				last->value += g->edge[i].value;
		} else {
			g->edge[left++] = g->edge[i];
		}
	}
	g->edges = left;
}

static void count_calls(struct graph *g)
{
	struct export_stack stack = { 0 };
	size_t merged = 0;

	for (size_t i = 0; i < g->x->count; i++) {
		const struct export_site *site = &g->x->site[i];
		int64_t value = site->of[g->x->measure];
		size_t first = g->edges;
		uint32_t caller = UINT32_MAX;
		bool across = false;

		if (!value)
			continue;
		export_stack(&stack, site);
		for (size_t k = stack.lines; k-- > 0;) {
			uint32_t n = node_of(g, stack.line[k]);

			if (!g->node[n].kept) {
				across = true;
				continue;
			}
			if (caller != UINT32_MAX)
				add_edge(g, caller, n, value, across);
			caller = n;
			across = false;
		}
		merge_edges(g, first, false);
		/* Keeps the list as long as the graph, not as the stacks. */
		if (g->edges > 2 * merged + 65536) {
			merge_edges(g, 0, true);
			merged = g->edges;
		}
	}
	export_stack_free(&stack);
	merge_edges(g, 0, true);
}

static const char *value_text(const struct export *x, int64_t value, char text[UNITS_TEXT])
{
	return view_measure_is_bytes(x->measure) ? units_bytes(text, value) : units_count(text, value);
}

static void print_node(const struct graph *g, size_t i, FILE *out)
{
	const struct node *n = &g->node[i];
	int64_t whole = g->x->total[g->x->measure];
	double share = whole > 0 ? (double)n->below / (double)whole : 0,
	       own = whole > 0 ? (double)n->self / (double)whole : 0;
	char a[UNITS_TEXT], b[UNITS_TEXT];

	fprintf(out, "  n%zu [label=\"", i);
	dot_text(out, n->line->function);
	if (n->line->module) {
		fputs("\\n", out);
		dot_text(out, path_base(n->line->module));
	}
	fprintf(out, "\\n%s (%.1f%%)", value_text(g->x, n->self, a), 100 * own);
	if (n->self != n->below)
		fprintf(out, "\\nof %s (%.1f%%)", value_text(g->x, n->below, b), 100 * share);
	/* Hue from yellow to red by what the function itself allocated. */
	own = own < 0 ? 0 : own > 1 ? 1 : own;
	fprintf(out,
		"\", fontsize=%.1f, fillcolor=\"%.3f %.3f 1.000\", value=\"%" PRId64 "\", self=\"%" PRId64
		"\"];\n",
		8 + 16 * own, 0.14 * (1 - own), 0.06 + 0.6 * own, n->below, n->self);
}

int export_dot(const struct export *x, FILE *out, struct tide_error *e)
{
	struct graph g = { .x = x };
	int64_t whole = x->total[x->measure];
	char text[UNITS_TEXT];

	(void)e;
	count_functions(&g);
	choose_nodes(&g, x->rows == SIZE_MAX ? NODES_DEFAULT : x->rows);
	count_calls(&g);
	fputs("digraph tidemark {\n  graph [label=\"", out);
	dot_text(out, export_command(x));
	fprintf(out, "\\n%s %s\", labelloc=t];\n", view_measure_name(x->measure), value_text(x, whole, text));
	fputs("  node [shape=box, style=filled, fontname=\"Helvetica\"];\n  edge [fontname=\"Helvetica\", fontsize=8];\n",
		out);
	for (size_t i = 0; i < g.names.count; i++)
		if (g.node[i].kept)
			print_node(&g, i, out);
	for (size_t i = 0; i < g.edges; i++) {
		const struct edge *d = &g.edge[i];

		fprintf(out, "  n%u -> n%u [label=\"%s\", penwidth=%.2f, value=\"%" PRId64 "\"%s];\n",
			d->from, d->to, value_text(x, d->value, text),
			whole > 0 ? 0.5 + 5 * (double)d->value / (double)whole : 1.0, d->value,
			d->across ? ", style=dashed" : "");
	}
	fputs("}\n", out);
	intern_free(&g.names);
	free(g.node);
	free(g.edge);
	return 0;
}
