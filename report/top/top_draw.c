/* top_draw.c - draws the live view: top_draw.h.
 *
 *   name, pid, time, state
 *   live, held by malloc, RSS, peak
 *   growth since the mark, rate
 *   sparkline of live bytes over the run
 *   heads
 *   rows, the selected one in reverse
 *   [stack of the selected row]
 *   keys, or a message, or what is being searched
 */
#include <curses.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "print/place.h"
#include "symbol/name.h"
#include "top_draw.h"
#include "base/units.h"

#define ROWS_LEAST 3 /* of the table, above a stack */
#define HEAD_LINES 5
#define PLACE_LEAST 24

static const struct {
	enum top_sort what;
	const char *head;
	int width;
} column[] = {
	{ TOP_LIVE, "live", 9 },
	{ TOP_BLOCKS, "blocks", 9 },
	{ TOP_GROWTH, "growth", 10 },
	{ TOP_RATE, "rate/s", 9 },
	{ TOP_PEAK, "peak", 9 },
	{ TOP_TOTAL, "total", 9 },
	{ TOP_ALLOCATIONS, "allocs", 11 },
	{ TOP_TEMPORARY, "temp", 11 },
};
#define COLUMNS (sizeof(column) / sizeof(column[0]))

enum { PAIR_NAME = 1, PAIR_DIM, PAIR_GOOD, PAIR_BAD, PAIR_BAR };

void top_draw_start(struct top_view *v)
{
	if (!v->screen.color || !has_colors())
		return;
	start_color();
	use_default_colors();
	init_pair(PAIR_NAME, COLOR_CYAN, -1);
	init_pair(PAIR_DIM, COLOR_BLUE, -1);
	init_pair(PAIR_GOOD, COLOR_GREEN, -1);
	init_pair(PAIR_BAD, COLOR_RED, -1);
	init_pair(PAIR_BAR, COLOR_CYAN, -1);
}

/* Attributes with a colour, where there is one. */
static attr_t choose_ink(const struct top_view *v, short pair, attr_t without)
{
	return v->screen.color && has_colors() ? (attr_t)COLOR_PAIR(pair) : without;
}

/* Text at a place, cut at the edge. Returns the column behind it. */
static int put_text(struct top_view *v, int y, int x, attr_t attributes, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
static int put_text(struct top_view *v, int y, int x, attr_t attributes, const char *format, ...)
{
	int width = getmaxx(stdscr) - x, columns;
	va_list list;
	char *text, *fit;

	if (y >= getmaxy(stdscr) || width <= 0)
		return x;
	va_start(list, format);
	if (vasprintf(&text, format, list) < 0)
		text = NULL;
	va_end(list);
	if (!text)
		return x;
	fit = screen_fit(&v->screen, text, (unsigned)width, FIT_END);
	attrset(attributes);
	mvaddstr(y, x, fit);
	attrset(A_NORMAL);
	columns = (int)screen_columns(&v->screen, fit);
	free(fit);
	free(text);
	return x + columns;
}

static void draw_head(struct top_view *v)
{
	const struct top *t = v->top;
	const struct top_model *m = &t->model;
	const struct tide_process *p = &m->process;
	char a[UNITS_TEXT], b[UNITS_TEXT], c[UNITS_TEXT];
	int x;

	x = put_text(v, 0, 0, A_BOLD, "%s %d", path_base(t->exe), p->pid);
	x = put_text(v, 0, x, 0, "  %s  ", units_duration(a, m->now_ns));
	if (*t->ended)
		put_text(v, 0, x, A_BOLD | choose_ink(v, PAIR_BAD, 0), "%s", t->ended);
	else if (v->paused)
		put_text(v, 0, x, A_BOLD | A_REVERSE, "paused");
	else
		put_text(v, 0, x, choose_ink(v, PAIR_GOOD, 0), "running, every %s",
			units_duration(b, (uint64_t)(t->interval * 1e9)));

	x = put_text(v, 1, 0, 0, "live ");
	x = put_text(v, 1, x, A_BOLD, "%s", units_bytes(a, (int64_t)p->live_bytes));
	x = put_text(v, 1, x, 0, " in %s", units_many(a, (int64_t)p->live_blocks, "block"));
	if (t->held.bytes)
		x = put_text(v, 1, x, 0, "  held %s, %s of it free", units_bytes(a, (int64_t)t->held.bytes),
			units_bytes(b, (int64_t)t->held.wasted));
	x = put_text(v, 1, x, 0, "  RSS %s", p->rss_bytes ? units_bytes(c, (int64_t)p->rss_bytes) : "?");
	put_text(v, 1, x, 0, "  peak %s", units_bytes(b, (int64_t)p->peak_bytes));

	x = put_text(v, 2, 0, 0, "since %s (%s ago) ", v->marked ? "the mark" : "top started",
		units_duration(a, m->now_ns > m->mark_ns ? m->now_ns - m->mark_ns : 0));
	x = put_text(v, 2, x, A_BOLD, "%s in %s blocks",
		units_bytes_signed(a, (int64_t)p->live_bytes - m->mark_live_bytes),
		units_count_signed(b, (int64_t)p->live_blocks - m->mark_live_blocks));
	if (m->updates > 1)
		put_text(v, 2, x, 0, "   %s/s  %s", units_bytes(a, (int64_t)m->bytes_per_second),
			units_rate(b, m->blocks_per_second));
}

static void draw_curve(struct top_view *v)
{
	size_t cells = (size_t)getmaxx(stdscr);
	double *values = alloc_bytes(cells * sizeof(*values));
	char *text;

	top_model_curve(&v->top->model, values, cells);
	text = screen_sparkline(&v->screen, values, cells);
	put_text(v, 3, 0, choose_ink(v, PAIR_BAR, 0), "%s", text);
	free(text);
	free(values);
}

static bool is_known(const struct top *t, enum top_sort what)
{
	return t->group != TOP_THREAD || (what != TOP_PEAK && what != TOP_TEMPORARY);
}

/* Which columns there is room for: from the left, and always the one that sorts. */
static void choose_columns(const struct top *t, bool shown[COLUMNS])
{
	int left = getmaxx(stdscr) - PLACE_LEAST;

	for (size_t i = 0; i < COLUMNS; i++) {
		shown[i] = column[i].what == t->sort;
		if (shown[i])
			left -= column[i].width + 1;
	}
	for (size_t i = 0; i < COLUMNS; i++)
		if (!shown[i] && is_known(t, column[i].what) && left >= column[i].width + 1) {
			shown[i] = true;
			left -= column[i].width + 1;
		}
}

static void draw_heads(struct top_view *v, const bool shown[COLUMNS])
{
	static const char *const what[TOP_GROUPS] = { "allocated by", "function", "module", "thread" };
	int x = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		if (shown[i]) {
			put_text(v, 4, x, column[i].what == v->top->sort ? A_BOLD | A_REVERSE : A_UNDERLINE,
				"%*s", column[i].width, column[i].head);
			x += column[i].width + 1;
		}
	put_text(v, 4, x, A_UNDERLINE, "%s", what[v->top->group]);
}

static char *value_text(char text[UNITS_TEXT], const struct top_row *row, enum top_sort what)
{
	double value = top_model_value(row, what);

	if (what == TOP_GROWTH)
		return units_bytes_signed(text, row->growth_bytes);
	if (what == TOP_BLOCKS || what == TOP_ALLOCATIONS || what == TOP_TEMPORARY)
		return units_count(text, units_integer(value));
	if (value == 0)
		return memcpy(text, "0", 2);
	return units_bytes(text, units_integer(value));
}

/* A function's name: without parameters, then without template arguments, where it is too long. To free. */
static char *name_within(const struct screen *s, const char *name, unsigned width)
{
	char *shorter, *clean;

	for (int step = 0;; step++) {
		shorter = step ? name_function(name, step > 1) : alloc_string(name);
		clean = screen_clean(s, shorter);
		free(shorter);
		if (step == 2 || screen_columns(s, clean) <= width)
			return clean;
		free(clean);
	}
}

static void draw_name(struct top_view *v, const struct top_row *row, int y, int x, attr_t base)
{
	const struct symbol_line *line = v->top->group == TOP_SITE ? top_session_line(v->top, row) : NULL;
	int width = getmaxx(stdscr) - x;
	struct place p;
	char *clean;

	if (width < 4)
		return;
	if (!line) {
		char *fit;

		clean = v->top->group == TOP_FUNCTION
			? name_within(&v->screen, top_session_text(v->top, row), (unsigned)width)
			: screen_clean(&v->screen, top_session_text(v->top, row));
		fit = screen_fit(&v->screen, clean, (unsigned)width,
			v->top->group == TOP_MODULE ? FIT_START : FIT_END);
		put_text(v, y, x, base | (base ? 0 : choose_ink(v, PAIR_NAME, 0)), "%s", fit);
		free(fit);
		free(clean);
		return;
	}
	p = place_fit(&v->screen, line, v->top->common.source_root, (unsigned)width);
	x = put_text(v, y, x, base | (base ? 0 : choose_ink(v, PAIR_NAME, 0)), "%s", p.function);
	if (*p.where)
		put_text(v, y, x + 1, base, "%s", p.where);
	place_free(&p);
}

static void draw_row(
	struct top_view *v, const bool shown[COLUMNS], const struct top_row *row, int y, bool selected)
{
	attr_t base = selected ? A_REVERSE : 0;
	char text[UNITS_TEXT];
	int x = 0;

	if (selected)
		mvhline(y, 0, ' ' | A_REVERSE, getmaxx(stdscr));
	for (size_t i = 0; i < COLUMNS; i++) {
		attr_t a = base;

		if (!shown[i])
			continue;
		if (column[i].what == v->top->sort)
			a |= A_BOLD;
		if (column[i].what == TOP_GROWTH && row->growth_bytes && !selected)
			a |= choose_ink(v, row->growth_bytes > 0 ? PAIR_BAD : PAIR_GOOD, 0);
		put_text(v, y, x, a, "%*s", column[i].width, value_text(text, row, column[i].what));
		x += column[i].width + 1;
	}
	draw_name(v, row, y, x, base);
}

static void draw_stack(struct top_view *v, int y, int lines)
{
	size_t count = 0, from;
	const struct symbol_line *line = NULL;

	mvhline(y, 0, v->screen.unicode ? ACS_HLINE : '-', getmaxx(stdscr));
	if (v->at < v->count)
		line = top_session_stack(v->top, &v->row[v->at], &count);
	if (!line) {
		put_text(v, y + 1, 0, 0,
			v->top->group == TOP_THREAD ? "a thread has many stacks: g groups by site"
						    : "no stack");
		return;
	}
	put_text(v, y, 2, A_BOLD,
		v->top->group == TOP_SITE ? " stack of site %u " : " stack of the largest site, %u ",
		v->row[v->at].site);
	/* The allocator's own frames come last in interest: the line to look at is the first. */
	from = v->top->group == TOP_THREAD ? 0 : symbols_caller(v->top->symbols, v->row[v->at].site);
	if (from >= count)
		from = 0;
	for (size_t i = from; i < count && (int)(i - from) < lines - 1; i++) {
		struct place p;
		int x = 2, at = y + 1 + (int)(i - from);

		if (at == y + lines - 1 && i + 1 < count) {
			put_text(v, at, 2, 0, "%zu more", count - i);
			break;
		}
		p = place_fit(
			&v->screen, &line[i], v->top->common.source_root, (unsigned)(getmaxx(stdscr) - 2));
		x = put_text(v, at, x, line[i].inlined ? 0 : choose_ink(v, PAIR_NAME, 0), "%s", p.function);
		if (*p.where)
			put_text(v, at, x + 1, 0, "%s", p.where);
		place_free(&p);
	}
}

static const char *head_of(enum top_sort sort)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (column[i].what == sort)
			return column[i].head;
	return "";
}

static void draw_foot(struct top_view *v)
{
	int y = getmaxy(stdscr) - 1, x;

	if (v->typing) {
		x = put_text(v, y, 0, A_BOLD, "/%s", v->search);
		put_text(v, y, x, A_REVERSE, " ");
	} else if (v->message) {
		put_text(v, y, 0, A_BOLD, "%s", v->message);
	} else if (*v->search) {
		put_text(v, y, 0, 0, "%zu %s with '%s'   / search again   Esc all", v->count,
			v->count == 1 ? "row" : "rows", v->search);
	} else {
		put_text(v, y, 0, A_REVERSE,
			"q quit  h help  Enter stack  g: %s  <>: %s  m mark  / search  w snap",
			top_group_name(v->top->group), head_of(v->top->sort));
	}
}

static void draw_help(struct top_view *v)
{
	static const char *const line[] = {
		"Up Down PgUp PgDn Home End   select a row",
		"Enter      stack of the selected row",
		"g          group by site, function, module, thread",
		"< >        sort by live, blocks, growth, rate, peak, total, allocs, temp",
		"d          sort by growth, and back",
		"m          mark: growth counts from now",
		"/          search functions, files and modules; Esc shows all rows again",
		"space p    pause and resume",
		"+ -        refresh less or more often",
		"w          write a snapshot, as `tidemark snap` does",
		"q          quit",
		"",
		"live    bytes and blocks not yet freed",
		"growth  change of live bytes since the mark",
		"rate    bytes allocated per second",
		"peak    live bytes when the process was at its peak",
		"total   bytes allocated over the run",
		"temp    allocations freed before the next one of their thread",
	};

	put_text(v, 0, 0, A_BOLD, "tidemark top: keys");
	for (size_t i = 0; i < sizeof(line) / sizeof(line[0]); i++)
		put_text(v, (int)i + 2, 2, 0, "%s", line[i]);
	put_text(v, getmaxy(stdscr) - 1, 0, A_REVERSE, "press any key to return");
}

void top_draw(struct top_view *v)
{
	bool shown[COLUMNS];
	int height = getmaxy(stdscr), rows, stack = 0;

	erase();
	if (v->help) {
		draw_help(v);
		refresh();
		return;
	}
	rows = height - HEAD_LINES - 1;
	if (v->stack && rows > ROWS_LEAST + 2) {
		stack = rows / 2;
		rows -= stack;
	}
	v->page = rows > 0 ? (size_t)rows : 0;
	if (v->at < v->first)
		v->first = v->at;
	if (v->page && v->at >= v->first + v->page)
		v->first = v->at - v->page + 1;
	draw_head(v);
	draw_curve(v);
	choose_columns(v->top, shown);
	draw_heads(v, shown);
	for (size_t i = 0; i < v->page && v->first + i < v->count; i++)
		draw_row(v, shown, &v->row[v->first + i], HEAD_LINES + (int)i, v->first + i == v->at);
	if (!v->count)
		put_text(v, HEAD_LINES, 0, 0,
			*v->search ? "no row matches '%s'" : "nothing has been allocated yet%s", v->search);
	if (stack)
		draw_stack(v, HEAD_LINES + rows, stack);
	draw_foot(v);
	refresh();
}
