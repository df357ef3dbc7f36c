/* timeline_history.c - see timeline_history.h. */
#include <stdio.h>
#include <string.h>
#include "base/alloc.h"
#include "base/units.h"
#include "print/table.h"
#include "timeline_history.h"

#define ROWS 10
#define MOMENTS_MOST 16u /* columns on a screen */
#define MOMENT_COLUMNS 10u
#define PLACE_COLUMNS 40u

/* As many snapshots as fit: the first, the last, that with most live bytes, and others in even steps. */
static size_t choose_moments(const struct screen *s, const struct history *h, size_t chosen[MOMENTS_MOST])
{
	size_t fit = s->width > PLACE_COLUMNS ? (s->width - PLACE_COLUMNS) / MOMENT_COLUMNS : 0, highest = 0;
	size_t nearest = 0;

	fit = fit < 2 ? 2 : fit > MOMENTS_MOST ? MOMENTS_MOST : fit;
	if (fit > h->moments)
		fit = h->moments;
	for (size_t i = 1; i < h->moments; i++)
		if (h->moment[i].all.bytes > h->moment[highest].all.bytes)
			highest = i;
	for (size_t i = 0; i < fit; i++) {
		chosen[i] = i * (h->moments - 1) / (fit - 1);
		if (i + 1 < fit && chosen[i] <= highest)
			nearest = i;
	}
	if (highest + 1 < h->moments && nearest)
		chosen[nearest] = highest;
	return fit;
}

static void print_value(struct table *t, enum screen_style style, int64_t bytes)
{
	char text[UNITS_TEXT];

	table_text(t, bytes ? style : STYLE_DIM, "%s", bytes ? units_bytes(text, bytes) : "-");
}

void timeline_history_screen(
	struct screen *s, const struct history *h, struct symbols *symbols, const struct options *o)
{
	struct column columns[MOMENTS_MOST + 1];
	char head[MOMENTS_MOST][UNITS_TEXT];
	size_t chosen[MOMENTS_MOST], shown = options_rows(o, ROWS), others = h->rest_sites, moments;
	struct history_value rest[MOMENTS_MOST];
	char text[UNITS_TEXT];
	struct table *t;

	if (h->moments < 2)
		return;
	moments = choose_moments(s, h, chosen);
	if (shown > h->count)
		shown = h->count;
	others += h->count - shown;
	for (size_t k = 0; k < moments; k++) {
		units_duration(head[k], h->moment[chosen[k]].elapsed_ns);
		columns[k] = (struct column){ head[k], COLUMN_RIGHT, false };
		rest[k] = h->rest.value[chosen[k]];
		for (size_t i = shown; i < h->count; i++)
			view_add(&rest[k].bytes, h->row[i].value[chosen[k]].bytes);
	}
	columns[moments] = (struct column){ "site", COLUMN_PLACE, false };
	if (!s->quiet) {
		screen_print(s, STYLE_HEADING, "\nWho held live memory");
		screen_print(s, STYLE_DIM,
			moments < h->moments ? ", at %zu of %zu snapshots\n" : ", at %zu snapshots\n",
			moments, h->moments);
	}
	t = table_new(s, columns, moments + 1, o->source_root);
	for (size_t i = 0; i < shown; i++) {
		for (size_t k = 0; k < moments; k++)
			print_value(t, STYLE_PLAIN, h->row[i].value[chosen[k]].bytes);
		table_site(t, symbols, h->row[i].site);
	}
	for (size_t k = 0; others && k < moments; k++)
		print_value(t, STYLE_PLAIN, rest[k].bytes);
	if (others)
		table_text(t, STYLE_DIM, "%s", units_many(text, (int64_t)others, "other site"));
	for (size_t k = 0; k < moments; k++)
		print_value(t, STYLE_STRONG, h->moment[chosen[k]].all.bytes);
	table_text(t, STYLE_STRONG, "all");
	table_show(t);
}

static void write_values(struct json *j, const struct history *h, const struct history_row *r)
{
	json_open_array(j, "live_bytes");
	for (size_t k = 0; k < h->moments; k++)
		json_number(j, NULL, r->value[k].bytes);
	json_close_array(j);
	json_open_array(j, "live_blocks");
	for (size_t k = 0; k < h->moments; k++)
		json_number(j, NULL, r->value[k].blocks);
	json_close_array(j);
}

void timeline_history_json(
	struct json_report *report, const struct history *h, struct symbols *symbols, const struct options *o)
{
	struct json *j = &report->json;
	size_t rows = options_rows(o, SIZE_MAX);

	json_open_array(j, "snapshots");
	for (size_t k = 0; k < h->moments; k++) {
		json_open_object(j, NULL);
		json_text(j, "file", h->moment[k].file);
		json_number(j, "elapsed_ns", (int64_t)h->moment[k].elapsed_ns);
		json_number(j, "live_bytes", h->moment[k].all.bytes);
		json_number(j, "live_blocks", h->moment[k].all.blocks);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "sites");
	for (size_t i = 0; i < h->count && i < rows; i++) {
		json_open_object(j, NULL);
		json_number(j, "site", h->row[i].site);
		write_values(j, h, &h->row[i]);
		json_report_stack(report, symbols, h->row[i].site);
		json_close_object(j);
	}
	json_close_array(j);
	if (!h->moments)
		return;
	json_open_object(j, "others");
	json_number(j, "sites", (int64_t)h->rest_sites);
	write_values(j, h, &h->rest);
	json_close_object(j);
}
