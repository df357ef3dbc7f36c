/* cmd_tree.c - the call tree of allocations, from the top down or the bottom up. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "print/header.h"
#include "print/table.h"
#include "symbol/name.h"
#include "base/units.h"
#include "tree_data.h"
#include "verb.h"

enum { KEY_SORT = 0x100, KEY_MIN, KEY_TOP_DOWN, KEY_BOTTOM_UP, KEY_FOCUS };

struct arguments {
	struct options common;
	enum view_measure sort;
	double least; /* share of the whole; below: summed up */
	bool least_given, sort_given, bottom_up, direction_given;
	const char *file, *focus;
};

static const struct argp_option own[] = { { "top-down", KEY_TOP_DOWN, NULL, 0,
						  "from main to the allocating functions (default)", 0 },
	{ "bottom-up", KEY_BOTTOM_UP, NULL, 0, "from the allocating functions to their callers", 0 },
	{ "focus", KEY_FOCUS, "FUNCTION", 0, "only stacks through FUNCTION: who calls it, and what it calls",
		0 },
	{ "sort", KEY_SORT, "MEASURE", 0,
		"sort by live (default), peak, total, count, allocations, temporary or lost", 0 },
	{ "min", KEY_MIN, "PERCENT", 0, "sum up branches below this share of the whole (default 1%)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 } };

static const char doc[] =
	"Print the call tree of what was allocated. Each line shows what a function and its callees "
	"allocated, what it allocated itself, and where it is. Chains of single calls are folded into one "
	"line (-v shows each call)."
	"\v"
	"FUNCTION may be the end of a name (Cache::get), file:line, a pattern, or the number of a site, which stands for its "
	"function. With --focus, both trees are printed; --top-down or --bottom-up, --json and --csv choose one: its callees, "
	"or its callers.\n\n"
	"Examples:\n"
	"  tidemark tree app.tide                where the live bytes come from\n"
	"  tidemark tree --sort peak --min 5% app.tide\n"
	"  tidemark tree --bottom-up app.tide    who calls the allocating functions\n"
	"  tidemark tree --focus Cache::get app.tide  its callers and its callees\n"
	"  tidemark tree --filter fn:parse --all-frames app.tide";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case KEY_TOP_DOWN:
	case KEY_BOTTOM_UP:
		a->bottom_up = key == KEY_BOTTOM_UP;
		a->direction_given = true;
		break;
	case KEY_FOCUS: a->focus = arg; break;
	case KEY_SORT:
		a->sort_given = true;
		if (view_measure_parse(arg, &a->sort))
			argp_error(state, "--sort: '%s' is not one of " VIEW_MEASURE_WORDS, arg);
		break;
	case KEY_MIN:
		if (units_parse_percent(arg, &a->least))
			argp_error(state, "--min: '%s' is not a percentage", arg);
		a->least_given = true;
		break;
	default: return options_file(key, arg, state, &a->common, &a->file);
	}
	return 0;
}

static const struct argp argp = { own, parse_option, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

struct drawing {
	const struct arguments *a;
	const struct tree *tree;
	struct screen *screen;
	int64_t least;
	size_t most_children;
	char *lead; /* a character a level: does the line of that level go on? */
	uint32_t lead_room;
};

static bool is_shown(const struct drawing *d, uint32_t node)
{
	return node && d->tree->node[node].inclusive[0] >= d->least && d->tree->node[node].inclusive[0] > 0;
}

/* The child that takes (nearly) all of a node: the two can share a line. What is
 * not its child's is too little to be shown anyway. */
static uint32_t find_only_child(const struct drawing *d, uint32_t node)
{
	const struct tree_node *n = &d->tree->node[node];
	uint32_t child = n->first_child;
	int64_t rest;

	if (!child || d->a->common.verbose || !is_shown(d, child))
		return 0;
	/* Both are above zero: is_shown() says so. */
	rest = n->inclusive[0] - d->tree->node[child].inclusive[0];
	return rest <= 0 || (rest < d->least && rest < n->inclusive[0] / 20) ? child : 0;
}

static const char *choose_glyph(const struct screen *s, const char *unicode, const char *ascii)
{
	return s->unicode ? unicode : ascii;
}

/* Levels beyond half of the line are not indented any further. */
static unsigned draw_indentation(const struct drawing *d, uint32_t level, unsigned width)
{
	struct screen *s = d->screen;
	uint32_t from = level > width / 4 ? level - width / 4 : 0;
	unsigned used = 0;

	for (uint32_t i = from; i < level; i++) {
		bool last = i + 1 == level;

		if (last)
			screen_print(s, STYLE_DIM, "%s",
				d->lead[i] ? choose_glyph(s, "\xe2\x94\x9c\xe2\x95\xb4", "|-")
					   : choose_glyph(s, "\xe2\x94\x94\xe2\x95\xb4", "`-"));
		else
			screen_print(s, STYLE_DIM, "%s",
				d->lead[i] ? choose_glyph(s, "\xe2\x94\x82 ", "| ") : "  ");
		used += 2;
	}
	return used;
}

#define PLACE_LEAST 36u /* columns that show most functions with file and line */

/* The calls between the two ends of a chain, those next to the allocating end first and as
 * many as there is room for; the others are counted: "(3 calls) > handle > open ". To free. */
static char *join_chain(
	const struct drawing *d, uint32_t first, uint32_t last, const char *arrow, unsigned room)
{
	struct screen *s = d->screen;
	const struct tree_node *node = d->tree->node;
	bool up = d->tree->bottom_up;
	uint32_t left = node[last].depth - node[first].depth, n = up ? first : node[last].parent;
	const unsigned rest = (unsigned)strlen("(99 calls)") + 3;
	char *text = alloc_string(""), *longer;

	for (; left; left--) {
		char *name, *clean;
		unsigned used;

		if (up) /* chains have one child each */
			n = find_only_child(d, n);
		name = name_line(node[n].line, true);
		clean = screen_fit(s, name, 40, FIT_MIDDLE);
		longer = up ? alloc_printf("%s %s %s", text, arrow, clean)
			    : alloc_printf("%s %s %s", clean, arrow, text);
		free(name);
		free(clean);
		used = screen_columns(s, longer) + (left > 1 ? rest : 0);
		if (used > room) {
			free(longer);
			break;
		}
		free(text);
		text = longer;
		/* What leads to main is the same in every program. */
		if (!strcmp(node[n].line->function, "main"))
			return text;
		if (!up)
			n = node[n].parent;
	}
	if (!left)
		return text;
	longer = up ? alloc_printf("%s %s (%u call%s)", text, arrow, left, left > 1 ? "s" : "")
		    : alloc_printf("(%u call%s) %s %s", left, left > 1 ? "s" : "", arrow, text);
	/* A few columns of the place are worth the word. */
	if (screen_columns(s, longer) > room + 8) {
		free(longer);
		longer = up ? alloc_printf("%s %s %u", text, arrow, left)
			    : alloc_printf("%u %s %s", left, arrow, text);
	}
	free(text);
	return longer;
}

/* A chain on one line: "main > run > parse file.c:7", or, from the bottom up,
 * "parse file.c:7 < run < main": the allocating end is the one with a place. */
static void draw_names(const struct drawing *d, uint32_t first, uint32_t last, unsigned width)
{
	struct screen *s = d->screen;
	const struct tree_node *node = d->tree->node;
	bool up = d->tree->bottom_up;
	const char *arrow = up ? choose_glyph(s, "\xe2\x80\xb9", "<") : choose_glyph(s, "\xe2\x80\xba", ">");
	const struct symbol_line *line = node[up ? first : last].line;
	char *names = first != last
		? join_chain(d, first, last, arrow, width > PLACE_LEAST ? width - PLACE_LEAST : 0)
		: NULL;
	unsigned used = names ? screen_columns(s, names) : 0;

	if (names && !up)
		screen_print(s, STYLE_DIM, "%s", names);
	place_print(s, line, d->a->common.source_root, width > used ? width - used : 1);
	if (names && up)
		screen_print(s, STYLE_DIM, "%s", names);
	fputc('\n', s->out);
	free(names);
}

static char *format_amount(const struct drawing *d, char text[UNITS_TEXT], int64_t n)
{
	return view_measure_is_bytes(d->tree->measure[0]) ? units_bytes(text, n) : units_count(text, n);
}

#define NUMBERS 27u /* columns of inclusive, share, self and their gaps */

static void draw_numbers(const struct drawing *d, int64_t inclusive, int64_t self, bool rest)
{
	struct screen *s = d->screen;
	char text[UNITS_TEXT];
	double whole = (double)d->tree->node[0].inclusive[0];
	double share = whole > 0 ? (double)inclusive / whole : 0;

	screen_print(s, rest ? STYLE_DIM : STYLE_PLAIN, "%9s", format_amount(d, text, inclusive));
	screen_print(s, share >= 0.1 && !rest ? STYLE_STRONG : STYLE_DIM, " %6s",
		units_percent(text, (double)inclusive, whole));
	screen_print(s, self ? STYLE_STRONG : STYLE_DIM, " %9s", self ? format_amount(d, text, self) : "");
	fputc(' ', s->out);
}

static void draw_rest(const struct drawing *d, uint32_t level, size_t count, int64_t sum)
{
	struct screen *s = d->screen;

	draw_numbers(d, sum, 0, true);
	d->lead[level - 1] = 0;
	draw_indentation(d, level, s->width - NUMBERS);
	screen_print(s, STYLE_DIM, "%zu smaller\n", count);
}

/* A frame of the walk: the node's next child, and what was left out so far. */
struct visit {
	uint32_t child;
	size_t seen, hidden;
	int64_t hidden_sum;
};

/* Crumbs are a line only where somebody asked for everything. */
static bool is_rest_shown(const struct drawing *d, int64_t sum)
{
	return sum >= d->least || d->a->common.verbose;
}

/* Will another line of this level follow? */
static bool is_more_visible(const struct drawing *d, const struct visit *v)
{
	int64_t rest = v->hidden_sum;

	for (uint32_t c = v->child; c; c = d->tree->node[c].next_sibling) {
		if (is_shown(d, c) && v->seen < d->most_children)
			return true;
		if (d->tree->node[c].inclusive[0] > 0)
			view_add(&rest, d->tree->node[c].inclusive[0]);
	}
	return rest > 0 && is_rest_shown(d, rest);
}

static void draw_tree(struct drawing *d)
{
	const struct tree_node *node = d->tree->node;
	struct visit *stack;
	uint32_t level = 1, deepest = 0;

	for (uint32_t i = 0; i < d->tree->count; i++)
		if (node[i].depth > deepest)
			deepest = node[i].depth;
	stack = alloc_zeroed((uint64_t)deepest + 2, sizeof(*stack));
	d->lead = alloc_zeroed((uint64_t)deepest + 2, 1);
	stack[1].child = node[0].first_child;
	while (level) {
		struct visit *v = &stack[level];
		uint32_t n = v->child, last = n, next;

		if (!n) {
			if (v->hidden && is_rest_shown(d, v->hidden_sum))
				draw_rest(d, level, v->hidden, v->hidden_sum);
			level--;
			continue;
		}
		v->child = node[n].next_sibling;
		if (!is_shown(d, n) || v->seen >= d->most_children) {
			if (node[n].inclusive[0] > 0) {
				v->hidden++;
				view_add(&v->hidden_sum, node[n].inclusive[0]);
			}
			continue;
		}
		v->seen++;
		while ((next = find_only_child(d, last)))
			last = next;
		draw_numbers(d, node[n].inclusive[0], node[d->tree->bottom_up ? n : last].self[0], false);
		d->lead[level - 1] = is_more_visible(d, v);
		draw_names(d, n, last,
			d->screen->width - NUMBERS - draw_indentation(d, level, d->screen->width - NUMBERS));
		level++;
		stack[level] = (struct visit){ .child = node[last].first_child };
	}
	free(stack);
	free(d->lead);
}

static const char *name_measure(const struct tree *t)
{
	return !view_measure_is_bytes(t->measure[0]) ? "count"
		: t->measure[0] == PEAK_BYTES        ? "peak"
		: t->measure[0] == TOTAL_BYTES       ? "total"
		: t->measure[0] == LOST_BYTES        ? "lost"
						     : "live";
}

static void print_tree(const struct arguments *a, struct screen *s, const struct tree *t)
{
	struct drawing d = { .a = a, .tree = t, .screen = s };

	d.most_children = options_rows(&a->common, SIZE_MAX);
	d.least = units_integer(a->least * (double)t->node[0].inclusive[0]);
	if (!a->common.quiet) {
		fputc('\n', s->out);
		screen_print(s, STYLE_HEADING, "%9s %6s %9s %s\n", name_measure(t), "share", "self",
			a->focus               ? t->bottom_up ? "callers" : "callees"
				: t->bottom_up ? "allocated by, called from"
					       : "function");
	}
	if (!t->node[0].first_child)
		fputs("Nothing to show\n", s->out);
	draw_tree(&d);
}

/* How much of the whole the trees around a function are about. */
static void print_focus(struct screen *s, const char *name, const struct view *v, const struct tree *t)
{
	char part[UNITS_TEXT], share[UNITS_TEXT], *clean = screen_fit(s, name, 60, FIT_MIDDLE);
	int64_t all = 0, sum = t->node[0].inclusive[0];

	for (uint32_t site = 0; site < v->snapshot->site_count; site++)
		if (v->kept[site])
			view_add(&all, v->site[site].of[t->measure[0]]);
	fprintf(s->out, "Stacks through %s: %s, %s of the whole\n", clean,
		view_measure_is_bytes(t->measure[0]) ? units_bytes(part, sum) : units_count(part, sum),
		units_percent(share, (double)sum, (double)all));
	free(clean);
}

/* `t`: the one tree, or the callers and the callees. */
static int print_screen(const struct arguments *a, const struct view *v, const struct tree *t, size_t trees,
	const char *focus)
{
	struct screen s;
	char text[UNITS_TEXT];

	screen_open(&s, &a->common);
	header_warnings(&s, v->snapshot, v->symbols);
	header_print(&s, v->snapshot);
	if (focus && !a->common.quiet)
		print_focus(&s, focus, v, t);
	for (size_t i = 0; i < trees; i++)
		print_tree(a, &s, &t[i]);
	if (t->node[0].first_child)
		screen_hint(&s, "Branches below %s are summed up (--min)%s", units_percent(text, a->least, 1),
			a->common.verbose ? "" : "; -v shows every call");
	if (!a->sort_given && a->sort == PEAK_BYTES)
		screen_hint(&s, VIEW_PAST_PEAK);
	return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
}

int cmd_tree(int argc, char **argv)
{
	struct arguments a = { .sort = LIVE_BYTES, .least = 0.01 };
	struct tide_error e;
	struct view v;
	struct tree t[2];
	struct view_focus *focus = NULL;
	size_t trees;
	int64_t least;
	int code;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_MARKS | OFFER_AGE
		| OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if ((a.common.json || a.common.csv) && !a.least_given)
		a.least = 0;
	if (view_load(&v, a.file, &a.common.selection, DOMAIN_BLOCKS, &e)) {
		error_print(&e);
		return e.code;
	}
	if (!a.sort_given && !a.common.json && !a.common.csv && view_is_past_peak(&v))
		a.sort = PEAK_BYTES;
	if ((view_measure_is_lost(a.sort) && view_find_lost(&v, NULL, &e))
		|| (a.focus && !(focus = view_focus_new(v.snapshot, v.symbols, a.focus, &e)))) {
		error_print(&e);
		view_close(&v);
		options_free(&a.common);
		return e.code;
	}
	/* Callers first, as they are above a function in a graph. */
	trees = focus && !a.direction_given && !a.common.json && !a.common.csv ? 2 : 1;
	for (size_t i = 0; i < trees; i++)
		tree_build(&t[i], &v, a.sort, trees == 2 ? !i : a.bottom_up, focus);
	least = units_integer(a.least * (double)t->node[0].inclusive[0]);
	if (a.common.json)
		tree_json(t, least, v.snapshot, stdout);
	else if (a.common.csv)
		tree_csv(t, least, stdout);
	code = a.common.json || a.common.csv
		? EXIT_FINE
		: print_screen(&a, &v, t, trees, focus ? view_focus_name(focus) : NULL);
	for (size_t i = 0; i < trees; i++)
		tree_free(&t[i]);
	if (focus)
		view_focus_free(focus);
	if (code == EXIT_FINE)
		code = header_code(v.snapshot);
	view_close(&v);
	options_free(&a.common);
	return code;
}
