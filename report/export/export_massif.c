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

#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "base/text.h"
#include "export.h"
#include "export_frames.h"

#define POINTS_MAX 100u /* massif's own default: --max-snapshots */
#define THRESHOLD_PER_MILLE 10

/* A site, with its stack from the leaf as numbers of places: equal places have equal numbers,
 * and smaller ones sort first. */
struct stacked {
	int64_t value;
	uint32_t *place;
	size_t lines;
};

struct massif {
	const struct export *x;
	FILE *out;
	int64_t least;                   /* bytes a child needs to have a line of its own */
	const struct symbol_line **line; /* of each place: the first that was there */
	uint32_t *places;                /* of all stacks */
	struct stacked *site;
	size_t count;
};

static int compare_texts(const void *x, const void *y, void *texts)
{
	char *const *text = texts;

	return strcmp(text[*(const uint32_t *)x], text[*(const uint32_t *)y]);
}

/* Numbers in order of first use become numbers in order of their texts. */
static void rank_places(struct massif *m, const struct export_frames *frames, size_t used)
{
	const struct intern *places = &frames->keys;
	uint32_t *order = alloc_bytes((places->count + 1) * sizeof(*order));
	uint32_t *rank = alloc_bytes((places->count + 1) * sizeof(*rank));
	const struct symbol_line **line = alloc_bytes((places->count + 1) * sizeof(*line));

	for (size_t i = 0; i < places->count; i++)
		order[i] = (uint32_t)i;
	if (places->count)
		qsort_r(order, places->count, sizeof(*order), compare_texts, places->text);
	for (size_t i = 0; i < places->count; i++) {
		rank[order[i]] = (uint32_t)i;
		line[i] = frames->first[order[i]];
	}
	for (size_t i = 0; i < used; i++)
		m->places[i] = rank[m->places[i]];
	free(order);
	free(rank);
	m->line = line;
}

/* Lines of one file in the order of their numbers. */
static char *make_key(const struct symbol_line *line)
{
	return alloc_printf("%s\n%s\n%010u", line->function, line->file ? line->file : "", line->line);
}

static void collect_sites(struct massif *m)
{
	struct export_stack stack = { 0 };
	struct export_frames places = { .make_key = make_key };
	size_t used = 0, room = 0;

	m->site = alloc_bytes((m->x->count + 1) * sizeof(*m->site));
	for (size_t i = 0; i < m->x->count; i++) {
		int64_t value = m->x->site[i].of[m->x->measure];

		if (!value)
			continue;
		export_stack(&stack, &m->x->site[i]);
		ARRAY_RESERVE(m->places, room, used + stack.lines);
		m->site[m->count++] = (struct stacked){ .value = value, .lines = stack.lines };
		for (size_t k = 0; k < stack.lines; k++)
			m->places[used++] = export_frames_number(&places, stack.line[k]);
	}
	rank_places(m, &places, used);
	used = 0;
	for (size_t i = 0; i < m->count; i++) {
		m->site[i].place = m->places + used;
		used += m->site[i].lines;
	}
	export_frames_free(&places);
	export_stack_free(&stack);
}

static int compare_stacks(const void *x, const void *y)
{
	const struct stacked *a = x, *b = y;

	for (size_t i = 0; i < a->lines && i < b->lines; i++)
		if (a->place[i] != b->place[i])
			return a->place[i] < b->place[i] ? -1 : 1;
	return (a->lines > b->lines) - (a->lines < b->lines);
}

/* A node: sites [from, to) that are equal in their first `depth` lines. */
struct range {
	size_t from, to, depth;
	int64_t value;
};

static int compare_values(const void *x, const void *y)
{
	const struct range *a = x, *b = y;

	if (a->value != b->value)
		return a->value < b->value ? 1 : -1;
	return (a->from > b->from) - (a->from < b->from);
}

/* The children of a node, largest first; sites that end at the node have none. */
static struct range *find_children(const struct massif *m, const struct range *node, size_t *count)
{
	const struct stacked *site = m->site;
	struct range *list = NULL;
	size_t room = 0;

	*count = 0;
	for (size_t i = node->from, next; i < node->to; i = next) {
		struct range child = { i, 0, node->depth + 1, 0 };

		for (next = i; next < node->to; next++) {
			if (site[i].lines <= node->depth ? next > i
							 : site[next].lines <= node->depth
						|| site[i].place[node->depth]
							!= site[next].place[node->depth])
				break;
			child.value += site[next].value;
		}
		child.to = next;
		if (site[i].lines <= node->depth || !child.value)
			continue;
		*ARRAY_ADD(list, *count, room) = child;
	}
	if (*count)
		qsort(list, *count, sizeof(*list), compare_values);
	return list;
}

/* A line end in a name would begin the next node. */
static void print_name(FILE *out, const char *name)
{
	char *clean = alloc_string(name);

	text_clean(clean);
	fputs(clean, out);
	free(clean);
}

static void print_node(const struct massif *m, const struct range *node, size_t lines)
{
	fprintf(m->out, "%*sn%zu: %" PRId64 " ", (int)node->depth, "", lines, node->value);
	if (!node->depth) {
		fputs("(heap allocation functions) malloc/new/new[], --alloc-fns, etc.\n", m->out);
		return;
	}
	const struct symbol_line *line = m->line[m->site[node->from].place[node->depth - 1]];
	fprintf(m->out, "0x%" PRIX64 ": ", line->address);
	print_name(m->out, line->function);
	fputs(line->file && line->line ? " (" : " (in ", m->out);
	print_name(m->out, line->file && line->line ? line->file : line->module ? line->module : "?");
	if (line->file && line->line)
		fprintf(m->out, ":%u", line->line);
	fputs(")\n", m->out);
}

/* Depth first with a stack of our own: stacks can be deep. */
static void print_tree(const struct massif *m)
{
	struct open {
		struct range *child;
		size_t count, next, small;
		int64_t small_value;
		size_t depth;
	} *stack = NULL;
	struct range root = { 0, m->count, 0, m->x->total[m->x->measure] }, *node = &root, current;
	size_t depth = 0, room = 0;

	for (;;) {
		if (node) {
			struct open o = { .depth = node->depth + 1 };
			size_t all;

			o.child = find_children(m, node, &all);
			while (o.count < all && o.child[o.count].value >= m->least)
				o.count++;
			for (size_t i = o.count; i < all; i++, o.small++)
				o.small_value += o.child[i].value;
			print_node(m, node, o.count + !!o.small);
			*ARRAY_ADD(stack, depth, room) = o;
		}
		struct open *top = &stack[depth - 1];
		if (top->next < top->count) {
			current = top->child[top->next++];
			node = &current;
			continue;
		}
		node = NULL;
		if (top->small == 1)
			fprintf(m->out, "%*sn0: %" PRId64 " in 1 place, below massif's threshold (%d.00%%)\n",
				(int)top->depth, "", top->small_value, THRESHOLD_PER_MILLE / 10);
		else if (top->small)
			fprintf(m->out,
				"%*sn0: %" PRId64 " in %zu places, all below massif's threshold (%d.00%%)\n",
				(int)top->depth, "", top->small_value, top->small, THRESHOLD_PER_MILLE / 10);
		free(top->child);
		if (!--depth)
			break;
	}
	free(stack);
}

static void print_snapshot(FILE *out, size_t number, uint64_t ns, int64_t bytes, const char *tree)
{
	fprintf(out,
		"#-----------\nsnapshot=%zu\n#-----------\ntime=%" PRIu64 "\nmem_heap_B=%" PRId64
		"\nmem_heap_extra_B=0\nmem_stacks_B=0\nheap_tree=%s\n",
		number, ns / 1000000, bytes > 0 ? bytes : 0, tree);
}

int export_massif(const struct export *x, FILE *out, struct tide_error *e)
{
	struct massif m = { .x = x, .out = out, .least = x->total[x->measure] / 1000 * THRESHOLD_PER_MILLE };
	const struct snapshot *s = x->view[0].snapshot;
	uint64_t last = s->process->elapsed_ns;
	size_t number = 0, step;

	if (!view_measure_is_bytes(x->measure))
		return error_set(e, EXIT_USAGE,
			"cannot write %s to a massif file|massif counts bytes|choose live_bytes, "
			"peak_bytes, total_bytes or lost_bytes",
			view_measure_name(x->measure));
	fputs("desc: tidemark ", out);
	fprintf(out, "%s\ncmd: ", view_measure_name(x->measure));
	print_name(out, export_command(x));
	fputs("\ntime_unit: ms\n", out);
	/* The timeline of one process; several have no common clock. */
	step = s->point_count / POINTS_MAX + 1;
	for (size_t i = 0; i < s->point_count && x->view_count == 1; i += step) {
		if (s->timeline[i].elapsed_ns > last)
			break;
		print_snapshot(out, number++, s->timeline[i].elapsed_ns, s->timeline[i].live_bytes, "empty");
	}
	print_snapshot(
		out, number, last, x->total[x->measure], x->measure == PEAK_BYTES ? "peak" : "detailed");
	collect_sites(&m);
	if (m.count)
		qsort(m.site, m.count, sizeof(*m.site), compare_stacks);
	if (m.least < 1)
		m.least = 1;
	print_tree(&m);
	free(m.site);
	free(m.places);
	free(m.line);
	return 0;
}
