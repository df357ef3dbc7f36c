/* json_report.c - see json_report.h. */
#include <stdlib.h>
#include "json_frames.h"
#include "json_report.h"

void json_report_tool_members(struct json *j)
{
	json_text(j, "tool", "tidemark");
	json_number(j, "schema", 1);
}

void json_report_open(struct json_report *r, FILE *out)
{
	*r = (struct json_report){ .json.out = out, .frames = json_frames_new() };
	json_open_object(&r->json, NULL);
	json_report_tool_members(&r->json);
}

void json_report_close(struct json_report *r)
{
	json_close_object(&r->json);
	putc_unlocked('\n', r->json.out);
	json_frames_free(r->frames);
	free(r->line);
}

void json_report_snapshot_members(struct json *j, const struct snapshot *s, bool complete)
{
	json_number(j, "pid", s->process->pid);
	json_text(j, "exe", snapshot_string(s, s->process->exe));
	json_bool(j, "complete", complete);
	json_text(j, "reason", snapshot_reason(s->process->reason));
}

void json_report_snapshot(struct json *j, const char *name, const struct snapshot *s)
{
	json_open_object(j, name);
	json_report_snapshot_members(j, s, s->process->complete && !s->damaged);
	json_close_object(j);
}

void json_report_frame_members(struct json_report *r, const struct symbol_line *line)
{
	size_t bytes;
	const char *text = json_frames_text(r->frames, line, &bytes);

	json_written(&r->json, NULL, text, bytes);
}

void json_report_lines(
	struct json_report *r, const char *name, const struct symbol_line *const *line, size_t count)
{
	json_open_array(&r->json, name);
	for (size_t i = 0; i < count; i++) {
		json_open_object(&r->json, NULL);
		json_report_frame_members(r, line[i]);
		json_close_object(&r->json);
	}
	json_close_array(&r->json);
}

void json_report_stack_named(struct json_report *r, const char *name, struct symbols *symbols, uint32_t site)
{
	size_t count = symbols_walk(symbols, site, &r->line, &r->capacity);

	json_report_lines(r, name, r->line, count);
}

void json_report_stack(struct json_report *r, struct symbols *symbols, uint32_t site)
{
	json_report_stack_named(r, "stack", symbols, site);
}
