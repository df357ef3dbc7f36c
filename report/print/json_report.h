/* json_report.h - what the JSON of all verbs has in common: the head, the snapshot, stacks.
 *
 *	struct json_report r;
 *	json_report_open(&r, stdout);
 *	json_report_snapshot(&r.json, "snapshot", snapshot);
 *	json_open_array(&r.json, "records");
 *	...
 *	json_close_array(&r.json);
 *	json_report_close(&r);
 */
#ifndef TIDEMARK_JSON_REPORT_H
#define TIDEMARK_JSON_REPORT_H

#include "json.h"
#include "model/snapshot.h"
#include "symbol/symbol.h"

struct json_report {
	struct json json;
	struct json_frames *frames;
	const struct symbol_line **line; /* scratch of stacks */
	size_t capacity;
};

/* The members "tool" and "schema", with which every report begins. */
void json_report_tool_members(struct json *j);

/* Opens the object, and writes these. */
void json_report_open(struct json_report *r, FILE *out);
/* Closes it and ends the line. */
void json_report_close(struct json_report *r);

/* {"pid","exe","complete","reason"} */
void json_report_snapshot(struct json *j, const char *name, const struct snapshot *s);
/* Its members, where others follow them; `complete`: of this report. */
void json_report_snapshot_members(struct json *j, const struct snapshot *s, bool complete);

/* The member "stack": frames, innermost first, wrappers of the allocator included. Of a site; or lines. */
void json_report_stack(struct json_report *r, struct symbols *symbols, uint32_t site);
void json_report_stack_named(struct json_report *r, const char *name, struct symbols *symbols, uint32_t site);
void json_report_lines(
	struct json_report *r, const char *name, const struct symbol_line *const *line, size_t count);
/* The members of a frame in the object that is open. */
void json_report_frame_members(struct json_report *r, const struct symbol_line *line);

#endif
