/* export_json.c - every site with every measure and its whole stack, as JSON. */
#include "export.h"
#include "json_out.h"

static json_t *measures(const struct export *x, const int64_t *of)
{
	json_t *o = json_object();

	for (unsigned m = 0; m < EXPORT_MEASURES; m++)
		if (x->known & 1u << m)
			json_object_set_new(o, export_measure_name(m), json_integer(of[m]));
	return o;
}

int export_json(const struct export *x, FILE *out, struct tide_error *e)
{
	struct json_stream stream;
	struct export_stack stack = { 0 };
	json_t *head = json_report(x->view_count == 1 ? x->view[0].snapshot : NULL), *list = json_array();

	(void)e;
	for (size_t i = 0; i < x->view_count; i++)
		json_array_append_new(list, json_snapshot(x->view[i].snapshot));
	json_object_set_new(head, "snapshots", list);
	json_object_set_new(head, "totals", measures(x, x->total));
	json_stream_begin(&stream, out, head, "records");
	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];
		json_t *record = measures(x, site->of);

		if (x->view_count > 1)
			json_object_set_new(record, "processes", json_integer(site->processes));
		else
			json_object_set_new(record, "site", json_integer(site->site));
		export_stack(&stack, site);
		json_stream_record_lines(&stream, record, stack.line, stack.lines);
	}
	export_stack_free(&stack);
	json_stream_end(&stream);
	return 0;
}
