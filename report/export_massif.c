/* export_massif.c - a massif.out file, for ms_print and massif-visualizer.
 *
 * The timeline becomes snapshots without a tree; the last snapshot, and the only
 * one with a tree, holds the sites by the chosen measure, from the allocating
 * function to its callers. Children below THRESHOLD of the whole are one line, as
 * massif does it.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "export.h"

#define POINTS_MAX 100u		/* massif's own default: --max-snapshots */
#define THRESHOLD_PER_MILLE 10

struct massif {
	const struct export *x;
	FILE *out;
	int64_t least;		/* bytes a child needs to have a line of its own */
};

/* Sites sorted by stack from the leaf: a tree is a range of them at a depth. */
static int compare_lines(const struct symbol_line *a, const struct symbol_line *b)
{
	int order = strcmp(a->function, b->function);

	if (!order)
		order = strcmp(a->file ? a->file : "", b->file ? b->file : "");
	return order ? order : (a->line > b->line) - (a->line < b->line);
}

static int by_stack(const void *x, const void *y)
{
	const struct export_site *a = *(const struct export_site *const *)x, *b = *(const struct export_site *const *)y;

	for (size_t i = 0; i < a->lines && i < b->lines; i++) {
		int order = compare_lines(&a->line[i], &b->line[i]);

		if (order)
			return order;
	}
	return (a->lines > b->lines) - (a->lines < b->lines);
}

/* A node: sites [from, to) that are equal in their first `depth` lines. */
struct range { size_t from, to, depth; int64_t value; };

static int by_value(const void *x, const void *y)
{
	const struct range *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? 1 : -1;
	return (a->from > b->from) - (a->from < b->from);
}

/* The children of a node, largest first; sites that end here are none. */
static struct range *children(const struct massif *m, const struct export_site **site, const struct range *node,
	size_t *count)
{
	struct range *list = NULL;
	size_t room = 0;

	*count = 0;
	for (size_t i = node->from, next; i < node->to; i = next) {
		struct range child = { i, 0, node->depth + 1, 0 };

		for (next = i; next < node->to; next++) {
			if (site[i]->lines <= node->depth ? next > i : site[next]->lines <= node->depth ||
			    compare_lines(&site[i]->line[node->depth], &site[next]->line[node->depth]))
				break;
			child.value += site[next]->of[m->x->measure];
		}
		child.to = next;
		if (site[i]->lines <= node->depth || !child.value)
			continue;
		if (*count == room) {
			room = room ? room * 2 : 4;
			list = memory_resize(list, room * sizeof(*list));
		}
		list[(*count)++] = child;
	}
	if (*count)
		qsort(list, *count, sizeof(*list), by_value);
	return list;
}

static void print_node(const struct massif *m, const struct export_site **site, const struct range *node, size_t lines)
{
	fprintf(m->out, "%*sn%zu: %" PRId64 " ", (int)node->depth, "", lines, node->value);
	if (!node->depth) {
		fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n", m->out);
		return;
	}
	const struct symbol_line *line = &site[node->from]->line[node->depth - 1];
	fprintf(m->out, "0x%" PRIX64 ": ", line->address);
	/* A line end in a name would be taken for the next node. */
	for (const char *c = line->function; *c; c++)
		fputc(*c == '\n' ? ' ' : *c, m->out);
	if (line->file && line->line)
		fprintf(m->out, " (%s:%u)\n", line->file, line->line);
	else
		fprintf(m->out, " (in %s)\n", line->module ? line->module : "?");
}

/* Depth first with a stack of our own: stacks can be deep. */
static void print_tree(const struct massif *m, const struct export_site **site, size_t count)
{
	struct open { struct range *child; size_t count, next, small; int64_t small_value; size_t depth; } *stack = NULL;
	struct range root = { 0, count, 0, m->x->total[m->x->measure] }, *node = &root, current;
	size_t depth = 0, room = 0;

	for (;;) {
		if (node) {
			struct open o = { .depth = node->depth + 1 };
			size_t all;

			o.child = children(m, site, node, &all);
			while (o.count < all && o.child[o.count].value >= m->least)
				o.count++;
			for (size_t i = o.count; i < all; i++, o.small++)
				o.small_value += o.child[i].value;
			print_node(m, site, node, o.count + !!o.small);
			if (depth == room) {
				room = room ? room * 2 : 64;
				stack = memory_resize(stack, room * sizeof(*stack));
			}
			stack[depth++] = o;
		}
		struct open *top = &stack[depth - 1];
		if (top->next < top->count) {
			current = top->child[top->next++];
			node = &current;
			continue;
		}
		node = NULL;
		if (top->small == 1)
			fprintf(m->out, "%*sn0: %" PRId64 " in 1 place, below massif's threshold (%d.00%%)\n", (int)top->depth, "",
				top->small_value, THRESHOLD_PER_MILLE / 10);
		else if (top->small)
			fprintf(m->out, "%*sn0: %" PRId64 " in %zu places, all below massif's threshold (%d.00%%)\n",
				(int)top->depth, "", top->small_value, top->small, THRESHOLD_PER_MILLE / 10);
		free(top->child);
		if (!--depth)
			break;
	}
	free(stack);
}

static void print_snapshot(FILE *out, size_t number, uint64_t ns, int64_t bytes, const char *tree)
{
	fprintf(out, "#-----------\nsnapshot=%zu\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRId64
		"\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n", number, ns / 1000000, bytes > 0 ? bytes : 0, tree);
}

int export_massif(const struct export *x, FILE *out, struct tide_error *e)
{
	struct massif m = { .x = x, .out = out, .least = x->total[x->measure] / 1000 * THRESHOLD_PER_MILLE };
	const struct snapshot *s = x->view[0].snapshot;
	const struct export_site **site;
	uint64_t last = s->process->elapsed_ns;
	size_t number = 0, step, count = 0;

	if (!export_measure_is_bytes(x->measure))
		return error_set(e, EXIT_USAGE, "cannot write %s to a massif file|massif counts bytes|choose live_bytes, "
			"peak_bytes, total_bytes or lost_bytes", export_measure_name(x->measure));
	fputs("desc: tidemark ", out);
	fprintf(out, "%s\ncmd: ", export_measure_name(x->measure));
	for (const char *c = export_command(x); *c; c++)
		fputc(*c == '\n' ? ' ' : *c, out);
	fputs("\ntime_unit: ms\n", out);
	/* The timeline of one process; several have no common clock. */
	step = s->point_count / POINTS_MAX + 1;
	for (size_t i = 0; i < s->point_count && x->view_count == 1; i += step) {
		if (s->timeline[i].elapsed_ns > last)
			break;
		print_snapshot(out, number++, s->timeline[i].elapsed_ns, s->timeline[i].live_bytes, "empty");
	}
	print_snapshot(out, number, last, x->total[x->measure], x->measure == PEAK_BYTES ? "peak" : "detailed");
	site = memory_get((x->count + 1) * sizeof(*site));
	for (size_t i = 0; i < x->count; i++)
		if (x->site[i].of[x->measure])
			site[count++] = &x->site[i];
	if (count)
		qsort(site, count, sizeof(*site), by_stack);
	if (m.least < 1)
		m.least = 1;
	print_tree(&m, site, count);
	free(site);
	return 0;
}
