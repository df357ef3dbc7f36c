/* cmd_top.c - `tidemark top`: options, and frames of text (--batch). */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "base/path.h"
#include "print/table.h"
#include "top/top.h"
#include "base/units.h"
#include "verb.h"

#define ROWS 10
#define CURVE 40

enum { KEY_BATCH = 256, KEY_INTERVAL, KEY_BY, KEY_SORT, KEY_SEARCH, KEY_COLOR, KEY_SOURCE };

static const struct argp_option option[] = { { "interval", KEY_INTERVAL, "DURATION", 0,
						     "refresh interval: 1s (default), 200ms ...", 0 },
	{ "batch", KEY_BATCH, "N", 0,
		"print N updates as text, without a terminal; sorted by growth or rate, the first comes after an interval",
		0 },
	{ "by", KEY_BY, "KEY", 0, "group by site (default), function, module or thread", 0 },
	{ "sort", KEY_SORT, "MEASURE", 0,
		"sort by live (default), count (live blocks), growth, rate, "
		"peak, total, allocations or temporary",
		0 },
	{ "search", KEY_SEARCH, "TEXT", 0, "show only rows with TEXT in their function, file or module", 0 },
	{ "source-root", KEY_SOURCE, "DIR", 0, "show source files relative to DIR", 0 },
	{ "color", KEY_COLOR, "WHEN", 0, "use colours: auto (default), always or never", 0 },
	{ NULL, 'n', "N", 0, "with --batch: print at most N rows (0 or 'all': every row)", 0 },
	{ "quiet", 'q', NULL, 0, "with --batch: print no hints", 0 }, { NULL, 0, NULL, 0, NULL, 0 } };

static const char doc[] =
	"Watch a running process that was started with tidemark: what is live, how fast "
	"it allocates, which sites hold it, and what has changed since a key was pressed. The process is not "
	"stopped. A snapshot or a ledger can be viewed in the same way.\v"
	"Keys: h or ? lists all of them. Return shows the stack of a row, g groups by another key, < and > sort by "
	"another measure, m restarts the counting of growth, / searches, space pauses, w writes a snapshot, "
	"q quits.\n\n"
	"Exit status: 0, or 3 when there is no such process or file.\n\n"
	"Examples:\n"
	"  tidemark top 4711\n"
	"  tidemark top --by module --sort rate $(pidof server)\n"
	"  tidemark top --batch 2 --interval 10s 4711    what changes in ten seconds";

struct arguments {
	struct top top;
	const char *target;
};

static void parse_number(struct argp_state *state, const char *name, const char *text, unsigned long *n)
{
	char *end;

	errno = 0;
	*n = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-')
		argp_error(state, "%s: '%s' is not a number", name, text);
}

static void parse_interval(struct argp_state *state, const char *text, double *seconds)
{
	uint64_t ns;

	if (units_parse_duration(text, &ns) || ns < 50 * 1000000ull || ns > 86400 * 1000000000ull)
		argp_error(state, "--interval: '%s' is not a duration from 50ms to 1d; write for example 2s",
			text);
	else
		*seconds = (double)ns / 1e9;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	static const char *const when[] = { "auto", "always", "never" };
	struct arguments *a = state->input;
	unsigned long n = 0;

	switch (key) {
	case KEY_INTERVAL: parse_interval(state, arg, &a->top.interval); break;
	case KEY_BATCH:
		parse_number(state, "--batch", arg, &a->top.batch);
		if (!a->top.batch)
			argp_error(state, "--batch: at least 1 update");
		break;
	case KEY_BY:
		/* Types are read from the objects themselves, which only a snapshot does. */
		if (!strcmp(arg, "type"))
			argp_error(state,
				"--by type: a running process does not say of which types its blocks are; take a snapshot "
				"(tidemark snap PID), then `tidemark stat --by type FILE` or `tidemark types FILE`");
		if (top_group_parse(arg, &a->top.group))
			argp_error(state, "--by: '%s' is not one of site, function, module, thread", arg);
		break;
	case KEY_SORT:
		if (top_sort_parse(arg, &a->top.sort))
			argp_error(state,
				"--sort: '%s' is not one of live, count, growth, rate, peak, total, "
				"allocations, temporary",
				arg);
		break;
	case KEY_SEARCH: a->top.search = arg; break;
	case KEY_SOURCE: a->top.common.source_root = arg; break;
	case KEY_COLOR:
		for (n = 0; n < 3 && strcmp(arg, when[n]); n++)
			;
		if (n == 3)
			argp_error(state, "--color: '%s' is not one of auto, always, never", arg);
		a->top.common.color = (enum color_when)n;
		break;
	case 'n':
		if (strcmp(arg, "all"))
			parse_number(state, "-n", arg, &n);
		a->top.common.rows = n ? (long)n : -1;
		break;
	case 'q': a->top.common.quiet = true; break;
	case ARGP_KEY_ARG:
		if (a->target)
			argp_error(state, "one process or file at a time");
		a->target = arg;
		break;
	case ARGP_KEY_NO_ARGS: argp_error(state, "name a process by its number, or a file"); break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { option, parse_option, "PID|FILE", doc, NULL, NULL, NULL };

static void print_totals(struct top *t, struct screen *s)
{
	const struct top_model *m = &t->model;
	const struct tide_process *p = &m->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT], d[UNITS_TEXT];
	double curve[CURVE];
	char *spark, *name = screen_clean(s, path_base(t->exe));

	screen_print(s, STYLE_HEADING, "%s %d  %s  %s\n", name, p->pid, units_duration(a, m->now_ns),
		*t->ended ? t->ended : "running");
	free(name);
	fprintf(s->out, "live %s in %s blocks   peak %s   RSS %s\n", units_bytes(a, (int64_t)p->live_bytes),
		units_count(b, (int64_t)p->live_blocks), units_bytes(c, (int64_t)p->peak_bytes),
		p->rss_bytes ? units_bytes(d, (int64_t)p->rss_bytes) : "unknown");
	if (t->held.bytes)
		fprintf(s->out, "malloc holds %s, %s of it free or slack\n",
			units_bytes(a, (int64_t)t->held.bytes), units_bytes(b, (int64_t)t->held.wasted));
	if (m->updates > 1)
		fprintf(s->out, "allocates %s/s (blocks: %s)   since top started %s in %s blocks\n",
			units_bytes(a, (int64_t)m->bytes_per_second), units_rate(b, m->blocks_per_second),
			units_bytes_signed(c, (int64_t)p->live_bytes - m->mark_live_bytes),
			units_count_signed(d, (int64_t)p->live_blocks - m->mark_live_blocks));
	top_model_curve(m, curve, CURVE);
	spark = screen_sparkline(s, curve, CURVE);
	fprintf(s->out, "live bytes over the run: %s\n", spark);
	free(spark);
}

static void add_cell(struct table *table, const struct top *t, const struct top_row *row, enum top_sort what)
{
	double value = top_model_value(row, what);
	enum screen_style style = value == 0 ? STYLE_DIM : t->sort == what ? STYLE_STRONG : STYLE_PLAIN;
	char text[UNITS_TEXT];

	switch (what) {
	case TOP_GROWTH: units_bytes_signed(text, row->growth_bytes); break;
	case TOP_RATE: units_bytes(text, units_integer(value)); break;
	case TOP_BLOCKS:
	case TOP_ALLOCATIONS:
	case TOP_TEMPORARY: units_count(text, units_integer(value)); break;
	default: units_bytes(text, units_integer(value));
	}
	table_text(table, style, "%s", text);
}

/* Measures that this way of summing knows: a thread has no peak and no temporary blocks of its own. */
static bool is_known(const struct top *t, enum top_sort what)
{
	return t->group != TOP_THREAD || (what != TOP_PEAK && what != TOP_TEMPORARY);
}

static void print_rows(struct top *t, struct screen *s)
{
	static const char *const head[TOP_SORTS] = { "live", "blocks", "growth", "rate/s", "peak", "total",
		"allocs", "temp" };
	struct column columns[TOP_SORTS + 2];
	struct table *table;
	size_t n = 0, count, most;
	struct top_row *row = top_session_rows(t, &count);

	for (unsigned k = 0; k < TOP_SORTS; k++)
		if (is_known(t, (enum top_sort)k))
			columns[n++] = (struct column){ head[k], COLUMN_RIGHT, k > TOP_RATE && k != t->sort };
	if (t->group == TOP_SITE)
		columns[n++] = (struct column){ "site", COLUMN_RIGHT, true };
	columns[n++] = (struct column){ t->group == TOP_SITE ? "allocated by" : top_group_name(t->group),
		t->group == TOP_SITE ? COLUMN_PLACE : COLUMN_FIT, false };
	table = table_new(s, columns, n, t->common.source_root);
	most = options_rows(&t->common, ROWS);
	for (size_t i = 0; i < count && i < most; i++) {
		for (unsigned k = 0; k < TOP_SORTS; k++)
			if (is_known(t, (enum top_sort)k))
				add_cell(table, t, &row[i], (enum top_sort)k);
		if (t->group == TOP_SITE) {
			table_text(table, STYLE_DIM, "#%u", row[i].key);
			table_place(table, top_session_line(t, &row[i]));
		} else {
			char *text = screen_clean(s, top_session_text(t, &row[i]));

			table_text(table, STYLE_NAME, "%s", text);
			free(text);
		}
	}
	table_show(table);
	if (count > most && !t->common.quiet)
		screen_print(s, STYLE_DIM, "%zu more (-n all shows them)\n", count - most);
	free(row);
}

static int print_batch(struct top *t)
{
	struct timespec wait = { (time_t)t->interval,
		(long)((t->interval - (double)(time_t)t->interval) * 1e9) };
	struct screen s;

	t->common.no_pager = true;
	for (unsigned long i = 0; i < t->batch; i++) {
		/* What is a difference needs two looks: the first update would show zeros. */
		if (i || (t->live && (t->sort == TOP_GROWTH || t->sort == TOP_RATE))) {
			nanosleep(&wait, NULL);
			top_session_look(t);
		}
		screen_open(&s, &t->common);
		if (i)
			fputc('\n', s.out);
		print_totals(t, &s);
		print_rows(t, &s);
		if (screen_close(&s) || fflush(stdout))
			return EXIT_UNMEASURED;
		if (!t->live)
			break;
	}
	return EXIT_FINE;
}

int cmd_top(int argc, char **argv)
{
	struct arguments a = { .top = { .interval = 1 } };
	struct tide_error e = { 0 };
	int status;

	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (!a.top.batch && (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))) {
		error_set(&e, EXIT_USAGE,
			"top needs a terminal|standard input or output is not one|--batch 1 prints one update as text");
		error_print(&e);
		return EXIT_USAGE;
	}
	if (top_session_open(&a.top, a.target, &e)) {
		error_print(&e);
		status = e.code ? e.code : EXIT_UNMEASURED;
	} else {
		status = a.top.batch ? print_batch(&a.top) : top_screen(&a.top);
	}
	top_session_close(&a.top);
	return status;
}
