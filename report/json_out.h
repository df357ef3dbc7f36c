/* json_out.h - the JSON contract of every verb, on top of jansson.
 *
 * J1  Field names and types never change; fields are only added.
 * J2  Text that is not UTF-8 (a path, a symbol) is written with U+FFFD for each
 *     bad byte: no record is lost to it.
 * J3  Functions return a new reference; nobody checks for NULL (out of memory
 *     ends the command).
 */
#ifndef TIDEMARK_JSON_OUT_H
#define TIDEMARK_JSON_OUT_H

#include <jansson.h>
#include <stdio.h>
#include "snapshot.h"
#include "symbol.h"

/* {"tool","schema","snapshot":{...}}: the object every verb adds its fields to. */
json_t *json_report(const struct snapshot *s);

/* {"pid","exe","complete","reason"} */
json_t *json_snapshot(const struct snapshot *s);

/* Array of frames, innermost first, from the first line on (wrappers included). */
json_t *json_stack(struct symbols *symbols, uint32_t site);
json_t *json_frame(const struct symbol_line *line);

/* Any bytes as a JSON string (J2); NULL gives null. */
json_t *json_text(const char *text);
/* "0x1f" */
json_t *json_address(uint64_t address);

/* Writes `root` (taken over) and a newline. */
void json_print(json_t *root, FILE *out);

/* For reports whose records would not fit in memory as one tree: writes `head`
 * (taken over) and opens its array `name`; then each record (taken over) as it
 * comes; then closes both and ends the line. */
struct json_stream {
	FILE *out;
	size_t records;
	struct json_frames *frames;
	const struct symbol_line **line;	/* scratch */
	size_t room;
};
void json_stream_begin(struct json_stream *stream, FILE *out, json_t *head, const char *name);
void json_stream_record(struct json_stream *stream, json_t *record);
/* The same with the stack of a site as its last field, written without a tree of
 * objects: of large reports stacks are nearly all. */
void json_stream_record_stack(struct json_stream *stream, json_t *record, struct symbols *symbols,
	uint32_t site);
/* The same with fields on both sides of the stack. */
void json_stream_record_around(struct json_stream *stream, json_t *before, struct symbols *symbols,
	uint32_t site, json_t *after);
void json_stream_record_lines(struct json_stream *stream, json_t *record,
	const struct symbol_line *const *line, size_t count);
void json_stream_end(struct json_stream *stream);

/* Pieces of JSON that go out as they come: a text (J2), a frame. */
void json_write_text(FILE *out, const char *text);
void json_write_frame(FILE *out, const struct symbol_line *line);

/* One field of a CSV row, quoted where RFC 4180 wants it. */
void csv_text(FILE *out, const char *text);

#endif
