/* table.c - see table.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/path.h"
#include "symbol/name.h"
#include "symbol/symbol_row.h"
#include "table.h"

#define GAP 1u /* blanks between columns */
#define FLEXIBLE_LEAST 24u
#define NOTE_INDENT 4u
#define NAME_COLUMNS 40u /* of a caller with template arguments */

struct cell {
	char *text; /* clean; NULL for a place or a bar */
	char *more; /* clean, behind the place; NULL for none */
	const struct symbol_line *line;
	struct symbols *symbols; /* of a site that name_sites names; NULL for none */
	uint32_t site;
	double share;
	enum screen_style style;
	unsigned columns;
};

struct note {
	size_t row;
	struct cell cell;
};

struct table {
	struct screen *screen;
	const struct column *column;
	const char *source_root;
	size_t columns;
	struct cell *cell; /* rows, columns cells each */
	size_t cells, cell_room;
	struct note *note; /* in the order of rows */
	size_t notes, note_room;
	const char *below; /* what found no room in the row that is printed; NULL for nothing */
};

struct table *table_new(struct screen *s, const struct column *columns, size_t count, const char *source_root)
{
	struct table *t = alloc_zeroed(1, sizeof(*t));

	t->screen = s;
	t->column = columns;
	t->columns = count;
	t->source_root = source_root;
	return t;
}

static struct cell *next_cell(struct table *t)
{
	struct cell *c = ARRAY_ADD(t->cell, t->cells, t->cell_room);

	memset(c, 0, sizeof(*c));
	return c;
}

static struct note *next_note(struct table *t)
{
	struct note *n;

	n = ARRAY_ADD(t->note, t->notes, t->note_room);
	memset(n, 0, sizeof(*n));
	n->row = t->cells / t->columns;
	return n;
}

static void fill_cell(
	struct table *t, struct cell *cell, enum screen_style style, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		text = alloc_string("");
	cell->text = screen_clean(t->screen, text);
	cell->columns = screen_columns(t->screen, cell->text);
	cell->style = style;
	free(text);
}

void table_text(struct table *t, enum screen_style style, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill_cell(t, next_cell(t), style, format, args);
	va_end(args);
}

void table_note(struct table *t, enum screen_style style, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill_cell(t, &next_note(t)->cell, style, format, args);
	va_end(args);
}

void table_bar(struct table *t, double share) { next_cell(t)->share = share; }

void table_place(struct table *t, const struct symbol_line *line) { next_cell(t)->line = line; }

/* Template arguments go where they make the name long: they may be all that differs. */
static char *make_short_name(const struct screen *s, const struct symbol_line *line)
{
	char *name = name_line(line, false);

	if (screen_columns(s, name) > NAME_COLUMNS) {
		free(name);
		name = name_line(line, true);
	}
	return name;
}

/* "← main app.c:12", "← … ← main app.c:12". To be freed. */
static char *make_caller(const struct table *t, const struct symbol_line *line, bool far)
{
	const char *arrow = t->screen->unicode ? "←" : "<-";
	char *function = make_short_name(t->screen, line), *text;
	char *between = far ? alloc_printf("%s %s ", arrow, screen_ellipsis(t->screen)) : alloc_string("");

	if (line->file)
		text = alloc_printf(
			"%s%s %s %s:%u", between, arrow, function, path_base(line->file), line->line);
	else
		text = alloc_printf("%s%s %s", between, arrow, function);
	free(between);
	free(function);
	return text;
}

/* What distinguishes the row, and the program's own line, the nearer one first. NULL: neither is there. */
static char *make_callers(const struct table *t, const struct symbol_row *row)
{
	char *caller = row->caller ? make_caller(t, row->caller, row->far) : NULL;
	char *own = row->own ? make_caller(t, row->own, row->own_far) : NULL, *both;
	bool nearer = own && caller && row->own < row->caller;

	if (!own || !caller)
		return own ? own : caller;
	both = alloc_printf("%s %s", nearer ? own : caller, nearer ? caller : own);
	free(own);
	free(caller);
	return both;
}

void table_site(struct table *t, struct symbols *symbols, uint32_t site)
{
	struct cell *cell = next_cell(t);

	cell->symbols = symbols;
	cell->site = site;
}

static void fill_row(struct table *t, struct cell *cell, const struct symbol_row *row)
{
	const char *dot = t->screen->unicode ? "· " : "| ";
	char *library = row->library ? name_line(row->library, true) : NULL;
	char *module = row->module ? alloc_printf("[%s]", path_base(row->module)) : NULL;
	char *caller = make_callers(t, row), *text;

	cell->line = row->line;
	text = alloc_printf("%s%s%s%s%s%s%s", library ? dot : "", library ? library : "",
		library && (module || caller) ? " " : "", module ? dot : "", module ? module : "",
		module && caller ? " " : "", caller ? caller : "");
	if (*text)
		cell->more = screen_clean(t->screen, text);
	free(text);
	free(caller);
	free(module);
	free(library);
}

/* Sites are named when all rows are known: what distinguishes them depends on the others. */
static void name_sites(struct table *t)
{
	struct symbol_site *site = alloc_bytes((t->cells + 1) * sizeof(*site));
	struct symbol_row *row;
	size_t count = 0;

	for (size_t i = 0; i < t->cells; i++)
		if (t->cell[i].symbols)
			site[count++] = (struct symbol_site){ t->cell[i].symbols, t->cell[i].site };
	row = symbol_rows(site, count);
	count = 0;
	for (size_t i = 0; i < t->cells; i++)
		if (t->cell[i].symbols)
			fill_row(t, &t->cell[i], &row[count++]);
	free(row);
	free(site);
}

void table_frame(struct table *t, const struct symbol_line *line) { next_note(t)->cell.line = line; }

static bool is_flexible(const struct column *c) { return c->kind == COLUMN_PLACE || c->kind == COLUMN_FIT; }

static unsigned bar_columns(unsigned width)
{
	return width >= 160 ? 16 : width >= 120 ? 10 : width >= 100 ? 8 : 4;
}

/* Fills width[]; 0 = the column is left out. */
static void lay_out(const struct table *t, unsigned *width)
{
	unsigned sum = 0, left;
	size_t kept = t->columns;

	for (size_t c = 0; c < t->columns; c++) {
		width[c] = screen_columns(t->screen, t->column[c].head);
		if (t->column[c].kind == COLUMN_BAR)
			width[c] = bar_columns(t->screen->width);
		for (size_t i = c; i < t->cells; i += t->columns)
			if (!is_flexible(&t->column[c]) && t->cell[i].columns > width[c])
				width[c] = t->cell[i].columns;
		sum += (is_flexible(&t->column[c]) ? FLEXIBLE_LEAST : width[c]) + (c ? GAP : 0);
	}
	while (sum > t->screen->width && kept--)
		if (t->column[kept].optional && width[kept]) {
			sum -= width[kept] + GAP;
			width[kept] = 0;
		}
	left = t->screen->width > sum ? t->screen->width - sum : 0;
	for (size_t c = 0; c < t->columns; c++)
		if (is_flexible(&t->column[c]))
			width[c] = FLEXIBLE_LEAST + left;
}

static void print_padding(struct screen *s, unsigned used, unsigned width)
{
	if (used < width)
		fprintf(s->out, "%*s", (int)(width - used), "");
}

static void show_text(struct screen *s, enum screen_style style, const char *text)
{
	if (*text)
		screen_print(s, style, "%s", text);
}

/* True when the place keeps its function and the name of its file beside `more`, and two fifths of the width. */
static bool has_room_for_more(const struct table *t, const struct cell *cell, unsigned width)
{
	const struct symbol_line *line = cell->line;
	unsigned more = screen_columns(t->screen, cell->more) + 1;
	char *function, *place;
	bool fits;

	if (more > width - width * 2 / 5)
		return false;
	function = name_line(line, true);
	place = line->file ? alloc_printf("%s %s:%u", function, path_base(line->file), line->line)
			   : alloc_string(function);
	fits = screen_columns(t->screen, place) + more <= width;
	free(place);
	free(function);
	return fits;
}

static void show_cell(
	struct table *t, const struct column *column, const struct cell *cell, unsigned width, bool last)
{
	struct screen *s = t->screen;
	char *text;

	if (column->kind == COLUMN_BAR) {
		text = screen_bar(s, cell->share, width);
		show_text(s, STYLE_BAR, text);
		free(text);
	} else if (cell->line) {
		bool inside = cell->more && has_room_for_more(t, cell, width);
		unsigned more = inside ? screen_columns(s, cell->more) + 1 : 0;
		struct place p = place_fit(s, cell->line, t->source_root, width - more);
		unsigned used = screen_columns(s, p.function) + more;

		show_text(s, cell->line->has_symbol ? STYLE_NAME : STYLE_DIM, p.function);
		if (*p.where) {
			used += 1 + screen_columns(s, p.where);
			fputc(' ', s->out);
			show_text(s, STYLE_DIM, p.where);
		}
		if (inside) {
			fputc(' ', s->out);
			show_text(s, STYLE_DIM, cell->more);
		}
		t->below = inside ? NULL : cell->more;
		if (!last)
			print_padding(s, used, width);
		place_free(&p);
	} else {
		text = screen_fit(s, cell->text ? cell->text : "", width, FIT_MIDDLE);
		if (column->kind == COLUMN_RIGHT)
			print_padding(s, screen_columns(s, text), width);
		show_text(s, cell->style, text);
		if (column->kind != COLUMN_RIGHT && !last)
			print_padding(s, screen_columns(s, text), width);
		free(text);
	}
}

static void show_row(struct table *t, const struct cell *row, const unsigned *width)
{
	struct screen *s = t->screen;
	bool first = true;

	for (size_t c = 0; c < t->columns; c++) {
		struct cell head = { .text = (char *)t->column[c].head, .style = STYLE_HEADING };

		if (!width[c])
			continue;
		if (!first)
			fprintf(s->out, "%*s", (int)GAP, "");
		first = false;
		if (row)
			show_cell(t, &t->column[c], &row[c], width[c], c + 1 == t->columns);
		else if (t->column[c].kind == COLUMN_BAR)
			print_padding(s, 0, width[c]);
		else
			show_cell(t, &t->column[c], &head, width[c], c + 1 == t->columns);
	}
	fputc('\n', s->out);
	if (t->below) {
		char *text =
			screen_fit(s, t->below, s->width > NOTE_INDENT ? s->width - NOTE_INDENT : 1, FIT_END);

		fprintf(s->out, "%*s", (int)NOTE_INDENT, "");
		show_text(s, STYLE_DIM, text);
		fputc('\n', s->out);
		free(text);
	}
	t->below = NULL;
}

static void show_note(struct table *t, const struct note *note)
{
	const struct cell *cell = &note->cell;
	struct screen *s = t->screen;
	unsigned width = s->width > NOTE_INDENT ? s->width - NOTE_INDENT : 1;

	fprintf(s->out, "%*s", (int)NOTE_INDENT, "");
	if (cell->line) {
		place_print(s, cell->line, t->source_root, width);
	} else {
		char *text = screen_fit(s, cell->text, width, FIT_MIDDLE);

		show_text(s, cell->style, text);
		free(text);
	}
	fputc('\n', s->out);
}

void table_show(struct table *t)
{
	unsigned *width = alloc_zeroed(t->columns, sizeof(*width));
	size_t rows = t->cells / t->columns, note = 0;

	name_sites(t);
	lay_out(t, width);
	if (!t->screen->quiet)
		show_row(t, NULL, width);
	for (size_t r = 0; r < rows; r++) {
		show_row(t, &t->cell[r * t->columns], width);
		for (; note < t->notes && t->note[note].row == r + 1; note++)
			show_note(t, &t->note[note]);
	}
	for (size_t i = 0; i < t->cells; i++) {
		free(t->cell[i].text);
		free(t->cell[i].more);
	}
	for (size_t i = 0; i < t->notes; i++)
		free(t->note[i].cell.text);
	free(t->cell);
	free(t->note);
	free(width);
	free(t);
}
