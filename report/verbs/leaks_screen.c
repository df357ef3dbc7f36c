/* leaks_screen.c - `leaks` for people: one line per root leak or root cycle, with what it retains. */
#include <stdlib.h>
#include "analysis/blind.h"
#include "analysis/alike.h"
#include "print/header.h"
#include "print/misuse.h"
#include "leaks_command.h"
#include "base/alloc.h"
#include "base/path.h"
#include "print/place.h"
#include "print/table.h"
#include "symbol/name.h"
#include "base/units.h"
#include "view/field.h"
#include "view/view.h"

#define SCREEN_ROWS 25u

static void print_head(struct screen *s, const struct leaks_command *c)
{
	const struct leaks_view *v = &c->view;
	const struct leaks *l = &v->leaks;
	char *summary = leaks_summary(l), count[UNITS_TEXT], size[UNITS_TEXT];
	char *blind = l->lost.blocks ? NULL : blind_explain(&v->snapshot);

	header_who(s, &v->snapshot);
	if (!s->quiet)
		fputc('\n', s->out);
	misuse_screen(s, &v->snapshot, v->symbols, c->common.source_root, c->common.verbose);
	screen_print(s,
		l->lost.blocks                  ? STYLE_BAD
			: l->complete && !blind ? STYLE_GOOD
						: STYLE_WARNING,
		"%s", summary);
	fprintf(s->out, "%s\n", v->old_file ? " more than in the older snapshot" : "");
	free(summary);
	if (blind)
		screen_paragraph(s, STYLE_WARNING, "warning: ", "%s", blind);
	free(blind);
	if (!l->complete)
		screen_paragraph(s, STYLE_WARNING, "incomplete: ", "%s", l->why);
	if (l->total[LEAK_POSSIBLE].blocks && !v->show[LEAK_POSSIBLE])
		screen_hint(s, "%s in %s reachable only through interior pointers: --show possible",
			units_bytes(size, (int64_t)l->total[LEAK_POSSIBLE].bytes),
			units_many(count, (int64_t)l->total[LEAK_POSSIBLE].blocks, "block"));
	if (l->total[LEAK_POSSIBLE].blocks)
		header_stale(s, &v->snapshot);
	header_unsure(s, &v->snapshot, v->symbols, &v->unsure);
	if (l->suppressed.blocks)
		screen_hint(s, "%s in %s suppressed: --show suppressed",
			units_bytes(size, (int64_t)l->suppressed.bytes),
			units_many(count, (int64_t)l->suppressed.blocks, "block"));
	if (l->before.blocks)
		screen_hint(s, "%s from before the baseline (tide_freeze)",
			units_many(count, (int64_t)l->before.blocks, "lost block"));
	if (l->shared.blocks)
		screen_hint(s, "%s in %s held by several of these, so that no single one retains them",
			units_bytes(size, (int64_t)l->shared.bytes),
			units_many(count, (int64_t)l->shared.blocks, "lost block"));
}

static void describe_group(char *out, size_t room, const struct leak_group *g)
{
	char count[UNITS_TEXT], nodes[UNITS_TEXT];

	units_count(count, (int64_t)g->roots);
	units_count(nodes, (int64_t)g->nodes_most);
	if (!g->roots) /* as many as in the older snapshot; but they hold more now */
		snprintf(out, room, g->kind == LEAK_UNREFERENCED ? "older root leak" : "older root cycle");
	else if (g->kind == LEAK_UNREFERENCED)
		snprintf(out, room, g->roots == 1 ? "root leak" : "%s root leaks", count);
	else if (g->container && g->roots > 1)
		snprintf(out, room, "%s root cycles %s %s", count,
			g->blocks == g->roots * g->nodes_most ? "of" : "up to", nodes);
	else if (g->roots == 1)
		snprintf(out, room, "root cycle of %s", nodes);
	else
		snprintf(out, room, "%s root cycles", count);
}

static void print_stack(struct table *t, struct symbols *symbols, uint32_t site)
{
	size_t count;
	const struct symbol_line *line = symbols_stack(symbols, site, &count);

	for (size_t i = symbols_caller(symbols, site) + 1; i < count; i++)
		table_frame(t, &line[i]);
}

/* What print_line needs beside the line. */
struct drawing {
	const struct leaks_command *c;
	struct table *table;
	struct block_types types; /* found when the first field is named */
	bool typed;
};

static char *make_place(const struct drawing *d, uint32_t site)
{
	const struct symbol_line *line = symbols_top(d->c->view.symbols, site);
	char *function = name_line(line, true), *text;

	if (line->file)
		text = alloc_printf("%s %s:%u", function,
			path_base(place_source(line->file, d->c->common.source_root)), line->line);
	else
		text = alloc_string(function);
	free(function);
	return text;
}

/* "Session::next_", or "+16". */
static char *name_field(struct drawing *d, const struct leaks_line *l)
{
	const struct leaks_view *v = &d->c->view;
	char *field;

	if (l->kind == LEAKS_LINE_MORE)
		return NULL;
	if (!d->typed)
		block_types_find(&d->types, &v->snapshot, v->symbols);
	d->typed = true;
	field = field_at(&d->types, l->holder, l->offset);
	return field ? field : alloc_printf("+%u", l->offset);
}

static void print_line(void *context, const struct leaks_line *l)
{
	struct drawing *d = context;
	char size[UNITS_TEXT], count[UNITS_TEXT],
		*place = l->kind == LEAKS_LINE_SET || l->kind == LEAKS_LINE_BACK ? make_place(d, l->site)
										 : NULL,
		*field = name_field(d, l);
	int indent = (int)l->depth * 2;

	switch (l->kind) {
	case LEAKS_LINE_SET:
		units_bytes(size, (int64_t)l->bytes);
		if (l->blocks == 1)
			table_note(d->table, STYLE_PLAIN, "%*s%s -> %s, %s", indent, "", field, place, size);
		else
			table_note(d->table, STYLE_PLAIN, "%*s%s -> %s x %s, %s", indent, "", field,
				units_count(count, (int64_t)l->blocks), place, size);
		break;
	case LEAKS_LINE_BACK:
		if (l->offsets == 1)
			table_note(d->table, STYLE_BAD, "%*s%s -> back to %s%s", indent, "", field,
				l->others ? "others of " : "", place);
		else
			table_note(d->table, STYLE_BAD,
				"%*s%s and %u more offsets -> back to %s%s (stale words? run --wipe)", indent,
				"", field, l->offsets - 1, l->others ? "others of " : "", place);
		break;
	case LEAKS_LINE_NEXT:
		table_note(d->table, STYLE_DIM, "%*s%s -> the next of these", indent, "", field);
		break;
	case LEAKS_LINE_MORE: table_note(d->table, STYLE_DIM, "%*s...", indent, ""); break;
	}
	free(place);
	free(field);
}

/* Blocks without a stack: which samples are of their size. */
static void print_alike(const struct drawing *d, uint32_t site)
{
	const struct leaks_view *v = &d->c->view;
	char samples[UNITS_TEXT], of[UNITS_TEXT], *place;
	struct alike alike;

	if (!alike_find(&v->leaks, &v->snapshot, site, &alike))
		return;
	place = make_place(d, alike.site);
	units_count(samples, (int64_t)alike.samples);
	table_note(d->table, STYLE_DIM, "%s of %s of this size: %s", samples,
		units_many(of, (int64_t)alike.of, alike.lost ? "lost sample" : "sample"), place);
	free(place);
}

/* Returns how many groups there was no room for. */
static size_t print_groups(struct screen *s, struct leaks_command *c, size_t rows)
{
	static const struct column columns[] = {
		{ "retains", COLUMN_RIGHT, false },
		{ "in blocks", COLUMN_RIGHT, true },
		{ "itself", COLUMN_RIGHT, true },
		{ "", COLUMN_BAR, true },
		{ "site", COLUMN_RIGHT, true },
		{ "", COLUMN_LEFT, false },
		{ "allocated by", COLUMN_PLACE, false },
	};
	struct leaks_view *v = &c->view;
	const struct leaks *l = &v->leaks;
	struct table *t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), c->common.source_root);
	struct leaks_tree *tree = leaks_tree_new(v);
	struct drawing drawing = { .c = c, .table = t };
	char text[UNITS_TEXT], kind[128];
	size_t hidden = 0;

	for (size_t i = leaks_view_next_group(v, 0); i < l->group_count;
		i = leaks_view_next_group(v, i + 1)) {
		const struct leak_group *g = &l->groups[i];

		if (!rows) {
			hidden++;
			continue;
		}
		rows--;
		describe_group(kind, sizeof(kind), g);
		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)g->retained_bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)g->retained_blocks));
		table_text(t, STYLE_DIM, "%s", units_bytes(text, (int64_t)g->bytes));
		table_bar(t, l->lost.bytes ? (double)g->retained_bytes / (double)l->lost.bytes : 0);
		table_text(t, STYLE_DIM, "#%u", g->site);
		table_text(t, g->kind == LEAK_CYCLE && !g->container ? STYLE_BAD : STYLE_PLAIN, "%s", kind);
		table_site(t, v->symbols, g->site);
		print_alike(&drawing, g->site);
		if (g->suppression >= 0)
			table_note(
				t, STYLE_DIM, "suppressed by '%s'", l->suppress->rules[g->suppression].name);
		if (c->common.verbose)
			print_stack(t, v->symbols, g->site);
		if (g->self)
			table_note(t, STYLE_DIM, "some blocks are referenced only by themselves");
		if (g->kind == LEAK_CYCLE && !g->container && g->roots > 1 && g->nodes_most > 1)
			table_note(t, STYLE_DIM, "%s%s blocks per cycle:",
				g->blocks == g->roots * g->nodes_most ? "" : "up to ",
				units_count(text, (int64_t)g->nodes_most));
		if (c->tree)
			leaks_tree_lines(tree, (uint32_t)i, true, print_line, &drawing);
		else if (g->kind == LEAK_CYCLE && !g->container && g->nodes_most <= 4096)
			leaks_tree_lines(tree, (uint32_t)i, false, print_line, &drawing);
	}
	table_show(t);
	if (drawing.typed)
		block_types_free(&drawing.types);
	leaks_tree_free(tree);
	return hidden;
}

static bool has_kinds(const struct leaks_view *v)
{
	const struct leaks *l = &v->leaks;

	for (size_t i = leaks_view_next_record(v, 0); i < l->record_count;
		i = leaks_view_next_record(v, i + 1))
		if (!LEAK_IS_LOST(l->records[i].kind))
			return true;
	return false;
}

/* The kinds that --show adds. */
static size_t print_kinds(struct screen *s, const struct leaks_command *c, size_t rows)
{
	static const struct column columns[] = {
		{ "bytes", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "retains", COLUMN_RIGHT, true },
		{ "", COLUMN_LEFT, false },
		{ "allocated by", COLUMN_PLACE, false },
	};
	const struct leaks_view *v = &c->view;
	const struct leaks *l = &v->leaks;
	struct table *t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), c->common.source_root);
	char text[UNITS_TEXT];
	size_t hidden = 0;

	for (size_t i = leaks_view_next_record(v, 0); i < l->record_count;
		i = leaks_view_next_record(v, i + 1)) {
		const struct leak_record *r = &l->records[i];

		if (LEAK_IS_LOST(r->kind))
			continue;
		if (!rows) {
			hidden++;
			continue;
		}
		rows--;
		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)r->bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->blocks));
		table_text(t, STYLE_DIM, "%s", units_bytes(text, (int64_t)r->retained_bytes));
		table_text(t, STYLE_PLAIN, "%s", leaks_kind_name(r->kind));
		table_site(t, v->symbols, r->site);
		if (c->common.verbose)
			print_stack(t, v->symbols, r->site);
	}
	table_show(t);
	return hidden;
}

/* References that lost blocks count and nobody holds: a release was forgotten. */
static void print_declared(struct screen *s, const struct leaks_view *v)
{
	for (size_t i = 0; i < v->declared.count; i++) {
		const struct declared_site *d = &v->declared.site[i];
		char lost[UNITS_TEXT], exceed[UNITS_TEXT], excess[UNITS_TEXT];

		if (d->exceed)
			screen_paragraph(s, STYLE_WARNING, "leaked counts: ",
				"%s: the word at +%u counts references; in %s of %s lost blocks it exceeds "
				"the references found, by %s in all",
				name_shown(symbols_top(v->symbols, d->site)), d->offset,
				units_count(exceed, (int64_t)d->exceed), units_count(lost, (int64_t)d->lost),
				units_count(excess, (int64_t)d->excess));
	}
}

int leaks_screen(struct leaks_command *c)
{
	const struct leaks_view *v = &c->view;
	size_t rows = options_rows(&c->common, SCREEN_ROWS), hidden = 0;
	char text[UNITS_TEXT];
	struct screen s;

	screen_open(&s, &c->common);
	print_head(&s, c);
	if (leaks_view_next_group(v, 0) < v->leaks.group_count)
		hidden = print_groups(&s, c, rows);
	if (v->show[LEAK_POSSIBLE] || v->show[LEAK_REACHABLE]) {
		fputc('\n', s.out);
		if (has_kinds(v))
			hidden += print_kinds(&s, c, rows);
		else
			fprintf(s.out, "nothing is %s%s%s\n", v->show[LEAK_POSSIBLE] ? "possible" : "",
				v->show[LEAK_POSSIBLE] && v->show[LEAK_REACHABLE] ? " or " : "",
				v->show[LEAK_REACHABLE] ? "reachable" : "");
	}
	print_declared(&s, v);
	if (hidden)
		screen_hint(&s, "%s more: -n all shows them", units_count(text, (int64_t)hidden));
	if (v->leaks.lost.blocks && !c->common.verbose)
		screen_hint(
			&s, "-v shows stacks, --tree what each holds; next: tidemark refs %s SITE", v->file);
	return screen_close(&s);
}
