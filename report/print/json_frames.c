/* json_frames.c - see json_frames.h. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/index.h"
#include "json_frames.h"

struct kept_frame {
	const struct symbol_line *line;
	uint32_t at, bytes; /* of its text in `kept` */
};

struct json_frames {
	struct kept_frame *frame;
	uint32_t count, capacity;
	struct index index; /* of frames, by the address of the line */
	char *kept;
	size_t kept_bytes, kept_capacity;
	char *text; /* of the last line; memory of `out` */
	size_t text_bytes;
	FILE *out;
};

void json_frame_members(struct json *j, const struct symbol_line *line)
{
	json_text(j, "function", line->function);
	json_text(j, "file", line->file);
	json_number(j, "line", line->line);
	json_text(j, "module", line->module);
	if (line->python)
		json_none(j, "address");
	else
		json_address(j, "address", line->address);
	json_bool(j, "inlined", line->inlined);
	json_text(j, "language", line->language);
	if (line->interpreter)
		json_number(j, "interpreter", line->interpreter);
	if (line->qualified)
		json_text(j, "qualified", line->qualified);
}

struct json_frames *json_frames_new(void)
{
	struct json_frames *f = alloc_zeroed(1, sizeof(*f));

	f->out = open_memstream(&f->text, &f->text_bytes);
	return f;
}

void json_frames_free(struct json_frames *f)
{
	if (!f)
		return;
	if (f->out)
		fclose(f->out);
	free(f->text);
	free(f->kept);
	free(f->frame);
	index_free(&f->index);
	free(f);
}

const char *json_frames_text(struct json_frames *f, const struct symbol_line *line, size_t *bytes)
{
	uint64_t hash = index_hash((uintptr_t)line);
	struct json j = { .out = f->out };

	INDEX_EACH(&f->index, hash, probe)
	if (f->frame[probe.number].line == line) {
		*bytes = f->frame[probe.number].bytes;
		return f->kept + f->frame[probe.number].at;
	}
	*bytes = 0;
	if (!f->out)
		return "";
	rewind(f->out);
	json_frame_members(&j, line);
	fflush(f->out);
	*bytes = f->text_bytes;
	if (f->kept_bytes + *bytes > JSON_FRAMES_BYTES)
		return f->text;
	ARRAY_RESERVE(f->kept, f->kept_capacity, f->kept_bytes + *bytes);
	memcpy(f->kept + f->kept_bytes, f->text, *bytes);
	index_add(&f->index, hash, f->count);
	*ARRAY_ADD(f->frame, f->count, f->capacity) =
		(struct kept_frame){ line, (uint32_t)f->kept_bytes, (uint32_t)*bytes };
	f->kept_bytes += *bytes;
	return f->text;
}
