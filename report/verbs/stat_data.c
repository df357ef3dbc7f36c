/* stat_data.c - `stat` as JSON and CSV. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "print/csv.h"
#include "print/json_report.h"
#include "stat.h"

/* The fields of the contract, in its order; reallocations and peak_blocks were added. */
static const enum view_measure field[] = {
	LIVE_BYTES,
	LIVE_BLOCKS,
	PEAK_BYTES,
	TOTAL_BYTES,
	TOTAL_BLOCKS,
	TEMPORARY,
	PEAK_BLOCKS,
	REALLOCATIONS,
};
#define FIELDS (sizeof(field) / sizeof(field[0]))

static bool has_stack(const struct stat_report *r)
{
	return r->group.key == KEY_SITE || r->group.key == KEY_STACK;
}

static void write_measures(struct json *j, const struct measures *measures, unsigned known)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (known & 1u << field[i])
			json_number(j, view_measure_name(field[i]), measures->of[field[i]]);
		else
			json_none(j, view_measure_name(field[i]));
	for (enum view_measure m = LOST_BYTES; m < MEASURES; m++)
		if (known & 1u << m)
			json_number(j, view_measure_name(m), measures->of[m]);
}

int stat_json(const struct stat_report *r)
{
	size_t rows = options_rows(r->options, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", r->views[0].snapshot);
	if (r->view_count > 1) {
		json_open_array(j, "snapshots");
		for (size_t i = 0; i < r->view_count; i++)
			json_report_snapshot(j, NULL, r->views[i].snapshot);
		json_close_array(j);
	}
	json_text(j, "by", view_key_name(r->group.key));
	json_text(j, "sort", view_measure_name(r->sort));
	json_open_object(j, "totals");
	write_measures(j, &r->totals, r->group.known | r->views[0].known);
	json_close_object(j);
	json_open_array(j, "records");
	for (size_t i = 0; i < r->group.count && i < rows; i++) {
		struct view_row *row = &r->group.row[i];

		json_open_object(j, NULL);
		write_measures(j, &row->m, r->group.known);
		if (r->view_count > 1)
			json_number(j, "processes", row->processes);
		if (has_stack(r)) {
			if (r->view_count == 1 && r->group.key == KEY_SITE)
				json_number(j, "site", row->site);
			json_report_stack(&report, row->view->symbols, row->site);
		} else {
			json_text(j, "key", row->key);
			json_number(j, "sites", row->sites);
		}
		json_close_object(j);
	}
	json_close_array(j);
	json_report_close(&report);
	return EXIT_FINE;
}

int stat_csv(const struct stat_report *r)
{
	size_t rows = options_rows(r->options, SIZE_MAX);
	const struct symbol_line **line = NULL;
	size_t capacity = 0, lines;

	for (size_t i = 0; i < FIELDS; i++)
		printf("%s,", view_measure_name(field[i]));
	if (r->group.known & 1u << LOST_BYTES)
		printf("%s,%s,", view_measure_name(LOST_BYTES), view_measure_name(LOST_BLOCKS));
	puts(has_stack(r) ? "site,function,file,line,module,stack" : "key");
	for (size_t i = 0; i < r->group.count && i < rows; i++) {
		struct view_row *row = &r->group.row[i];

		for (size_t k = 0; k < FIELDS; k++)
			if (r->group.known & 1u << field[k])
				printf("%" PRId64 ",", row->m.of[field[k]]);
			else
				putchar(',');
		if (r->group.known & 1u << LOST_BYTES)
			printf("%" PRId64 ",%" PRId64 ",", row->m.of[LOST_BYTES], row->m.of[LOST_BLOCKS]);
		if (has_stack(r)) {
			/* Site numbers of several files would contradict each other. */
			if (r->view_count == 1)
				printf("%" PRIu32, row->site);
			putchar(',');
			csv_place(stdout, symbols_top(row->view->symbols, row->site));
			putchar(',');
			lines = symbols_walk(row->view->symbols, row->site, &line, &capacity);
			csv_stack(stdout, line, lines);
		} else {
			csv_text(stdout, row->key);
		}
		putchar('\n');
	}
	free(line);
	return EXIT_FINE;
}
