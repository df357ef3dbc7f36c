/* cmd_timeline.c - live bytes, resident memory and allocation rate over time. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "print/header.h"
#include "print/json_report.h"
#include "base/units.h"
#include "timeline_history.h"
#include "verb.h"
#include "view/history.h"

#define LABEL 10u /* columns of the scale at the left */
#define CHART_ROWS 12u
#define MARKS_SHOWN 26u /* a letter each */

struct arguments {
	struct options common;
	const char **file; /* the newest first */
	size_t files;
	bool several; /* more than one was named */
};

struct span {
	uint64_t from, to;   /* ns since start */
	size_t first, count; /* points inside */
};

/* What is printed. */
struct timeline {
	struct arguments *arguments;
	struct view view;
	struct history history;
	struct span span;
};

static const char doc[] =
	"Print live bytes and resident memory over time, with marks, the peak, and allocations per second. Of several "
	"snapshots of one process, as `run --every` takes them, also which sites held the live bytes at each."
	"\v"
	"Examples:\n"
	"  tidemark timeline app.tide\n"
	"  tidemark timeline --since warm app.tide    from mark 'warm' on\n"
	"  tidemark timeline app.tide app.*.tide      who held memory when\n"
	"  tidemark timeline --csv app.tide           every point, for a plot";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; return 0;
	case ARGP_KEY_ARG: *ARRAY_APPEND(a->file, a->files) = arg; return 0;
	case ARGP_KEY_END:
		if (!a->files)
			argp_error(state, "name a snapshot (a .tide file)");
		a->several = a->files > 1;
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { NULL, parse_option, "FILE...", doc, OPTIONS_CHILD, NULL, NULL };

static int choose_span(
	const struct arguments *a, const struct snapshot *s, struct span *span, struct tide_error *e)
{
	uint32_t n;

	*span = (struct span){ 0, s->process->elapsed_ns, 0, 0 };
	if (s->point_count && s->timeline[s->point_count - 1].elapsed_ns > span->to)
		span->to = s->timeline[s->point_count - 1].elapsed_ns;
	if (a->common.selection.since) {
		if (selection_mark(s, a->common.selection.since, false, &n, e))
			return -1;
		span->from = s->marks[n - 1].elapsed_ns;
	}
	if (a->common.selection.until) {
		if (selection_mark(s, a->common.selection.until, true, &n, e))
			return -1;
		span->to = s->marks[n - 1].elapsed_ns;
	}
	if (span->to <= span->from)
		span->to = span->from + 1;
	while (span->first < s->point_count && s->timeline[span->first].elapsed_ns < span->from)
		span->first++;
	while (span->first + span->count < s->point_count
		&& s->timeline[span->first + span->count].elapsed_ns <= span->to)
		span->count++;
	return 0;
}

struct series {
	double *live, *rss, *rate, *blocks;
	double *gap; /* private memory that is not live */
	size_t cells;
};

static size_t find_cell(const struct span *span, uint64_t ns, size_t cells)
{
	double share = ((double)ns - (double)span->from) / (double)(span->to - span->from);
	size_t cell = share > 0 && share < 1 ? (size_t)(share * (double)cells) : share > 0 ? cells : 0;

	/* Points of a damaged file need not be in order. */
	return cell < cells ? cell : cells - 1;
}

static double find_gap(const struct tide_point *p)
{
	double live = p->live_bytes > 0 ? (double)p->live_bytes : 0, all = (double)p->private_bytes;

	return all > live ? all - live : 0;
}

/* The largest of the points in a cell; a cell without points repeats its predecessor. */
static void sample_points(const struct snapshot *s, const struct span *span, struct series *to)
{
	const struct tide_point *last = span->first ? &s->timeline[span->first - 1] : NULL;
	double live = last ? (double)last->live_bytes : 0, rss = last ? (double)last->rss_bytes : 0;
	double blocks = last ? (double)last->live_blocks : 0, gap = last ? find_gap(last) : 0;
	double cell_seconds = (double)(span->to - span->from) / (double)to->cells / 1e9;
	bool *set = alloc_zeroed(to->cells, sizeof(*set));
	uint64_t before_ns = span->from, before = last ? last->total_blocks : 0;

	for (size_t i = 0; i < span->count; i++) {
		const struct tide_point *p = &s->timeline[span->first + i];
		size_t cell = find_cell(span, p->elapsed_ns, to->cells);
		size_t from = find_cell(span, before_ns, to->cells);

		if (!set[cell] || (double)p->live_bytes > to->live[cell])
			to->live[cell] = p->live_bytes > 0 ? (double)p->live_bytes : 0;
		if (p->rss_bytes && (double)p->rss_bytes > to->rss[cell])
			to->rss[cell] = (double)p->rss_bytes;
		if (p->private_bytes && to->gap[cell] < find_gap(p))
			to->gap[cell] = find_gap(p);
		if (p->live_blocks > 0 && (double)p->live_blocks > to->blocks[cell])
			to->blocks[cell] = (double)p->live_blocks;
		set[cell] = true;
		/* Allocations between two points belong to all cells between them. */
		if (p->total_blocks > before)
			for (size_t c = from; c <= cell; c++)
				to->rate[c] += (double)(p->total_blocks - before) / (double)(cell - from + 1)
					/ cell_seconds;
		if (p->total_blocks > before)
			before = p->total_blocks;
		before_ns = p->elapsed_ns;
	}
	for (size_t c = 0; c < to->cells; c++) {
		if (!set[c])
			to->live[c] = live;
		if (to->rss[c] <= 0)
			to->rss[c] = rss;
		if (!set[c])
			to->gap[c] = gap;
		if (!set[c])
			to->blocks[c] = blocks;
		blocks = to->blocks[c];
		live = to->live[c];
		rss = to->rss[c];
		gap = to->gap[c];
	}
	free(set);
}

static double find_largest(const double *v, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		if (v[i] > most)
			most = v[i];
	return most;
}

static void print_chart(struct screen *s, const double *value, size_t cells, double top)
{
	char text[UNITS_TEXT];

	for (unsigned row = CHART_ROWS; row-- > 0;) {
		bool labelled = row == CHART_ROWS - 1 || row == CHART_ROWS / 2 - 1;
		double label = top * (row + 1) / CHART_ROWS;

		screen_print(s, STYLE_DIM, "%9s%s", labelled ? units_bytes(text, units_integer(label)) : "",
			s->unicode ? "\xe2\x94\x82" : "|");
		fputs(screen_style(s, STYLE_BAR), s->out);
		for (size_t c = 0; c < cells; c++) {
			double fill = top > 0 ? value[c] / top * CHART_ROWS - row : 0;
			char *bar;

			if (s->unicode) { /* lower eighths U+2581..U+2588 */
				unsigned eighths = fill >= 1 ? 8 : fill > 0 ? (unsigned)(fill * 8 + 0.5) : 0;

				if (!eighths && !row && value[c] > 0)
					eighths = 1;
				if (eighths)
					fprintf(s->out, "\xe2\x96%c", (char)(0x80 + eighths));
				else
					fputc(' ', s->out);
			} else {
				bar = screen_bar(s, fill >= 0.5 ? 1 : 0, 1);
				fputs(!row && value[c] > 0 && *bar == ' ' ? "_" : bar, s->out);
				free(bar);
			}
		}
		fprintf(s->out, "%s\n", screen_style(s, STYLE_PLAIN));
	}
}

static bool is_shown_mark(const struct tide_mark *m, const struct span *span)
{
	return m->elapsed_ns >= span->from && m->elapsed_ns <= span->to
		&& (m->kind == MARK_USER || m->kind == MARK_SNAPSHOT || m->kind == MARK_FREEZE
			|| m->kind == MARK_FORK);
}

static void print_axis(
	struct screen *s, const struct snapshot *snapshot, const struct span *span, size_t cells)
{
	char *line = alloc_bytes(cells + 1), text[UNITS_TEXT];
	unsigned letter = 0;
	size_t used;

	screen_print(s, STYLE_DIM, "%9s%s", "0 B", s->unicode ? "\xe2\x94\x94" : "+");
	for (size_t c = 0; c < cells; c++)
		screen_print(s, STYLE_DIM, "%s", s->unicode ? "\xe2\x94\x80" : "-");
	fputc('\n', s->out);
	memset(line, ' ', cells);
	line[cells] = '\0';
	for (size_t i = 0; i < snapshot->mark_count && letter < MARKS_SHOWN; i++)
		if (is_shown_mark(&snapshot->marks[i], span))
			line[find_cell(span, snapshot->marks[i].elapsed_ns, cells)] = (char)('a' + letter++);
	if (letter) {
		for (used = cells; used && line[used - 1] == ' '; used--)
			line[used - 1] = '\0';
		screen_print(s, STYLE_DIM, "%9s ", "marks");
		screen_print(s, STYLE_WARNING, "%s\n", line);
	}
	free(line);
	units_duration(text, span->from);
	screen_print(s, STYLE_DIM, "%9s %s", "", text);
	used = strlen(text);
	units_duration(text, span->to);
	if (used + strlen(text) < cells)
		screen_print(s, STYLE_DIM, "%*s\n", (int)(cells - used), text);
	else
		fputc('\n', s->out);
}

static void print_strip(
	struct screen *s, const char *label, const double *value, size_t cells, const char *most)
{
	char *line = screen_sparkline(s, value, cells);

	screen_print(s, STYLE_DIM, "%9s ", label);
	screen_print(s, STYLE_BAR, "%s", line);
	fputc('\n', s->out);
	screen_print(s, STYLE_DIM, "%9s at most %s\n", "", most);
	free(line);
}

static void print_legend(struct screen *s, const struct snapshot *snapshot, const struct span *span)
{
	char time[UNITS_TEXT], bytes[UNITS_TEXT], blocks[UNITS_TEXT];
	unsigned letter = 0;
	size_t all = 0;

	for (size_t i = 0; i < snapshot->mark_count; i++) {
		const struct tide_mark *m = &snapshot->marks[i];
		const char *name = snapshot_string(snapshot, m->name);
		char *fitted;

		if (!is_shown_mark(m, span) || all++ >= MARKS_SHOWN)
			continue;
		if (!letter)
			screen_print(s, STYLE_HEADING, "\nMarks\n");
		screen_print(s, STYLE_WARNING, "  %c ", 'a' + letter++);
		fitted = screen_fit(s,
			*name                              ? name
				: m->kind == MARK_SNAPSHOT ? "(snapshot)"
							   : "(no name)",
			s->width > 60 ? s->width - 50 : 10, FIT_MIDDLE);
		fprintf(s->out, "%9s  %9s in %s blocks  ", units_duration(time, m->elapsed_ns),
			units_bytes(bytes, m->live_bytes), units_count(blocks, m->live_blocks));
		screen_print(s, STYLE_NAME, "%s\n", fitted);
		free(fitted);
	}
	if (all > MARKS_SHOWN)
		screen_hint(s, "%zu more marks: `tidemark info` lists all", all - MARKS_SHOWN);
}

/* When the peak was; from the highest point where the header does not say. 0: not in the span. */
static uint64_t find_peak(const struct snapshot *s, const struct span *span)
{
	uint64_t ns = s->process->peak_elapsed_ns;
	int64_t most = 0;

	for (size_t i = 0; i < s->point_count && !s->process->peak_elapsed_ns; i++)
		if (s->timeline[i].live_bytes > most) {
			most = s->timeline[i].live_bytes;
			ns = s->timeline[i].elapsed_ns;
		}
	return ns >= span->from && ns <= span->to ? ns : 0;
}

static int print_screen(const struct timeline *l, const struct snapshot *snapshot)
{
	const struct options *o = &l->arguments->common;
	const struct span *span = &l->span;
	const struct tide_process *p = snapshot->process;
	struct series to = { 0 };
	struct screen s;
	uint64_t peak_ns;
	double top;
	char text[UNITS_TEXT], most[UNITS_TEXT];

	screen_open(&s, o);
	header_warnings(&s, snapshot, NULL);
	header_print(&s, snapshot);
	if (!span->count) {
		fprintf(s.out, "\nNo timeline: %s\n",
			snapshot->process->flags & PROCESS_UNPREPARED
				? "the process was not started with tidemark"
				: "the program ended before the first sample (one is taken every 10 ms or "
				  "more)");
		timeline_history_screen(&s, &l->history, l->view.symbols, o);
		return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
	}
	to.cells = s.width - LABEL - 1;
	to.live = alloc_zeroed(to.cells * 5, sizeof(double));
	to.rss = to.live + to.cells;
	to.rate = to.rss + to.cells;
	to.blocks = to.rate + to.cells;
	to.gap = to.blocks + to.cells;
	sample_points(snapshot, span, &to);
	/* The peak can lie between two points of the timeline. */
	peak_ns = find_peak(snapshot, span);
	if (peak_ns) {
		size_t cell = find_cell(span, peak_ns, to.cells);

		if ((double)p->peak_bytes > to.live[cell])
			to.live[cell] = (double)p->peak_bytes;
	}
	top = find_largest(to.live, to.cells);
	if (!o->quiet)
		screen_print(&s, STYLE_HEADING, "\n%9s %s\n", "", "Live bytes");
	if (peak_ns) {
		size_t cell = find_cell(span, peak_ns, to.cells);
		char *label = alloc_printf("peak %s at %s", units_bytes(most, (int64_t)p->peak_bytes),
			units_duration(text, peak_ns));
		size_t n = strlen(label);

		screen_print(&s, STYLE_DIM, "%*s%s%s%s\n",
			(int)(LABEL
				+ (cell + 2 + n < to.cells     ? cell
						: cell > n + 1 ? cell - n - 1
							       : 0)),
			"", cell + 2 + n < to.cells ? s.unicode ? "\xe2\x96\xbc " : "v " : "", label,
			cell + 2 + n < to.cells ? ""
				: s.unicode     ? " \xe2\x96\xbc"
						: " v");
		free(label);
	}
	print_chart(&s, to.live, to.cells, top);
	print_axis(&s, snapshot, span, to.cells);
	fputc('\n', s.out);
	if (find_largest(to.rss, to.cells) > 0)
		print_strip(&s, "resident", to.rss, to.cells,
			units_bytes(most, units_integer(find_largest(to.rss, to.cells))));
	if (find_largest(to.gap, to.cells) > 0)
		print_strip(&s, "not live", to.gap, to.cells,
			units_bytes(most, units_integer(find_largest(to.gap, to.cells))));
	if (find_largest(to.blocks, to.cells) > 0)
		print_strip(&s, "blocks", to.blocks, to.cells,
			units_count(most, units_integer(find_largest(to.blocks, to.cells))));
	print_strip(&s, "allocs/s", to.rate, to.cells, units_rate(most, find_largest(to.rate, to.cells)));
	timeline_history_screen(&s, &l->history, l->view.symbols, o);
	print_legend(&s, snapshot, span);
	free(to.live);
	return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
}

static void write_json_mark(struct json *j, const struct snapshot *s, const struct tide_mark *m)
{
	json_open_object(j, NULL);
	json_text(j, "name", snapshot_string(s, m->name));
	json_number(j, "elapsed_ns", (int64_t)m->elapsed_ns);
	json_number(j, "live_bytes", m->live_bytes);
	json_number(j, "live_blocks", m->live_blocks);
	json_close_object(j);
}

static int print_json(const struct timeline *l, const struct snapshot *s)
{
	const struct options *o = &l->arguments->common;
	const struct span *span = &l->span;
	size_t rows = options_rows(o, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", s);
	json_open_object(j, "peak");
	json_number(j, "bytes", (int64_t)s->process->peak_bytes);
	json_number(j, "elapsed_ns", (int64_t)s->process->peak_elapsed_ns);
	json_close_object(j);
	json_open_array(j, "marks");
	for (size_t i = 0; i < s->mark_count; i++)
		write_json_mark(j, s, &s->marks[i]);
	json_close_array(j);
	json_open_array(j, "records");
	for (size_t i = 0; i < span->count && i < rows; i++) {
		const struct tide_point *p = &s->timeline[span->first + i];

		json_open_object(j, NULL);
		json_number(j, "elapsed_ns", (int64_t)p->elapsed_ns);
		json_number(j, "live_bytes", p->live_bytes);
		json_number(j, "live_blocks", p->live_blocks);
		json_number(j, "rss_bytes", (int64_t)p->rss_bytes);
		json_number(j, "total_blocks", (int64_t)p->total_blocks);
		json_number(j, "private_bytes", (int64_t)p->private_bytes);
		json_close_object(j);
	}
	json_close_array(j);
	if (l->arguments->several)
		timeline_history_json(&report, &l->history, l->view.symbols, o);
	json_report_close(&report);
	return EXIT_FINE;
}

static int print_csv(const struct timeline *l, const struct snapshot *s)
{
	const struct span *span = &l->span;
	size_t rows = options_rows(&l->arguments->common, SIZE_MAX);

	puts("elapsed_ns,live_bytes,live_blocks,rss_bytes,total_blocks,private_bytes");
	for (size_t i = 0; i < span->count && i < rows; i++) {
		const struct tide_point *p = &s->timeline[span->first + i];

		printf("%" PRIu64 ",%" PRId64 ",%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
			p->elapsed_ns, p->live_bytes, p->live_blocks, p->rss_bytes, p->total_blocks,
			p->private_bytes);
	}
	return EXIT_FINE;
}

static int load_timeline(struct timeline *l, struct tide_error *e)
{
	static const struct selection all;
	struct arguments *a = l->arguments;

	/* The span selects moments, and not blocks. */
	if (history_order(a->file, &a->files, a->common.quiet, e)
		|| view_load(&l->view, a->file[0], &all, DOMAIN_BLOCKS, e))
		return -1;
	if (choose_span(a, l->view.snapshot, &l->span, e))
		return -1;
	if (a->files > 1 && history_load(&l->history, &l->view, a->file, a->files, e))
		return -1;
	history_cut(&l->history, l->span.from, l->span.to);
	return 0;
}

int cmd_timeline(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct timeline l = { .arguments = &a };
	struct tide_error e;
	int code;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_MARKS | OFFER_SCREEN | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load_timeline(&l, &e)) {
		error_print(&e);
		code = e.code;
	} else {
		const struct snapshot *s = l.view.snapshot;

		code = a.common.json   ? print_json(&l, s)
			: a.common.csv ? print_csv(&l, s)
				       : print_screen(&l, s);
		if (code == EXIT_FINE)
			code = header_code(s);
	}
	history_free(&l.history);
	if (l.view.snapshot)
		view_close(&l.view);
	free(a.file);
	options_free(&a.common);
	return code;
}
