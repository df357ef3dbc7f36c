/* stat_data.c - `stat` as JSON and CSV. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json_out.h"
#include "place.h"
#include "stat.h"

/* The fields of the contract, in its order; reallocations and peak_blocks were added. */
static const enum view_measure field[] = {
	LIVE_BYTES, LIVE_BLOCKS, PEAK_BYTES, TOTAL_BYTES, TOTAL_BLOCKS, TEMPORARY, PEAK_BLOCKS,
	REALLOCATIONS,
};
#define FIELDS (sizeof(field) / sizeof(field[0]))

static bool has_stack(const struct stat_report *r)
{
	return r->group.key == KEY_SITE || r->group.key == KEY_STACK;
}

static void set_measures(json_t *o, const struct measures *m, unsigned known)
{
	for (size_t i = 0; i < FIELDS; i++)
		json_object_set_new(o, view_measure_name(field[i]),
			known & 1u << field[i] ? json_integer(m->of[field[i]]) : json_null());
}

int stat_json(const struct stat_report *r)
{
	json_t *head = json_report(r->views[0].snapshot), *totals = json_object();
	size_t rows = options_rows(r->options, SIZE_MAX);
	struct json_stream stream;

	if (r->view_count > 1) {
		json_t *all = json_array();

		for (size_t i = 0; i < r->view_count; i++)
			json_array_append_new(all, json_snapshot(r->views[i].snapshot));
		json_object_set_new(head, "snapshots", all);
	}
	json_object_set_new(head, "by", json_text(view_key_name(r->group.key)));
	json_object_set_new(head, "sort", json_text(view_measure_name(r->sort)));
	set_measures(totals, &r->totals, ~0u);
	json_object_set_new(head, "totals", totals);
	json_stream_begin(&stream, stdout, head, "records");
	for (size_t i = 0; i < r->group.count && i < rows; i++) {
		struct view_row *row = &r->group.row[i];
		json_t *o = json_object();

		set_measures(o, &row->m, r->group.known);
		if (r->view_count > 1)
			json_object_set_new(o, "processes", json_integer(row->processes));
		if (has_stack(r)) {
			if (r->view_count == 1 && r->group.key == KEY_SITE)
				json_object_set_new(o, "site", json_integer(row->site));
			json_stream_record_stack(&stream, o, row->view->symbols, row->site);
			continue;
		}
		json_object_set_new(o, "key", json_text(row->key));
		json_object_set_new(o, "sites", json_integer(row->sites));
		json_stream_record(&stream, o);
	}
	json_stream_end(&stream);
	return EXIT_FINE;
}

/* The lines of one stack; its memory serves row after row. */
struct stack { const struct symbol_line **line; size_t room; };

/* Functions, innermost first: "a;b;c". Quoted where one of them wants it. */
static void csv_functions(const struct symbol_line *const *line, size_t count)
{
	bool quoted = false;

	for (size_t i = 0; i < count && !quoted; i++)
		quoted = strpbrk(line[i]->function, ",\"\r\n") != NULL;
	if (quoted)
		putchar('"');
	for (size_t i = 0; i < count; i++) {
		if (i)
			putchar_unlocked(';');
		if (!quoted)
			fputs_unlocked(line[i]->function, stdout);
		for (const char *c = quoted ? line[i]->function : ""; *c; c++) {
			if (*c == '"')
				putchar_unlocked('"');
			putchar_unlocked(*c);
		}
	}
	if (quoted)
		putchar('"');
}

static void csv_stack(const struct view_row *row, struct stack *stack)
{
	struct symbols *symbols = row->view->symbols;
	size_t count = symbols_walk(symbols, row->site, &stack->line, &stack->room);
	const struct symbol_line *caller = view_caller(symbols, row->site);

	csv_text(stdout, caller->function);
	putchar(',');
	csv_text(stdout, caller->file);
	printf(",%u,", caller->line);
	csv_text(stdout, caller->module);
	putchar(',');
	csv_functions(stack->line, count);
}

int stat_csv(const struct stat_report *r)
{
	size_t rows = options_rows(r->options, SIZE_MAX);
	struct stack stack = { 0 };

	for (size_t i = 0; i < FIELDS; i++)
		printf("%s,", view_measure_name(field[i]));
	puts(has_stack(r) ? "site,function,file,line,module,stack" : "key");
	for (size_t i = 0; i < r->group.count && i < rows; i++) {
		struct view_row *row = &r->group.row[i];

		for (size_t k = 0; k < FIELDS; k++)
			if (r->group.known & 1u << field[k])
				printf("%" PRId64 ",", row->m.of[field[k]]);
			else
				putchar(',');
		if (has_stack(r)) {
			/* Site numbers of several files would contradict each other. */
			if (r->view_count == 1)
				printf("%" PRIu32, row->site);
			putchar(',');
			csv_stack(row, &stack);
		} else {
			csv_text(stdout, row->key);
		}
		putchar('\n');
	}
	free(stack.line);
	return EXIT_FINE;
}
