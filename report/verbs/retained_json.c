/* retained_json.c - `retained` as JSON. */
#include <stdio.h>
#include <stdlib.h>
#include "analysis/sharing.h"
#include "model/root_kinds.h"
#include "print/json_report.h"
#include "retained_command.h"

static void write_json_row(
	struct json_report *report, struct retained_command *t, const struct retained_row *r)
{
	struct json *j = &report->json;
	char *name = retained_rows_name(t, r), *way = retained_way_text(t, r);

	json_open_object(j, NULL);
	json_text(j, "kind", retained_rows_kind[r->kind]);
	json_text(j, "root",
		r->kind == RETAINED_ROOT ? root_kind_name(t->snapshot.roots[r->which].kind) : NULL);
	json_text(j, "name", name);
	if (r->kind == RETAINED_BLOCK || r->kind == RETAINED_MODULE || r->kind == RETAINED_VARIABLE)
		json_address(j, "address", t->snapshot.blocks[r->which].address);
	else
		json_none(j, "address");
	json_text(j, "type", retained_way_type(t, r));
	if (!retained_rows_have_site(r)) {
		json_none(j, "site");
		json_open_array(j, "stack");
		json_close_array(j);
	} else {
		json_number(j, "site", retained_rows_site(t, r));
		json_report_stack(report, t->symbols, retained_rows_site(t, r));
	}
	json_number(j, "blocks", (int64_t)r->own.blocks);
	json_number(j, "bytes", (int64_t)r->own.bytes);
	json_number(j, "retained_blocks", (int64_t)r->retained.blocks);
	json_number(j, "retained_bytes", (int64_t)r->retained.bytes);
	if (r->kind == RETAINED_VARIABLE || r->kind == RETAINED_BLOCK)
		json_text(j, "through", way);
	if (t->a->old_file) {
		json_number(j, "retained_blocks_diff", r->grown_blocks);
		json_number(j, "retained_bytes_diff", r->grown_bytes);
	}
	json_close_object(j);
	free(way);
	free(name);
}

static void write_sharing(struct json *j, const struct retained_command *t)
{
	struct sharing h;

	sharing_find(&h, &t->retained);
	json_open_object(j, "shared");
	json_number(j, "blocks", (int64_t)h.sum.blocks);
	json_number(j, "bytes", (int64_t)h.sum.bytes);
	json_open_array(j, "roots");
	for (size_t i = 0; i < h.count; i++) {
		json_open_object(j, NULL);
		json_text(j, "root", root_kind_name(t->snapshot.roots[h.root[i]].kind));
		json_text(j, "name", symbols_root(t->symbols, h.root[i]));
		json_number(j, "blocks", (int64_t)h.part[i].blocks);
		json_number(j, "bytes", (int64_t)h.part[i].bytes);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

void retained_json(struct retained_command *t)
{
	size_t rows = options_rows(&t->a->common, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", &t->snapshot);
	if (t->a->drop) {
		json_open_object(j, "drop");
		json_number(j, "blocks", (int64_t)t->drop.blocks);
		json_number(j, "bytes", (int64_t)t->drop.bytes);
		json_number(j, "own_blocks", (int64_t)t->drop_own.blocks);
		json_number(j, "own_bytes", (int64_t)t->drop_own.bytes);
		json_close_object(j);
	}
	if (t->by[RETAINED_ROOT] && !t->a->old_file)
		write_sharing(j, t);
	json_open_array(j, "records");
	for (size_t i = 0; i < t->count && i < rows; i++)
		write_json_row(&report, t, &t->rows[i]);
	json_close_array(j);
	json_report_close(&report);
}
