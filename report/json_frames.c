/* json_frames.c - see json_frames.h. */
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "json_frames.h"
#include "json_out.h"

struct slot { const struct symbol_line *line; uint32_t at, bytes; };

struct json_frames {
	struct slot *slot;		/* open addressing by the line's address; a power of two */
	size_t slots, count;
	char *kept;
	size_t kept_bytes, kept_room;
	char *text;			/* of the last line; memory of `out` */
	size_t text_bytes;
	FILE *out;
};

struct json_frames *json_frames_new(void)
{
	struct json_frames *f = memory_get_zeroed(1, sizeof(*f));

	f->slots = 4096;
	f->slot = memory_get_zeroed(f->slots, sizeof(*f->slot));
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
	free(f->slot);
	free(f);
}

static struct slot *slot_of(const struct json_frames *f, const struct symbol_line *line)
{
	size_t at = (size_t)(((uintptr_t)line >> 3) * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (f->slots - 1);

	while (f->slot[at].line && f->slot[at].line != line)
		at = (at + 1) & (f->slots - 1);
	return &f->slot[at];
}

static void grow(struct json_frames *f)
{
	struct slot *old = f->slot;
	size_t n = f->slots;

	f->slots *= 2;
	f->slot = memory_get_zeroed(f->slots, sizeof(*f->slot));
	for (size_t i = 0; i < n; i++)
		if (old[i].line)
			*slot_of(f, old[i].line) = old[i];
	free(old);
}

const char *json_frames_text(struct json_frames *f, const struct symbol_line *line, size_t *bytes)
{
	struct slot *s = slot_of(f, line);

	if (s->line) {
		*bytes = s->bytes;
		return f->kept + s->at;
	}
	*bytes = 0;
	if (!f->out)
		return "";
	rewind(f->out);
	json_write_frame(f->out, line);
	fflush(f->out);
	*bytes = f->text_bytes;
	if (f->kept_bytes + *bytes > JSON_FRAMES_BYTES)
		return f->text;
	if (f->kept_bytes + *bytes > f->kept_room) {
		f->kept_room = (f->kept_bytes + *bytes) * 2;
		f->kept = memory_resize(f->kept, f->kept_room);
	}
	memcpy(f->kept + f->kept_bytes, f->text, *bytes);
	*s = (struct slot){ line, (uint32_t)f->kept_bytes, (uint32_t)*bytes };
	f->kept_bytes += *bytes;
	if (++f->count * 2 > f->slots)
		grow(f);
	return f->text;
}
