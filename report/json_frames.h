/* json_frames.h - frames as JSON text, each made once.
 *
 * Of a large report nearly all is stacks, and their lines are few: the text of a
 * line is kept, up to JSON_FRAMES_BYTES in all.
 */
#ifndef TIDEMARK_JSON_FRAMES_H
#define TIDEMARK_JSON_FRAMES_H

#include <stdio.h>
#include "symbol.h"

#define JSON_FRAMES_BYTES (32u << 20)

struct json_frames;
struct json_frames *json_frames_new(void);
void json_frames_free(struct json_frames *f);

/* The text of json_write_frame; not terminated, and valid until the next call. The
 * line must live as long as `f`, and stay as it is. */
const char *json_frames_text(struct json_frames *f, const struct symbol_line *line, size_t *bytes);

#endif
