/* types_native.c - the native half of `types`. */
#include "base/units.h"
#include "print/json_report.h"
#include "print/table.h"
#include "types_command.h"

#define SCREEN_ROWS 20

static void write_row(
	struct json_report *report, const struct types_command *c, const struct native_types_row *r)
{
	struct json *j = &report->json;

	json_open_object(j, NULL);
	json_text(j, "type", r->type);
	json_text(j, "language", r->language);
	json_number(j, "blocks", (int64_t)r->blocks);
	json_number(j, "bytes", (int64_t)r->bytes);
	json_number(j, "retained_bytes", (int64_t)r->retained_bytes);
	json_number(j, "lost_blocks", (int64_t)r->lost_blocks);
	json_open_object(j, "evidence");
	for (int i = EVIDENCE_VTABLE; i < EVIDENCE_HEADER; i++)
		json_number(j, block_types_evidence((enum tide_evidence)i), (int64_t)r->evidence[i]);
	json_close_object(j);
	json_open_array(j, "held_by");
	for (size_t i = 0; i < NATIVE_TYPES_FIELDS && r->held_by[i].blocks; i++) {
		json_open_object(j, NULL);
		json_text(j, "field", r->held_by[i].field);
		json_number(j, "blocks", (int64_t)r->held_by[i].blocks);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "stacks");
	for (size_t i = 0; i < NATIVE_TYPES_SITES && r->site[i].blocks; i++) {
		json_open_object(j, NULL);
		json_number(j, "blocks", (int64_t)r->site[i].blocks);
		json_report_stack(report, c->symbols, r->site[i].site);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

void types_native_json(struct json_report *report, const struct types_command *c)
{
	const struct native_types *n = &c->native;
	size_t rows = options_rows(&c->common, SIZE_MAX);
	struct json *j = &report->json;

	json_open_object(j, "native");
	json_open_object(j, "coverage");
	json_number(j, "blocks", (int64_t)n->blocks);
	json_number(j, "bytes", (int64_t)n->bytes);
	json_number(j, "typed_blocks", (int64_t)n->typed_blocks);
	json_number(j, "typed_bytes", (int64_t)n->typed_bytes);
	json_close_object(j);
	json_open_array(j, "types");
	for (size_t i = 0; i < n->row_count && i < rows; i++)
		write_row(report, c, &n->row[i]);
	json_close_array(j);
	json_close_object(j);
}

/* The evidence that most blocks of a row have. */
static const char *main_evidence(const struct native_types_row *r)
{
	static const char *const name[NATIVE_TYPES_EVIDENCE] = { [EVIDENCE_NONE] = "",
		[EVIDENCE_VTABLE] = "vtable",
		[EVIDENCE_CALL_SITE] = "call",
		[EVIDENCE_ALLOCATOR_FRAME] = "allocator",
		[EVIDENCE_POINTER] = "pointers",
		[EVIDENCE_SHAPE] = "shape",
		[EVIDENCE_HEADER] = "header" };
	int most = EVIDENCE_NONE;

	for (int i = 0; i < (int)NATIVE_TYPES_EVIDENCE; i++)
		if (r->evidence[i] > r->evidence[most])
			most = i;
	return name[most];
}

void types_native_screen(struct screen *s, const struct types_command *c)
{
	static const struct column columns[] = {
		{ "bytes", COLUMN_RIGHT, false },
		{ "blocks", COLUMN_RIGHT, false },
		{ "retains", COLUMN_RIGHT, true },
		{ "lost", COLUMN_RIGHT, true },
		{ "", COLUMN_BAR, true },
		{ "known by", COLUMN_LEFT, true },
		{ "type", COLUMN_FIT, false },
	};
	const struct native_types *n = &c->native;
	size_t rows = options_rows(&c->common, SCREEN_ROWS);
	char text[UNITS_TEXT], all[UNITS_TEXT], share[UNITS_TEXT];
	struct table *t;

	if (!s->quiet)
		screen_print(s, STYLE_HEADING, "%s of %s in native blocks%s have a known type\n",
			units_percent(share, (double)n->typed_bytes, (double)n->bytes),
			units_bytes(all, (int64_t)n->bytes),
			c->snapshot.python_object_count ? " outside objects of Python" : "");
	if (!n->row_count) {
		screen_hint(
			s, "Types come from vtables, from debug information (-g) and from lines of source.");
		return;
	}
	t = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), c->common.source_root);
	for (size_t i = 0; i < n->row_count && i < rows; i++) {
		const struct native_types_row *r = &n->row[i];

		table_text(t, STYLE_STRONG, "%s", units_bytes(text, (int64_t)r->bytes));
		table_text(t, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->blocks));
		table_text(t, STYLE_PLAIN, "%s", units_bytes(text, (int64_t)r->retained_bytes));
		table_text(t, r->lost_blocks ? STYLE_BAD : STYLE_DIM, "%s",
			r->lost_blocks ? units_count(text, (int64_t)r->lost_blocks) : "-");
		table_bar(t, (double)r->bytes / (double)(n->row[0].bytes ? n->row[0].bytes : 1));
		table_text(t, STYLE_DIM, "%s", main_evidence(r));
		table_text(t, STYLE_NAME, "%s", r->type);
		if (r->held_by[0].blocks)
			table_note(t, STYLE_DIM, "held by %s%s%s", r->held_by[0].field,
				r->held_by[1].blocks ? ", " : "",
				r->held_by[1].blocks ? r->held_by[1].field : "");
	}
	table_show(t);
	if (n->row_count > rows)
		screen_hint(s, "%s more: -n all", units_count(text, (int64_t)(n->row_count - rows)));
}
