/* json.h - writes JSON as it comes: values go out at once, whatever the size of the report.
 *
 * Each function writes one value. `name` is its name in the object that is open, NULL in
 * an array:
 *
 *	struct json j = { .out = stdout };
 *	json_open_object(&j, NULL);
 *	json_number(&j, "blocks", 3);
 *	json_open_array(&j, "sites");
 *	json_text(&j, NULL, name);
 *	json_close_array(&j);
 *	json_close_object(&j);
 *
 * JS1  Field names and types of the contracts never change; fields are only added.
 * JS2  Any bytes make valid JSON: U+FFFD replaces each byte that is not UTF-8.
 * JS3  A write error stays in `out` (ferror), for the caller to find in the end.
 * JS4  The caller balances objects and arrays, and writes no name twice in one object.
 */
#ifndef TIDEMARK_JSON_H
#define TIDEMARK_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool follows; /* the next value follows another one, and needs a comma */
	/* "<" is written as an escape, so that nothing can end a script element; characters that are not to be seen
	 * (controls, direction marks) as the text \u{202e}. */
	bool in_html;
};

void json_open_object(struct json *j, const char *name);
void json_close_object(struct json *j);
void json_open_array(struct json *j, const char *name);
void json_close_array(struct json *j);

void json_text(struct json *j, const char *name, const char *text); /* NULL: null */
void json_number(struct json *j, const char *name, int64_t n);
void json_bool(struct json *j, const char *name, bool value);
void json_none(struct json *j, const char *name);                      /* null */
void json_address(struct json *j, const char *name, uint64_t address); /* "0x1f" */
/* A value that is JSON already, as json_frames.h keeps it. */
void json_written(struct json *j, const char *name, const char *value, size_t bytes);

#endif
