/* export_json.c - every site with every measure and its full stack, as JSON: stacks are numbers of
 * the frames behind the records, which of a large program would be nearly all of the file. */
#include "base/alloc.h"
#include "export.h"
#include "export_frames.h"
#include "print/json_report.h"

static void write_measures(struct json *j, const struct export *x, const int64_t *of)
{
	for (unsigned m = 0; m < MEASURES; m++)
		if (x->known & 1u << m)
			json_number(j, view_measure_name(m), of[m]);
}

/* All that a frame shows. */
static char *make_key(const struct symbol_line *line)
{
	return alloc_printf("%s\n%s\n%u\n%s\n%llx %d %s %u %s", line->function, line->file ? line->file : "",
		line->line, line->module ? line->module : "", (unsigned long long)line->address,
		line->inlined, line->language, line->interpreter, line->qualified ? line->qualified : "");
}

int export_json(const struct export *x, FILE *out, struct tide_error *e)
{
	struct export_frames frames = { .make_key = make_key };
	struct export_stack stack = { 0 };
	struct json_report report;
	struct json *j = &report.json;

	(void)e;
	json_report_open(&report, out);
	if (x->view_count == 1)
		json_report_snapshot(j, "snapshot", x->view[0].snapshot);
	json_open_array(j, "snapshots");
	for (size_t i = 0; i < x->view_count; i++)
		json_report_snapshot(j, NULL, x->view[i].snapshot);
	json_close_array(j);
	json_open_object(j, "totals");
	write_measures(j, x, x->total);
	json_close_object(j);
	json_open_array(j, "records");
	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];

		json_open_object(j, NULL);
		write_measures(j, x, site->of);
		if (x->view_count > 1)
			json_number(j, "processes", site->processes);
		else
			json_number(j, "site", site->site);
		export_stack(&stack, site);
		json_open_array(j, "stack");
		for (size_t k = 0; k < stack.lines; k++)
			json_number(j, NULL, export_frames_number(&frames, stack.line[k]));
		json_close_array(j);
		json_close_object(j);
	}
	json_close_array(j);
	json_report_lines(&report, "frames", frames.first, frames.keys.count);
	json_report_close(&report);
	export_frames_free(&frames);
	export_stack_free(&stack);
	return 0;
}
