/* cmd_diff.c - `tidemark diff OLD NEW`: what grew between two snapshots. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "analysis/diff.h"
#include "base/alloc.h"
#include "base/error.h"
#include "diff_memory.h"
#include "print/header.h"
#include "print/csv.h"
#include "print/json_report.h"
#include "print/options.h"
#include "symbol/site_key.h"
#include "print/table.h"
#include "base/units.h"
#include "verb.h"
#include "view/site_items.h"
#include "view/view.h"

#define SCREEN_ROWS 25

enum { KEY_BY = 'b', KEY_FAIL = 256, KEY_SHOW, KEY_SORT };

static const struct argp_option option[] = {
	{ "by", KEY_BY, "KEY", 0,
		"compare by site (default), function, file, line, module, thread, stack, "
		"size, age or type",
		0 },
	{ "show", KEY_SHOW, "KINDS", 0,
		"also show sites that are `same` or `moved` (equal numbers disappeared in one place "
		"and appeared in another)",
		0 },
	{ "sort", KEY_SORT, "MEASURE", 0,
		"compare by live (default), peak, total, count, allocations, temporary or lost", 0 },
	{ "fail", KEY_FAIL, NULL, 0, "exit with status 1 when something is new or has grown", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Compare two snapshots: size and count of live blocks, or another measure, and how they changed; the "
	"largest change comes first.\v"
	"With one FILE and --since (and --until), show what was allocated between the marks and is still "
	"alive.\n\n"
	"Examples:\n"
	"  tidemark diff before.tide after.tide\n"
	"  tidemark diff --by file before.tide after.tide\n"
	"  tidemark diff --sort total before.tide after.tide\n"
	"  tidemark diff --since warm --until end server.tide\n"
	"  tidemark diff --fail --exclude 'module:libc*' before.tide after.tide";

struct arguments {
	struct options common;
	const char *file[2];
	size_t files;
	enum view_key key;
	enum view_measure sort;
	bool fail, show[DIFF_KINDS];
};

/* One comparison: two views, and the origins of their items. */
struct comparison {
	struct view view[2];
	struct selection since;     /* of view[0] when one file is compared with itself */
	struct site_keys *keys[2];  /* by site */
	struct view_group group[2]; /* by anything else */
	bool grouped, rebuilt;
	struct view_pair pair; /* what is compared */
	struct diff diff;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *word, *save = NULL;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; break;
	case KEY_BY:
		if (view_key_parse(arg, &a->key))
			argp_error(state,
				"--by: '%s' is not one of site, function, file, line, module, thread, "
				"stack, size, age, type",
				arg);
		break;
	case KEY_SORT:
		if (view_measure_parse(arg, &a->sort) || a->sort == REALLOCATIONS)
			argp_error(state, "--sort: '%s' is not one of " VIEW_MEASURE_WORDS, arg);
		break;
	case KEY_FAIL: a->fail = true; break;
	case KEY_SHOW:
		for (word = strtok_r(arg, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
			if (strcmp(word, "same") && strcmp(word, "moved"))
				argp_error(state, "--show: '%s' is neither same nor moved", word);
			a->show[strcmp(word, "same") ? DIFF_MOVED : DIFF_SAME] = true;
		}
		break;
	case ARGP_KEY_ARG:
		if (a->files == 2)
			argp_error(state, "too many files: diff compares two snapshots");
		a->file[a->files++] = arg;
		break;
	case ARGP_KEY_END:
		if (a->files == 0 || (a->files == 1 && !a->common.selection.since))
			argp_error(state, "name two snapshots, or one and --since MARK");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { option, parse_option, "OLD NEW", doc, OPTIONS_CHILD, NULL, NULL };

/* "name (123)" without the number: thread numbers differ from run to run. */
static size_t measure_text(enum view_key key, const char *text)
{
	const char *number = key == KEY_THREAD ? strrchr(text, '(') : NULL;

	return number && number > text ? (size_t)(number - text) : strlen(text);
}

static struct diff_item *make_items(const struct comparison *c, enum view_key key, int side, size_t *count)
{
	const struct view_group *g = &c->group[side];
	struct diff_item *item = alloc_zeroed(g->count + 1, sizeof(*item));

	*count = g->count;
	for (size_t i = 0; i < g->count; i++) {
		const char *text = g->row[i].key ? g->row[i].key : "";

		item[i] = (struct diff_item){
			.key = XXH3_64bits(text, measure_text(key, text)),
			.bytes = view_value(&g->row[i].m, c->pair.bytes),
			.blocks = view_value(&g->row[i].m, c->pair.blocks),
			.origin = (uint32_t)i,
		};
	}
	return item;
}

static int compare_views(struct comparison *c, const struct arguments *a, struct tide_error *e)
{
	unsigned needed;
	struct diff_item *item[2];
	size_t count[2];

	symbols_learn_together((struct symbols *const[]){ c->view[0].symbols, c->view[1].symbols }, 2);
	c->pair = view_pair_of(a->sort);
	for (int side = 0; side < 2 && view_measure_is_lost(a->sort); side++)
		if (view_find_lost(&c->view[side], NULL, e))
			return -1;
	needed = 1u << c->pair.blocks | (c->pair.bytes < MEASURES ? 1u << c->pair.bytes : 0);
	c->grouped = a->key != KEY_SITE && a->key != KEY_STACK;
	for (int side = 0; side < 2; side++)
		if ((c->view[side].known & needed) != needed
			|| (a->sort != LIVE_BYTES && a->sort != LIVE_BLOCKS && c->view[side].span.given))
			return error_set(e, EXIT_USAGE,
				"cannot compare by %s|it is not known for a part of the run or of the "
				"threads|leave out --since, --until, --min-age and thread: filters",
				view_measure_name(a->sort));
	for (int side = 0; side < 2 && c->grouped; side++) {
		if (view_group(&c->group[side], &c->view[side], 1, a->key, e))
			return -1;
		if ((c->group[side].known & needed) != needed)
			return error_set(e, EXIT_UNMEASURED,
				"cannot compare by %s|%s has no list of "
				"blocks|take snapshots with references",
				view_key_name(a->key), a->file[side]);
	}
	for (int side = 0; side < 2 && !c->grouped; side++)
		c->keys[side] = site_keys_new(c->view[side].snapshot, c->view[side].symbols);
	if (!c->grouped)
		c->rebuilt = !site_keys_exact(c->keys, 2);
	for (int side = 0; side < 2; side++) {
		item[side] = c->grouped
			? make_items(c, a->key, side, &count[side])
			: site_items(&c->view[side], c->keys[side], &c->pair, c->rebuilt, &count[side]);
		site_keys_free(c->keys[side]);
		c->keys[side] = NULL;
		snapshot_trim(c->view[side].snapshot);
	}
	diff_make(&c->diff, item[0], count[0], item[1], count[1], c->rebuilt);
	if (c->pair.by_blocks)
		diff_sort_by_blocks(&c->diff);
	free(item[0]);
	free(item[1]);
	return 0;
}

static void close_comparison(struct comparison *c)
{
	diff_free(&c->diff);
	for (int side = 0; side < 2; side++) {
		if (c->grouped)
			view_group_free(&c->group[side]);
		view_close(&c->view[side]);
	}
}

static int open_comparison(struct comparison *c, const struct arguments *a, struct tide_error *e)
{
	memset(c, 0, sizeof(*c));
	if (a->files == 2) {
		if (view_load(&c->view[0], a->file[0], &a->common.selection, DOMAIN_BLOCKS, e))
			return -1;
		if (view_load(&c->view[1], a->file[1], &a->common.selection, DOMAIN_BLOCKS, e))
			goto close_old;
	} else {
		/* All that was born before --until, against the part of it born before --since. */
		c->since = a->common.selection;
		c->since.until = a->common.selection.since;
		c->since.since = NULL;
		if (view_load(&c->view[0], a->file[0], &c->since, DOMAIN_BLOCKS, e))
			return -1;
		c->since.until = a->common.selection.until;
		if (view_load(&c->view[1], a->file[0], &c->since, DOMAIN_BLOCKS, e))
			goto close_old;
	}
	if (!compare_views(c, a, e))
		return 0;
	close_comparison(c);
	return -1;
close_old:
	view_close(&c->view[0]);
	return -1;
}

static bool is_shown(const struct arguments *a, const struct diff_row *row)
{
	return (row->kind != DIFF_SAME && row->kind != DIFF_MOVED) || a->show[row->kind];
}

static bool is_any_shown(const struct comparison *c, const struct arguments *a)
{
	for (size_t i = 0; i < c->diff.count; i++)
		if (is_shown(a, &c->diff.row[i]))
			return true;
	return false;
}

/* The side that a row is named after: the new one where there is one. */
static int side_of(const struct diff_row *row) { return row->new.origin != DIFF_NO_ORIGIN; }

static uint32_t origin_of(const struct diff_row *row)
{
	return side_of(row) ? row->new.origin : row->old.origin;
}

static void write_json_row(struct json_report *report, const struct comparison *c, const struct diff_row *row)
{
	struct json *j = &report->json;

	json_open_object(j, NULL);
	json_number(j, "size", row->new.bytes);
	json_number(j, "size_diff", row->new.bytes - row->old.bytes);
	json_number(j, "count", row->new.blocks);
	json_number(j, "count_diff", row->new.blocks - row->old.blocks);
	json_text(j, "kind", diff_kind_name(row->kind));
	if (c->grouped)
		json_text(j, "key", c->group[side_of(row)].row[origin_of(row)].key);
	else
		json_report_stack(report, c->view[side_of(row)].symbols, origin_of(row));
	if (!c->grouped && row->kind == DIFF_MOVED)
		json_report_stack_named(report, "moved_from", c->view[0].symbols, row->old.origin);
	json_close_object(j);
}

static void print_json(const struct comparison *c, const struct arguments *a, size_t rows)
{
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", c->view[1].snapshot);
	json_report_snapshot(j, "old", c->view[0].snapshot);
	json_text(j, "measure", view_measure_name(a->sort));
	json_open_object(j, "totals");
	json_number(j, "size", c->diff.new_bytes);
	json_number(j, "size_diff", c->diff.new_bytes - c->diff.old_bytes);
	json_number(j, "count", c->diff.new_blocks);
	json_number(j, "count_diff", c->diff.new_blocks - c->diff.old_blocks);
	json_open_object(j, "kinds");
	for (int kind = 0; kind < DIFF_KINDS; kind++)
		json_number(j, diff_kind_name(kind), (int64_t)c->diff.of_kind[kind]);
	json_close_object(j);
	json_close_object(j);
	diff_memory_json(j, c->view[0].snapshot, c->view[1].snapshot);
	json_open_array(j, "records");
	for (size_t i = 0; i < c->diff.count && rows; i++)
		if (is_shown(a, &c->diff.row[i])) {
			write_json_row(&report, c, &c->diff.row[i]);
			rows--;
		}
	json_close_array(j);
	json_report_close(&report);
}

static void print_csv(const struct comparison *c, const struct arguments *a, size_t rows)
{
	fputs("size,size_diff,count,count_diff,kind,", stdout);
	fputs(c->grouped ? "key\n" : "function,file,line,module\n", stdout);
	for (size_t i = 0; i < c->diff.count && rows; i++) {
		const struct diff_row *row = &c->diff.row[i];

		if (!is_shown(a, row))
			continue;
		rows--;
		printf("%lld,%lld,%lld,%lld,%s,", (long long)row->new.bytes,
			(long long)(row->new.bytes - row->old.bytes), (long long)row->new.blocks,
			(long long)(row->new.blocks - row->old.blocks), diff_kind_name(row->kind));
		if (c->grouped) {
			csv_text(stdout, c->group[side_of(row)].row[origin_of(row)].key);
		} else {
			csv_place(stdout, symbols_top(c->view[side_of(row)].symbols, origin_of(row)));
		}
		putchar('\n');
	}
}

static enum screen_style choose_style(int64_t difference)
{
	return difference > 0 ? STYLE_BAD : difference < 0 ? STYLE_GOOD : STYLE_DIM;
}

static const char *name_bytes(const struct comparison *c)
{
	return c->pair.bytes == PEAK_BYTES     ? "at the peak"
		: c->pair.bytes == TOTAL_BYTES ? "over the run"
		: c->pair.bytes == LOST_BYTES  ? "lost"
					       : "live";
}

static const char *name_blocks(const struct comparison *c)
{
	return c->pair.blocks == TOTAL_BLOCKS ? "allocations"
		: c->pair.blocks == TEMPORARY ? "temporary allocations"
					      : "blocks";
}

/* What a row is sorted by. */
static double change_of(const struct comparison *c, const struct diff_row *row)
{
	return c->pair.by_blocks ? (double)row->new.blocks - (double)row->old.blocks
				 : (double)row->new.bytes - (double)row->old.bytes;
}

static void print_head(struct screen *s, const struct comparison *c)
{
	char from[UNITS_TEXT], to[UNITS_TEXT], change[UNITS_TEXT], blocks[UNITS_TEXT];
	const struct diff *d = &c->diff;

	if (c->view[0].snapshot->path && c->view[1].snapshot->path
		&& strcmp(c->view[0].snapshot->path, c->view[1].snapshot->path)) {
		header_side(s, "old", c->view[0].snapshot);
		header_side(s, "new", c->view[1].snapshot);
	} else {
		header_who(s, c->view[1].snapshot);
	}
	diff_memory_screen(s, c->view[0].snapshot, c->view[1].snapshot);
	screen_print(s, STYLE_DIM, "%-9s", "change");
	if (c->pair.bytes < MEASURES) {
		screen_print(s, STYLE_STRONG, "%s", units_bytes_signed(change, d->new_bytes - d->old_bytes));
		fprintf(s->out, " %s, from %s to %s; %s %s\n\n", name_bytes(c),
			units_bytes(from, d->old_bytes), units_bytes(to, d->new_bytes),
			units_count_signed(blocks, d->new_blocks - d->old_blocks), name_blocks(c));
	} else {
		screen_print(
			s, STYLE_STRONG, "%s", units_count_signed(blocks, d->new_blocks - d->old_blocks));
		fprintf(s->out, " %s, from %s to %s\n\n", name_blocks(c), units_count(from, d->old_blocks),
			units_count(to, d->new_blocks));
	}
	screen_print(s, STYLE_HEADING, "%zu new, %zu gone, %zu grown, %zu shrunk, %zu moved, %zu unchanged",
		d->of_kind[DIFF_NEW], d->of_kind[DIFF_GONE], d->of_kind[DIFF_GROWN], d->of_kind[DIFF_SHRUNK],
		d->of_kind[DIFF_MOVED], d->of_kind[DIFF_SAME]);
	fputc('\n', s->out);
}

/* The change that fills a bar. */
static double find_largest_change(const struct comparison *c, const struct arguments *a)
{
	double most = 0;

	for (size_t i = 0; i < c->diff.count; i++) {
		const struct diff_row *row = &c->diff.row[i];
		double change = fabs(change_of(c, row));

		if (is_shown(a, row) && change > most)
			most = change;
	}
	return most;
}

static void add_stack(struct table *t, const struct comparison *c, const struct diff_row *row)
{
	struct symbols *symbols = c->view[side_of(row)].symbols;
	size_t count;
	const struct symbol_line *line = symbols_stack(symbols, origin_of(row), &count);

	for (size_t i = symbols_caller(symbols, origin_of(row)) + 1; i < count; i++)
		table_frame(t, &line[i]);
}

/* Two runs that end alike may have done different work. */
static void print_nothing(struct screen *s, const struct comparison *c)
{
	int64_t old = c->view[0].total.of[TOTAL_BYTES], new = c->view[1].total.of[TOTAL_BYTES];
	char from[UNITS_TEXT], to[UNITS_TEXT];

	fprintf(s->out, "no differences in %s\n",
		c->pair.bytes == LIVE_BYTES           ? "live bytes or blocks"
			: c->pair.bytes == PEAK_BYTES ? "bytes or blocks at the peak"
			: c->pair.bytes == LOST_BYTES ? "lost bytes or blocks"
						      : name_blocks(c));
	if (c->pair.bytes == LIVE_BYTES && !c->view[0].span.given && old != new)
		screen_hint(s, "Over the run the two allocated %s and %s: --sort total",
			units_bytes(from, old), units_bytes(to, new));
}

static int print_screen(const struct comparison *c, const struct arguments *a, size_t rows)
{
	const bool has_bytes = c->pair.bytes < MEASURES;
	const struct column columns[] = {
		{ "size", COLUMN_RIGHT, false },
		{ "change", COLUMN_RIGHT, false },
		{ c->pair.blocks == TOTAL_BLOCKS              ? "allocs"
				: c->pair.blocks == TEMPORARY ? "temp"
							      : "blocks",
			COLUMN_RIGHT, has_bytes },
		{ "change", COLUMN_RIGHT, has_bytes },
		{ "", COLUMN_BAR, true },
		{ "", COLUMN_LEFT, false },
		{ "allocated by", COLUMN_PLACE, false },
	};
	double most = find_largest_change(c, a);
	struct screen s;
	size_t hidden = 0;
	char text[UNITS_TEXT];

	screen_open(&s, &a->common);
	if (!a->common.quiet)
		print_head(&s, c);
	if (!is_any_shown(c, a)) {
		print_nothing(&s, c);
		return screen_close(&s);
	}
	/* Without bytes the first two columns go. */
	struct table *t = table_new(&s, columns + (has_bytes ? 0 : 2),
		sizeof(columns) / sizeof(columns[0]) - (has_bytes ? 0 : 2), a->common.source_root);
	size_t printed = 0;
	for (size_t i = 0; i < c->diff.count; i++) {
		const struct diff_row *row = &c->diff.row[i];
		int64_t bytes = row->new.bytes - row->old.bytes, blocks = row->new.blocks - row->old.blocks;

		if (!is_shown(a, row))
			continue;
		if (printed == rows) {
			hidden++;
			continue;
		}
		printed++;
		if (has_bytes) {
			table_text(t, STYLE_PLAIN, "%s", units_bytes(text, row->new.bytes));
			table_text(t, choose_style(bytes), "%s", units_bytes_signed(text, bytes));
		}
		table_text(t, STYLE_PLAIN, "%s", units_count(text, row->new.blocks));
		table_text(t, choose_style(blocks), "%s", units_count_signed(text, blocks));
		table_bar(t, most > 0 ? fabs(change_of(c, row)) / most : 0);
		table_text(t, STYLE_DIM, "%s", diff_kind_name(row->kind));
		if (c->grouped) {
			const struct view_row *r = &c->group[side_of(row)].row[origin_of(row)];
			table_text(t, STYLE_NAME, "%s", r->key ? r->key : "");
		} else {
			table_site(t, c->view[side_of(row)].symbols, origin_of(row));
			if (a->common.verbose)
				add_stack(t, c, row);
		}
	}
	table_show(t);
	if (hidden)
		screen_hint(&s, "%s more: -n all%s", units_count(text, (int64_t)hidden),
			a->common.verbose ? "" : "; -v shows stacks");
	else if (!a->common.verbose && !c->grouped)
		screen_hint(&s, "-v shows stacks");
	if (a->files == 2 && c->view[1].snapshot->python_object_count)
		screen_hint(&s, "which variable of Python holds it: tidemark retained %s %s", a->file[1],
			a->file[0]);
	return screen_close(&s);
}

static bool is_worse(const struct diff *d) { return d->of_kind[DIFF_NEW] || d->of_kind[DIFF_GROWN]; }

/* Notes beside the output: damage, and doubtful names. */
static bool report_trouble(const struct comparison *c, const struct arguments *a)
{
	bool damaged = false;

	for (size_t side = 0; side < a->files; side++) {
		const struct view *v = &c->view[a->files == 1 ? 1 : side];
		const char *warning;

		if (v->snapshot->damaged) {
			error_note("%s is damaged: %s", a->file[side], v->snapshot->damage);
			damaged = true;
		} else if (a->fail && !v->snapshot->process->complete) {
			/* A part of the blocks does not suffice for a verdict. */
			const char *why = snapshot_string(v->snapshot, v->snapshot->process->incomplete_why);

			error_note("no verdict: %s is incomplete%s%s", a->file[side], *why ? ": " : "", why);
			damaged = true;
		}
		for (size_t i = 0; (warning = symbols_warning(v->symbols, i)) != NULL; i++)
			if (!a->common.quiet)
				error_note("%s", warning);
	}
	return damaged;
}

int cmd_diff(int argc, char **argv)
{
	struct arguments a = { .key = KEY_SITE };
	struct comparison c;
	struct tide_error e = { 0 };
	int code = EXIT_FINE;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_MARKS | OFFER_AGE
		| OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (open_comparison(&c, &a, &e)) {
		error_print(&e);
		options_free(&a.common);
		return e.code;
	}
	if (a.common.json)
		print_json(&c, &a, options_rows(&a.common, SCREEN_ROWS));
	else if (a.common.csv)
		print_csv(&c, &a, options_rows(&a.common, SCREEN_ROWS));
	else if (print_screen(&c, &a, options_rows(&a.common, SCREEN_ROWS)))
		code = EXIT_UNMEASURED;
	if (report_trouble(&c, &a) || fflush(stdout) || ferror(stdout))
		code = EXIT_UNMEASURED;
	else if (a.fail && is_worse(&c.diff) && code == EXIT_FINE)
		code = EXIT_FINDINGS;
	close_comparison(&c);
	options_free(&a.common);
	return code;
}
