/* stat_screen.c - `stat` for people. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "analysis/leaks.h"
#include "base/alloc.h"
#include "print/header.h"
#include "print/progress.h"
#include "stat.h"
#include "print/table.h"
#include "base/units.h"
#include "view/typed_scan.h"

#define ROWS 10
#define STACK_LINES 12 /* -v; -vv and --by stack show all */

static bool is_known(const struct stat_report *r, enum view_measure m) { return r->group.known & 1u << m; }

static bool has_site(const struct stat_report *r)
{
	return (r->group.key == KEY_SITE || r->group.key == KEY_STACK) && r->view_count == 1;
}

static bool has_place(const struct stat_report *r)
{
	return r->group.key == KEY_SITE || r->group.key == KEY_STACK || r->group.key == KEY_FUNCTION
		|| r->group.key == KEY_LINE;
}

static bool counts_temporary(const struct stat_report *r)
{
	return is_known(r, TEMPORARY) && !r->views[0].span.given;
}

/* With --since and the like, the numbers of the whole run would mislead. */
static bool is_whole_run(const struct stat_report *r, enum view_measure m)
{
	return is_known(r, m) && !r->views[0].span.given;
}

static size_t make_columns(const struct stat_report *r, struct column *c)
{
	static const char *const head[KEYS] = {
		[KEY_FILE] = "file",
		[KEY_MODULE] = "module",
		[KEY_THREAD] = "thread",
		[KEY_SIZE] = "size",
		[KEY_AGE] = "born between",
		[KEY_TYPE] = "type",
	};
	size_t n = 0;

	if (r->group.key == KEY_SIZE || r->group.key == KEY_AGE)
		c[n++] = (struct column){ head[r->group.key], COLUMN_LEFT, false };
	if (is_known(r, LIVE_BYTES))
		c[n++] = (struct column){ "live", COLUMN_RIGHT, false };
	if (is_known(r, LIVE_BLOCKS))
		c[n++] = (struct column){ "blocks", COLUMN_RIGHT, r->sort != LIVE_BLOCKS };
	if (is_known(r, LOST_BYTES)) {
		c[n++] = (struct column){ "lost", COLUMN_RIGHT, false };
		c[n++] = (struct column){ "blocks", COLUMN_RIGHT, r->sort != LOST_BLOCKS };
	}
	if (is_whole_run(r, PEAK_BYTES))
		c[n++] = (struct column){ "peak", COLUMN_RIGHT, r->sort != PEAK_BYTES };
	if (is_whole_run(r, TOTAL_BYTES))
		c[n++] = (struct column){ "total", COLUMN_RIGHT, r->sort != TOTAL_BYTES };
	if (is_whole_run(r, TOTAL_BLOCKS)
		&& (r->sort == TOTAL_BLOCKS || !is_known(r, TEMPORARY) || r->sort == TEMPORARY))
		c[n++] = (struct column){ "allocs", COLUMN_RIGHT, false };
	if (counts_temporary(r))
		c[n++] = (struct column){ "temp", COLUMN_RIGHT, true };
	c[n++] = (struct column){ "", COLUMN_BAR, true };
	if (has_site(r))
		c[n++] = (struct column){ "site", COLUMN_RIGHT, true };
	if (has_place(r))
		c[n++] = (struct column){ r->group.key == KEY_FUNCTION ? "function" : "allocated by",
			COLUMN_PLACE, false };
	else if (r->group.key != KEY_SIZE && r->group.key != KEY_AGE)
		c[n++] = (struct column){ head[r->group.key], COLUMN_FIT, false };
	return n;
}

static void add_number(
	struct table *t, const struct stat_report *r, const struct view_row *row, enum view_measure m)
{
	enum screen_style style = m == r->sort ? STYLE_STRONG : STYLE_PLAIN;
	char text[UNITS_TEXT];
	int64_t n = row->m.of[m];

	if (view_measure_is_bytes(m))
		units_bytes(text, n);
	else
		units_count(text, n);
	table_text(t, n ? style : STYLE_DIM, "%s", n ? text : "0");
}

static void add_stack(struct table *t, const struct stat_report *r, const struct view_row *row)
{
	size_t count, most = STACK_LINES;
	const struct symbol_line *line = symbols_stack(row->view->symbols, row->site, &count);

	if (r->options->verbose > 1 || r->group.key == KEY_STACK)
		most = SIZE_MAX;
	for (size_t i = 0; i < count && i < most; i++)
		table_frame(t, &line[i]);
	if (count > most)
		table_note(t, STYLE_DIM, "%zu more frames (-vv shows all)", count - most);
}

/* A power of two from 2^0 to 2^63 in its largest whole unit. */
static char *format_power(char text[UNITS_TEXT], unsigned exponent)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	snprintf(text, UNITS_TEXT, "%u %s", 1u << exponent % 10, unit[exponent / 10]);
	return text;
}

static void add_size_label(struct table *t, unsigned class_)
{
	char from[UNITS_TEXT], to[UNITS_TEXT];

	if (!class_)
		table_text(t, STYLE_NAME, "0 B");
	else
		table_text(t, STYLE_NAME, "%s to %s", format_power(from, class_ - 1),
			format_power(to, class_ < 63 ? class_ : 63));
}

/* As a share of the allocations of the row, which shows churn. */
static void add_temporary(struct table *t, const struct stat_report *r, const struct view_row *row)
{
	double all = (double)row->m.of[TOTAL_BLOCKS], n = (double)row->m.of[TEMPORARY];
	enum screen_style style = r->sort == TEMPORARY ? STYLE_STRONG : STYLE_DIM;

	if (n <= 0 || all <= 0)
		table_text(t, STYLE_DIM, "-");
	else if (n / all < 0.005)
		table_text(t, style, "<1%%");
	else
		table_text(t, style, "%.0f%%", 100 * n / all);
}

static void add_row(struct table *t, const struct stat_report *r, struct view_row *row, double most)
{
	if (r->group.key == KEY_SIZE)
		add_size_label(t, (unsigned)row->line.address);
	if (r->group.key == KEY_AGE)
		table_text(t, STYLE_NAME, "%s", row->key);
	if (is_known(r, LIVE_BYTES))
		add_number(t, r, row, LIVE_BYTES);
	if (is_known(r, LIVE_BLOCKS))
		add_number(t, r, row, LIVE_BLOCKS);
	if (is_known(r, LOST_BYTES)) {
		add_number(t, r, row, LOST_BYTES);
		add_number(t, r, row, LOST_BLOCKS);
	}
	if (is_whole_run(r, PEAK_BYTES))
		add_number(t, r, row, PEAK_BYTES);
	if (is_whole_run(r, TOTAL_BYTES))
		add_number(t, r, row, TOTAL_BYTES);
	if (is_whole_run(r, TOTAL_BLOCKS)
		&& (r->sort == TOTAL_BLOCKS || !is_known(r, TEMPORARY) || r->sort == TEMPORARY))
		add_number(t, r, row, TOTAL_BLOCKS);
	if (counts_temporary(r))
		add_temporary(t, r, row);
	table_bar(t, most > 0 ? (double)row->m.of[r->sort] / most : 0);
	if (has_site(r))
		table_text(t, STYLE_DIM, "#%u", row->site);
	if (r->group.key == KEY_SITE || r->group.key == KEY_STACK)
		table_site(t, row->view->symbols, row->site);
	else if (has_place(r))
		table_place(t, &row->line);
	else if (r->group.key != KEY_SIZE && r->group.key != KEY_AGE)
		table_text(t, STYLE_NAME, "%s", row->key);
	if (r->group.key == KEY_STACK || (r->group.key == KEY_SITE && r->options->verbose))
		add_stack(t, r, row);
}

static const char *name_measure(enum view_measure m)
{
	static const char *const words[MEASURES] = {
		"live bytes",
		"live blocks",
		"bytes at the peak",
		"blocks at the peak",
		"bytes over the run",
		"allocations",
		"temporary allocations",
		"reallocations",
		"lost bytes",
		"lost blocks",
	};

	return words[m];
}

static void print_heading(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_heading(struct screen *s, const char *format, ...)
{
	char *text, *fitted;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = alloc_string("");
	va_end(list);
	fitted = screen_fit(s, text, s->width, FIT_END);
	screen_print(s, STYLE_HEADING, "%s\n", fitted);
	free(fitted);
	free(text);
}

static void print_title(struct screen *s, const struct stat_report *r, size_t shown, size_t rows)
{
	static const char *const many[KEYS] = {
		"sites",
		"functions",
		"files",
		"lines",
		"modules",
		"threads",
		"stacks",
		"size classes",
		"intervals",
		"types",
	};
	char part[UNITS_TEXT], count[UNITS_TEXT];
	double covered = 0;

	if (r->options->quiet)
		return;
	for (size_t i = 0; i < shown; i++)
		covered += (double)r->group.row[i].m.of[r->sort];
	if (r->group.key == KEY_SIZE || r->group.key == KEY_AGE)
		screen_print(s, STYLE_HEADING, "By %s\n",
			r->group.key == KEY_SIZE ? "requested size" : "time of birth");
	else if (shown < rows)
		print_heading(s, "Top %zu of %s %s by %s (%s of %s)", shown,
			units_count(count, (int64_t)rows), many[r->group.key], name_measure(r->sort),
			units_percent(part, covered, (double)r->totals.of[r->sort]), name_measure(r->sort));
	else
		screen_print(s, STYLE_HEADING, "%s %s by %s\n", units_count(count, (int64_t)rows),
			rows == 1 ? view_key_name(r->group.key) : many[r->group.key], name_measure(r->sort));
}

static void print_sparkline(struct screen *s, const struct stat_report *r)
{
	enum view_measure m = is_known(r, TOTAL_BLOCKS) ? TOTAL_BLOCKS : LIVE_BLOCKS;
	unsigned classes = 0;
	double value[64] = { 0 };
	char *line;

	if (r->group.key != KEY_SIZE || r->options->quiet)
		return;
	for (size_t i = 0; i < r->group.count; i++) {
		uint64_t class_ = r->group.row[i].line.address;

		if (class_ < 64) {
			value[class_] = (double)r->group.row[i].m.of[m];
			if (class_ + 1 > classes)
				classes = (unsigned)class_ + 1;
		}
	}
	line = screen_sparkline(s, value, classes);
	screen_print(s, STYLE_DIM, "%s, 0 B ", m == TOTAL_BLOCKS ? "allocations" : "live blocks");
	screen_print(s, STYLE_BAR, "%s", line);
	if (classes > 1) {
		char top[UNITS_TEXT];

		screen_print(s, STYLE_DIM, " %s%s", format_power(top, classes - 1),
			s->width >= 80 ? " (each column twice the size)" : "");
	}
	fputc('\n', s->out);
	free(line);
}

static void print_selection(struct screen *s, const struct stat_report *r)
{
	const struct options *o = r->options;
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT];

	if (o->quiet
		|| (!o->selection.filter.count && !o->selection.exclude.count && !r->views[0].span.given))
		return;
	fprintf(s->out, "%sselected%s ", screen_style(s, STYLE_DIM), screen_style(s, STYLE_PLAIN));
	fprintf(s->out, "%s live in %s", units_bytes(bytes, r->totals.of[LIVE_BYTES]),
		units_many(blocks, r->totals.of[LIVE_BLOCKS], "block"));
	if (o->selection.since)
		fprintf(s->out, ", born after %s", o->selection.since);
	if (o->selection.until)
		fprintf(s->out, "%s before %s", o->selection.since ? " and" : ", born", o->selection.until);
	if (o->selection.min_age)
		fprintf(s->out, ", survived %u marks", o->selection.min_age);
	fputc('\n', s->out);
}

/* With many snapshots, `info` says what is wrong with each; here only that something is. */
static void print_several(struct screen *s, const struct stat_report *r)
{
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT];
	size_t doubtful = 0;
	const char *example = "";

	for (size_t i = 0; i < r->view_count; i++) {
		const struct snapshot *snapshot = r->views[i].snapshot;

		if (snapshot->damaged || !snapshot->process->complete || snapshot->warning_count) {
			doubtful++;
			example = snapshot->path ? snapshot->path : "";
		}
	}
	if (doubtful)
		screen_paragraph(s, STYLE_WARNING, "warning: ",
			"%zu of the snapshots are incomplete or have "
			"warnings: tidemark info %s",
			doubtful, example);
	if (!r->options->quiet)
		fprintf(s->out, "%zu snapshots, %s live in %s in total\n", r->view_count,
			units_bytes(bytes, r->totals.of[LIVE_BYTES]),
			units_many(blocks, r->totals.of[LIVE_BLOCKS], "block"));
}

#define MUCH_TEMPORARY 0.25 /* of all allocations: worth a look of its own */

/* Live bytes of tracked domains that are not in the list. */
static uint64_t count_tracked(const struct view *v)
{
	const struct snapshot *s = v->snapshot;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < s->site_count; i++)
		if (s->sites[i].flags & SITE_TRACKED && !v->kept[i])
			bytes += s->sites[i].live_bytes;
	return bytes;
}

/* The next thing a reader may want, and how to type it. `lost`: blocks, -1 unknown. */
static void print_next_steps(struct screen *s, const struct stat_report *r, size_t left, int64_t lost)
{
	const struct snapshot *snapshot = r->views[0].snapshot;
	const struct tide_process *p = snapshot->process;
	bool stacks = r->group.key == KEY_SITE && !r->options->verbose && r->group.count;
	char text[UNITS_TEXT];

	if (r->options->quiet)
		return;
	if (left)
		screen_hint(s, "%s more: -n all%s", units_count(text, (int64_t)left),
			stacks ? "; -v shows stacks" : "");
	else if (stacks)
		screen_hint(s, "-v shows stacks");
	if (r->group.key != KEY_SITE || r->view_count != 1 || r->views[0].span.given)
		return;
	if (!r->sort_given && r->sort == PEAK_BYTES)
		screen_hint(s, VIEW_PAST_PEAK);
	if (r->sort != TEMPORARY && counts_temporary(r)
		&& (double)p->temporary > MUCH_TEMPORARY * (double)p->total_blocks)
		screen_hint(s, "Who makes temporary allocations: --sort temporary");
	if (count_tracked(&r->views[0]))
		screen_hint(s, "Who reported %s of memory that is not malloc's: --domain tracked",
			units_bytes(text, (int64_t)count_tracked(&r->views[0])));
	if (p->references && lost)
		screen_hint(s, "What is lost: tidemark leaks %s", snapshot->path);
}

#define LOST_BLOCKS_MOST 300000u /* about a fifth of a second */

/* A line on lost blocks, where it takes too little time for a reader to notice. Returns the number of lost
 * blocks, or -1 when nothing was said of them. */
static int64_t print_lost(struct screen *s, struct snapshot *snapshot, struct symbols *symbols)
{
	struct leaks_options options = { .symbols = symbols, .totals_only = true };
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT];
	struct tide_error e;
	struct leaks l;
	uint64_t left = TYPED_SCAN_QUICK;
	int64_t lost;
	bool plain;

	if (s->quiet || !snapshot->process->references || snapshot->block_count > LOST_BLOCKS_MOST)
		return -1;
	snapshot_verify(snapshot);
	plain = !typed_scan_within(snapshot, symbols, &left);
	memset(&l, 0, sizeof(l));
	if (leaks_classify(snapshot, &options, &l, &e))
		return -1;
	screen_print(s, STYLE_DIM, "%-9s", "lost");
	if (l.lost.blocks)
		screen_print(s, STYLE_BAD, "%s in %s", units_bytes(bytes, (int64_t)l.lost.bytes),
			units_many(blocks, (int64_t)l.lost.blocks, "block"));
	else
		screen_print(s, l.complete ? STYLE_GOOD : STYLE_PLAIN, "nothing");
	fprintf(s->out, "%s\n",
		!l.complete     ? ", but the check is incomplete: see `tidemark leaks`"
			: plain ? TYPED_SCAN_PLAIN
				: "");
	lost = l.complete || l.lost.blocks ? (int64_t)l.lost.blocks : -1;
	leaks_free(&l);
	return lost;
}

int stat_screen(const struct stat_report *r)
{
	struct column column[12];
	size_t columns = make_columns(r, column), rows = options_rows(r->options, ROWS), shown = 0,
	       filled = 0;
	struct progress progress;
	struct screen s;
	struct table *t;
	int64_t lost = -1;
	double most = 0;

	if (r->group.key == KEY_SIZE || r->group.key == KEY_AGE)
		rows = options_rows(r->options, 64);
	for (size_t i = 0; i < r->group.count; i++) {
		if (r->group.row[i].m.of[r->sort])
			filled++;
		if ((double)r->group.row[i].m.of[r->sort] > most)
			most = (double)r->group.row[i].m.of[r->sort];
	}
	/* Rows without the measure are at the end, but for the two natural orders. */
	if (r->group.key == KEY_SIZE || r->group.key == KEY_AGE)
		filled = r->group.count;
	shown = filled < rows ? filled : rows;
	progress_start(&progress, r->options, "looking up names", shown);
	for (size_t i = 0; i < shown; i++) {
		if (has_place(r))
			view_row_name(&r->group.row[i]);
		progress_step(&progress, 1);
	}
	progress_end(&progress);

	screen_open(&s, r->options);
	if (r->view_count == 1) {
		header_warnings(&s, r->views[0].snapshot, r->views[0].symbols);
		header_print(&s, r->views[0].snapshot);
		lost = print_lost(&s, r->views[0].snapshot, r->views[0].symbols);
	} else {
		print_several(&s, r);
	}
	print_selection(&s, r);
	if (!r->options->quiet)
		fputc('\n', s.out);
	if (!filled) {
		fprintf(s.out, "Nothing to show: no %s%s\n", name_measure(r->sort),
			r->options->selection.filter.count || r->options->selection.exclude.count
				? " match the filters"
				: r->views[0].span.given ? " in this interval"
							 : "");
		return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
	}
	print_title(&s, r, shown, filled);
	print_sparkline(&s, r);
	t = table_new(&s, column, columns, r->options->source_root);
	for (size_t i = 0; i < shown; i++)
		add_row(t, r, &r->group.row[i], most);
	table_show(t);
	print_next_steps(&s, r, filled - shown, lost);
	return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
}
