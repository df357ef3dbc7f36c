/* types_together_print.c - the types of several processes, for people and for programs. */
#include <stdio.h>
#include "base/path.h"
#include "base/units.h"
#include "types_together.h"

#define SCREEN_ROWS 20u
#define FILES_SHOWN 12u
#define FEW 3u

static void print_file(struct table *table, const struct types_command *c)
{
	const char *missing = types_together_missing(&c->snapshot);
	uint64_t bytes = 0;
	char text[UNITS_TEXT];

	for (uint32_t i = 0; i < c->view.row_count; i++)
		bytes += c->view.row[i].bytes;
	table_text(table, STYLE_PLAIN, "%s",
		missing ? "-" : units_count(text, (int64_t)c->snapshot.python_object_count));
	table_text(table, STYLE_STRONG, "%s", missing ? "-" : units_bytes(text, (int64_t)bytes));
	table_text(table, c->view.refleak_objects ? STYLE_BAD : STYLE_DIM, "%s",
		missing ? "-" : units_count(text, (int64_t)c->view.refleak_objects));
	table_text(table, STYLE_PLAIN, "%d", c->snapshot.process->pid);
	table_text(
		table, STYLE_NAME, "%s", path_base(snapshot_string(&c->snapshot, c->snapshot.process->exe)));
	table_text(table, STYLE_DIM, "%s%s%s", c->file, missing ? ": " : "", missing ? missing : "");
}

/* Those with objects of Python come first: a run also has files of shells and other helpers. */
static void print_files(struct screen *s, const struct types_together *t)
{
	static const struct column columns[] = {
		{ "objects", COLUMN_RIGHT, false },
		{ "bytes", COLUMN_RIGHT, false },
		{ "leaked", COLUMN_RIGHT, false },
		{ "process", COLUMN_RIGHT, false },
		{ "program", COLUMN_LEFT, true },
		{ "file", COLUMN_FIT, false },
	};
	struct table *table = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), NULL);
	size_t shown = 0;

	for (int missing = 0; missing < 2; missing++)
		for (size_t i = 0; i < t->count && shown < FILES_SHOWN; i++)
			if (!types_together_missing(&t->process[i].snapshot) == !missing) {
				print_file(table, &t->process[i]);
				shown++;
			}
	table_show(table);
	if (t->count > shown)
		screen_hint(s, "%zu more files", t->count - shown);
}

static bool is_shared(const struct types_together *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->process[i].snapshot.process->flags & PROCESS_FORKED
			&& t->process[i].snapshot.python_object_count)
			return true;
	return false;
}

static void print_summary(struct screen *s, const struct types_together *t)
{
	char objects[UNITS_TEXT], references[UNITS_TEXT], types[UNITS_TEXT];

	screen_print(s, STYLE_HEADING, "Python in %zu of %zu processes\n", t->with_python, t->count);
	if (t->leaked_objects)
		screen_paragraph(s, STYLE_BAD, "",
			"%zu of %zu processes have %s of %s with %s that nobody holds: a Py_DECREF was forgotten, and "
			"gc cannot free them.",
			t->leaking, t->with_python, units_many(objects, (int64_t)t->leaked_objects, "object"),
			units_many(types, (int64_t)t->leaked_types, "type"),
			units_many(references, (int64_t)t->leaked_references, "reference"));
	else
		screen_print(s, STYLE_GOOD, "All%s reference counts are explained.\n",
			t->left_objects ? " other" : "");
	types_screen_left(s, t->left_objects, t->left_references);
	types_screen_cycles(s, &t->awaiting, &t->pinned, t->garbage_bytes, false);
	if (is_shared(t))
		screen_paragraph(s, STYLE_DIM, "",
			"A process that was forked shares memory with its parent until one of them writes to it: an "
			"object that both have counts for each.");
}

static void print_made(struct table *table, const struct types_together *t, const struct together_row *r)
{
	char count[UNITS_TEXT];

	types_screen_native(table, &r->sum);
	for (size_t i = 0; i < r->value_count && i < FEW; i++)
		table_note(table, STYLE_DIM, "%s of value %s",
			units_many(count, (int64_t)r->value[i].objects, "object"), r->value[i].text);
	for (size_t i = 0; i < r->site_count && i < FEW; i++)
		table_frame(table, symbols_top(t->process[r->site[i].process].symbols, r->site[i].site));
}

static size_t print_rows(struct screen *s, const struct types_together *t, const struct options *o)
{
	struct types_count counted[TYPES_COUNTS];
	struct column column[TYPES_COUNTS + 4];
	struct types_row sum = { 0 };
	size_t counts, n = 0, most = options_rows(o, SCREEN_ROWS);
	struct table *table;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < t->row_count; i++)
		types_counts_add(&sum, &t->row[i].sum);
	counts = types_counts(&sum, counted);
	column[n++] = (struct column){ "live", COLUMN_RIGHT, false };
	column[n++] = (struct column){ "bytes", COLUMN_RIGHT, false };
	column[n++] = (struct column){ "processes", COLUMN_RIGHT, false };
	for (size_t i = 0; i < counts; i++)
		column[n++] = (struct column){ counted[i].head, COLUMN_RIGHT, i > 0 };
	column[n++] = (struct column){ "type", COLUMN_FIT, false };
	table = table_new(s, column, n, o->source_root);
	for (size_t i = 0; i < t->row_count && i < most; i++) {
		const struct types_row *r = &t->row[i].sum;
		const char *module = types_screen_module(r->module);

		table_text(table, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->live));
		table_text(table, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)r->bytes));
		table_text(table, STYLE_PLAIN, "%zu", t->row[i].processes);
		types_counts_cells(table, counted, counts, r);
		table_text(table, STYLE_NAME, "%s%s%s", module, *module ? "." : "", r->type);
		print_made(table, t, &t->row[i]);
	}
	table_show(table);
	return t->row_count > most ? t->row_count - most : 0;
}

static void print_native(struct screen *s, const struct types_together *t, const struct options *o)
{
	static const struct column columns[] = {
		{ "bytes", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "processes", COLUMN_RIGHT, false },
		{ "lost", COLUMN_RIGHT, true },
		{ "type", COLUMN_FIT, false },
	};
	size_t most = options_rows(o, SCREEN_ROWS);
	char text[UNITS_TEXT], share[UNITS_TEXT];
	struct table *table;

	if (!s->quiet)
		screen_print(s, STYLE_HEADING, "%s of %s in native blocks%s have a known type\n",
			units_percent(share, (double)t->typed_bytes, (double)t->native_bytes),
			units_bytes(text, (int64_t)t->native_bytes),
			t->row_count ? " outside objects of Python" : "");
	if (!t->native_count)
		return;
	table = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), o->source_root);
	for (size_t i = 0; i < t->native_count && i < most; i++) {
		const struct together_native *r = &t->native[i];

		table_text(table, STYLE_STRONG, "%s", units_bytes(text, (int64_t)r->bytes));
		table_text(table, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->blocks));
		table_text(table, STYLE_PLAIN, "%zu", r->processes);
		table_text(table, r->lost_blocks ? STYLE_BAD : STYLE_DIM, "%s",
			r->lost_blocks ? units_count(text, (int64_t)r->lost_blocks) : "-");
		table_text(table, STYLE_NAME, "%s", r->type);
	}
	table_show(table);
	if (t->native_count > most)
		screen_hint(s, "%s more: -n all", units_count(text, (int64_t)(t->native_count - most)));
}

/* The process to look at next: the one that leaked most, or has the most objects. */
static const char *worst_file(const struct types_together *t)
{
	const struct types_command *worst = &t->process[0];

	for (size_t i = 1; i < t->count; i++) {
		const struct types_command *c = &t->process[i];

		if (c->view.refleak_objects > worst->view.refleak_objects
			|| (c->view.refleak_objects == worst->view.refleak_objects
				&& c->snapshot.python_object_count > worst->snapshot.python_object_count))
			worst = c;
	}
	return worst->file;
}

int types_together_screen(struct types_together *t, const struct options *o)
{
	char more[UNITS_TEXT];
	struct screen s;
	size_t hidden;

	screen_open(&s, o);
	print_files(&s, t);
	fputc('\n', s.out);
	if (t->row_count) {
		print_summary(&s, t);
		fputc('\n', s.out);
		hidden = print_rows(&s, t, o);
		if (hidden)
			screen_hint(&s, "%s more: -n all", units_count(more, (int64_t)hidden));
		screen_hint(&s, "one process alone: tidemark types %s", worst_file(t));
		if (t->native_count)
			fputc('\n', s.out);
	}
	if (t->native_count || !t->row_count)
		print_native(&s, t, o);
	return screen_close(&s);
}

static void write_cycles(struct json *j, const char *name, const struct types_cycles *c)
{
	json_open_object(j, name);
	json_number(j, "components", (int64_t)c->components);
	json_number(j, "objects", (int64_t)c->objects);
	json_number(j, "bytes", (int64_t)c->bytes);
	json_close_object(j);
}

static void write_snapshots(struct json *j, const struct types_together *t)
{
	json_open_array(j, "snapshots");
	for (size_t i = 0; i < t->count; i++) {
		const struct types_command *c = &t->process[i];

		json_open_object(j, NULL);
		json_report_snapshot_members(j, &c->snapshot, !c->snapshot.damaged);
		json_text(j, "file", c->file);
		json_number(j, "objects", (int64_t)c->snapshot.python_object_count);
		json_number(j, "leaked_objects", (int64_t)c->view.refleak_objects);
		json_text(j, "objects_missing", types_together_missing(&c->snapshot));
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_row(struct json_report *report, struct types_together *t, const struct together_row *row)
{
	const struct types_row *r = &row->sum;
	struct json *j = &report->json;

	json_open_object(j, NULL);
	json_text(j, "type", r->type);
	json_text(j, "module", *r->module ? r->module : NULL);
	json_number(j, "processes", (int64_t)row->processes);
	types_counts_json(j, r);
	json_text(j, "verdict", types_view_verdict(r));
	json_open_array(j, "values");
	for (size_t i = 0; i < row->value_count; i++) {
		json_open_object(j, NULL);
		json_text(j, "value", row->value[i].text);
		json_number(j, "objects", (int64_t)row->value[i].objects);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "stacks");
	for (size_t i = 0; i < row->site_count; i++) {
		json_open_object(j, NULL);
		json_number(j, "objects", (int64_t)row->site[i].objects);
		json_report_stack(report, t->process[row->site[i].process].symbols, row->site[i].site);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_native(struct json *j, const struct types_together *t, size_t most)
{
	json_open_object(j, "native");
	json_open_object(j, "coverage");
	json_number(j, "bytes", (int64_t)t->native_bytes);
	json_number(j, "typed_bytes", (int64_t)t->typed_bytes);
	json_close_object(j);
	json_open_array(j, "types");
	for (size_t i = 0; i < t->native_count && i < most; i++) {
		const struct together_native *r = &t->native[i];

		json_open_object(j, NULL);
		json_text(j, "type", r->type);
		json_text(j, "language", r->language);
		json_number(j, "processes", (int64_t)r->processes);
		json_number(j, "blocks", (int64_t)r->blocks);
		json_number(j, "bytes", (int64_t)r->bytes);
		json_number(j, "lost_blocks", (int64_t)r->lost_blocks);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

void types_together_json(struct types_together *t, const struct options *o)
{
	size_t most = options_rows(o, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	write_snapshots(j, t);
	write_native(j, t, most);
	json_open_array(j, "types");
	for (size_t i = 0; i < t->row_count && i < most; i++)
		write_row(&report, t, &t->row[i]);
	json_close_array(j);
	json_open_object(j, "refleaks");
	json_number(j, "types", (int64_t)t->leaked_types);
	json_number(j, "objects", (int64_t)t->leaked_objects);
	json_number(j, "references", (int64_t)t->leaked_references);
	json_number(j, "processes", (int64_t)t->leaking);
	types_json_left(j, t->left_objects, t->left_references);
	json_close_object(j);
	json_open_object(j, "cycles");
	write_cycles(j, "awaiting_gc", &t->awaiting);
	write_cycles(j, "pinned", &t->pinned);
	json_close_object(j);
	json_report_close(&report);
}
