/* stat_screen.c - `stat` for people. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "header.h"
#include "stat.h"
#include "table.h"
#include "units.h"

#define ROWS 10
#define STACK_LINES 12		/* -v; -vv and --by stack show all */

static bool known(const struct stat_report *r, enum view_measure m)
{
	return r->group.known & 1u << m;
}

static bool has_site(const struct stat_report *r)
{
	return (r->group.key == KEY_SITE || r->group.key == KEY_STACK) && r->view_count == 1;
}

static bool has_place(const struct stat_report *r)
{
	return r->group.key == KEY_SITE || r->group.key == KEY_STACK || r->group.key == KEY_FUNCTION ||
		r->group.key == KEY_LINE;
}

static bool counts_temporary(const struct stat_report *r)
{
	return known(r, TEMPORARY) && !r->views[0].by_interval;
}

/* With --since and the like, what a site did over the whole run is no answer. */
static bool whole_run(const struct stat_report *r, enum view_measure m)
{
	return known(r, m) && !r->views[0].by_interval;
}

static size_t make_columns(const struct stat_report *r, struct column *c)
{
	static const char *const head[KEYS] = {
		[KEY_FILE] = "file", [KEY_MODULE] = "module", [KEY_THREAD] = "thread",
		[KEY_SIZE] = "size", [KEY_AGE] = "born between",
	};
	size_t n = 0;

	if (r->group.key == KEY_SIZE || r->group.key == KEY_AGE)
		c[n++] = (struct column){ head[r->group.key], COLUMN_LEFT, false };
	if (known(r, LIVE_BYTES))
		c[n++] = (struct column){ "live", COLUMN_RIGHT, false };
	if (known(r, LIVE_BLOCKS))
		c[n++] = (struct column){ "blocks", COLUMN_RIGHT, r->sort != LIVE_BLOCKS };
	if (whole_run(r, PEAK_BYTES))
		c[n++] = (struct column){ "peak", COLUMN_RIGHT, r->sort != PEAK_BYTES };
	if (whole_run(r, TOTAL_BYTES))
		c[n++] = (struct column){ "total", COLUMN_RIGHT, r->sort != TOTAL_BYTES };
	if (whole_run(r, TOTAL_BLOCKS) && (r->sort == TOTAL_BLOCKS || !known(r, TEMPORARY) ||
	    r->sort == TEMPORARY))
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

static void number(struct table *t, const struct stat_report *r, const struct view_row *row,
	enum view_measure m)
{
	enum screen_style style = m == r->sort ? STYLE_STRONG : STYLE_PLAIN;
	char text[UNITS_TEXT];
	int64_t n = row->m.of[m];

	if (m == LIVE_BYTES || m == PEAK_BYTES || m == TOTAL_BYTES)
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
static char *power(char text[UNITS_TEXT], unsigned exponent)
{
	static const char *const unit[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };

	snprintf(text, UNITS_TEXT, "%u %s", 1u << exponent % 10, unit[exponent / 10]);
	return text;
}

static void size_label(struct table *t, unsigned class_)
{
	char from[UNITS_TEXT], to[UNITS_TEXT];

	if (!class_)
		table_text(t, STYLE_NAME, "0 B");
	else
		table_text(t, STYLE_NAME, "%s to %s", power(from, class_ - 1), power(to, class_ < 63 ? class_ : 63));
}

/* As a share of the row's allocations: that is what tells a site that churns. */
static void temporary_cell(struct table *t, const struct stat_report *r, const struct view_row *row)
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
	const struct symbol_line *named;

	if (r->group.key == KEY_SIZE)
		size_label(t, (unsigned)row->line.address);
	if (r->group.key == KEY_AGE)
		table_text(t, STYLE_NAME, "%s", row->key);
	if (known(r, LIVE_BYTES))
		number(t, r, row, LIVE_BYTES);
	if (known(r, LIVE_BLOCKS))
		number(t, r, row, LIVE_BLOCKS);
	if (whole_run(r, PEAK_BYTES))
		number(t, r, row, PEAK_BYTES);
	if (whole_run(r, TOTAL_BYTES))
		number(t, r, row, TOTAL_BYTES);
	if (whole_run(r, TOTAL_BLOCKS) && (r->sort == TOTAL_BLOCKS || !known(r, TEMPORARY) ||
	    r->sort == TEMPORARY))
		number(t, r, row, TOTAL_BLOCKS);
	if (counts_temporary(r))
		temporary_cell(t, r, row);
	table_bar(t, most > 0 ? (double)row->m.of[r->sort] / most : 0);
	if (has_site(r))
		table_text(t, STYLE_DIM, "#%u", row->site);
	if (has_place(r))
		table_place(t, &row->line);
	else if (r->group.key != KEY_SIZE && r->group.key != KEY_AGE)
		table_text(t, STYLE_NAME, "%s", row->key);
	if (r->group.key == KEY_STACK || (r->group.key == KEY_SITE && r->options->verbose))
		add_stack(t, r, row);
	else if (r->group.key == KEY_SITE && (named = view_named_caller(row->view->symbols, row->site)))
		table_caller(t, named);
}

static const char *measure_words(enum view_measure m)
{
	static const char *const words[MEASURES] = {
		"live bytes", "live blocks", "bytes at the peak", "blocks at the peak",
		"bytes over the run", "allocations", "temporary blocks", "reallocations",
	};

	return words[m];
}

static void heading(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void heading(struct screen *s, const char *format, ...)
{
	char *text, *fitted;
	va_list list;

	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = memory_string("");
	va_end(list);
	fitted = screen_fit(s, text, s->width, FIT_END);
	screen_print(s, STYLE_HEADING, "%s\n", fitted);
	free(fitted);
	free(text);
}

static void title(struct screen *s, const struct stat_report *r, size_t shown, size_t rows)
{
	static const char *const many[KEYS] = {
		"sites", "functions", "files", "lines", "modules", "threads", "stacks", "size classes",
		"intervals",
	};
	char part[UNITS_TEXT], count[UNITS_TEXT];
	double covered = 0;

	if (r->options->quiet)
		return;
	for (size_t i = 0; i < shown; i++)
		covered += (double)r->group.row[i].m.of[r->sort];
	if (r->group.key == KEY_SIZE || r->group.key == KEY_AGE)
		screen_print(s, STYLE_HEADING, "By %s\n", r->group.key == KEY_SIZE ? "requested size" :
			"time of birth");
	else if (shown < rows)
		heading(s, "Top %zu of %s %s by %s (%s of them)", shown,
			units_count(count, (int64_t)rows), many[r->group.key], measure_words(r->sort),
			units_percent(part, covered, (double)r->totals.of[r->sort]));
	else
		screen_print(s, STYLE_HEADING, "%s %s by %s\n", units_count(count, (int64_t)rows),
			rows == 1 ? view_key_name(r->group.key) : many[r->group.key],
			measure_words(r->sort));
}

static void sparkline(struct screen *s, const struct stat_report *r)
{
	enum view_measure m = known(r, TOTAL_BLOCKS) ? TOTAL_BLOCKS : LIVE_BLOCKS;
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

		screen_print(s, STYLE_DIM, " %s%s", power(top, classes - 1), s->width >= 80 ?
			" (each column twice the size)" : "");
	}
	fputc('\n', s->out);
	free(line);
}

static void selection(struct screen *s, const struct stat_report *r)
{
	const struct options *o = r->options;
	char bytes[UNITS_TEXT], blocks[UNITS_TEXT];

	if (o->quiet || (!o->filter.count && !o->exclude.count && !r->views[0].by_interval))
		return;
	fprintf(s->out, "%sselected%s ", screen_style(s, STYLE_DIM), screen_style(s, STYLE_PLAIN));
	fprintf(s->out, "%s live in %s", units_bytes(bytes, r->totals.of[LIVE_BYTES]),
		units_many(blocks, r->totals.of[LIVE_BLOCKS], "block"));
	if (o->since)
		fprintf(s->out, ", born after %s", o->since);
	if (o->until)
		fprintf(s->out, "%s before %s", o->since ? " and" : ", born", o->until);
	if (o->min_age)
		fprintf(s->out, ", %u marks survived", o->min_age);
	fputc('\n', s->out);
}

/* Many snapshots: what is wrong with each is told by `info`, here only that there is something. */
static void several(struct screen *s, const struct stat_report *r)
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
		screen_paragraph(s, STYLE_WARNING, "warning: ", "%zu of the snapshots are incomplete or have "
			"warnings; see tidemark info %s", doubtful, example);
	if (!r->options->quiet)
		fprintf(s->out, "%zu snapshots, together %s live in %s\n", r->view_count,
			units_bytes(bytes, r->totals.of[LIVE_BYTES]),
			units_many(blocks, r->totals.of[LIVE_BLOCKS], "block"));
}

#define MUCH_TEMPORARY 0.25	/* of all allocations: worth a look of its own */

/* The next thing a reader may want, and how to type it. `lost`: blocks, -1 unknown. */
static void next_steps(struct screen *s, const struct stat_report *r, size_t left, int64_t lost)
{
	const struct snapshot *snapshot = r->views[0].snapshot;
	const struct tide_process *p = snapshot->process;
	bool stacks = r->group.key == KEY_SITE && !r->options->verbose && r->group.count;
	char text[UNITS_TEXT];

	if (r->options->quiet)
		return;
	if (left)
		screen_hint(s, "%s more: -n all%s", units_count(text, (int64_t)left), stacks ? "; -v shows stacks" : "");
	else if (stacks)
		screen_hint(s, "-v shows stacks");
	if (r->group.key != KEY_SITE || r->view_count != 1 || r->views[0].by_interval)
		return;
	if (!r->sort_given && r->sort == PEAK_BYTES)
		screen_hint(s, "Sorted by the peak, since little of it is left: --sort live");
	if (r->sort != TEMPORARY && counts_temporary(r) &&
	    (double)p->temporary > MUCH_TEMPORARY * (double)p->total_blocks)
		screen_hint(s, "Who makes the temporary blocks: --sort temporary");
	if (p->references && lost)
		screen_hint(s, "Which of it is lost: tidemark leaks %s", snapshot->path);
}

int stat_screen(const struct stat_report *r)
{
	struct column column[12];
	size_t columns = make_columns(r, column), rows = options_rows(r->options, ROWS), shown = 0, filled = 0;
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
		lost = header_lost(&s, r->views[0].snapshot, r->views[0].symbols);
	} else {
		several(&s, r);
	}
	selection(&s, r);
	if (!r->options->quiet)
		fputc('\n', s.out);
	if (!filled) {
		fprintf(s.out, "Nothing to show: no %s%s.\n", measure_words(r->sort),
			r->options->filter.count || r->options->exclude.count ? " after the filters" :
			r->views[0].by_interval ? " born in this interval" : "");
		return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
	}
	title(&s, r, shown, filled);
	sparkline(&s, r);
	t = table_new(&s, column, columns, r->options->source_root);
	for (size_t i = 0; i < shown; i++)
		add_row(t, r, &r->group.row[i], most);
	table_show(t);
	next_steps(&s, r, filled - shown, lost);
	return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
}
