/* json_frames.h - frames of call stacks as JSON, each made once.
 *
 * Of a large report nearly all is stacks, and their lines are few: the text of a
 * line is kept, up to JSON_FRAMES_BYTES in all.
 */
#ifndef TIDEMARK_JSON_FRAMES_H
#define TIDEMARK_JSON_FRAMES_H

#include "json.h"
#include "symbol/symbol.h"

#define JSON_FRAMES_BYTES (32u << 20)

/* The members of a frame, without its braces. */
void json_frame_members(struct json *j, const struct symbol_line *line);

struct json_frames;
struct json_frames *json_frames_new(void);
void json_frames_free(struct json_frames *f);

/* The members of a frame as text, which does not end in a zero byte and is valid until the next call.
 * The line must live as long as `f`, and stay as it is. */
const char *json_frames_text(struct json_frames *f, const struct symbol_line *line, size_t *bytes);

#endif
