/* export_speedscope.c - the file format of https://www.speedscope.app: one "sampled"
 * profile for each measure, the chosen one in front. Samples are root first.
 *
 * Written as it is made: of a large program the samples are nearly all of the file. The
 * stacks are numbered once, and stand in each profile as numbers.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "error.h"
#include "export.h"
#include "json_out.h"
#include "place.h"

struct speedscope {
	const struct export *x;
	FILE *out;
	struct intern keys;
	const struct symbol_line **frame;	/* of each number */
	size_t room;
	uint32_t *number;	/* of all stacks, one after the other */
	size_t *first;		/* by site, and one more: where its stack begins in `number` */
};

static uint32_t frame_index(struct speedscope *s, const struct symbol_line *line)
{
	char *key = memory_printf("%s\n%s\n%u", line->function, line->file ? line->file : "", line->line);
	uint32_t index = intern_text(&s->keys, key);

	free(key);
	if (s->keys.count > s->room) {
		s->room = s->room ? s->room * 2 : 1024;
		s->frame = memory_resize(s->frame, s->room * sizeof(*s->frame));
	}
	if (index + 1 == s->keys.count)
		s->frame[index] = line;
	return index;
}

static void number_stacks(struct speedscope *s)
{
	struct export_stack stack = { 0 };
	size_t used = 0, room = 0;

	s->first = memory_get((s->x->count + 1) * sizeof(*s->first));
	for (size_t i = 0; i < s->x->count; i++) {
		export_stack(&stack, &s->x->site[i]);
		if (used + stack.lines > room) {
			room = (used + stack.lines) * 2;
			s->number = memory_resize(s->number, room * sizeof(*s->number));
		}
		s->first[i] = used;
		for (size_t k = stack.lines; k-- > 0; )
			s->number[used++] = frame_index(s, stack.line[k]);
	}
	s->first[s->x->count] = used;
	export_stack_free(&stack);
}

static void write_frames(const struct speedscope *s)
{
	for (size_t i = 0; i < s->keys.count; i++) {
		const struct symbol_line *line = s->frame[i];

		fprintf(s->out, "%s{\"name\":", i ? "," : "");
		json_write_text(s->out, line->function);
		if (line->file || line->module) {
			fputs(",\"file\":", s->out);
			json_write_text(s->out, line->file ? line->file : place_base(line->module));
		}
		if (line->line)
			fprintf(s->out, ",\"line\":%u", line->line);
		fputc('}', s->out);
	}
}

static void write_profile(const struct speedscope *s, unsigned measure)
{
	const struct export *x = s->x;
	const char *between = "";

	fprintf(s->out, "{\"type\":\"sampled\",\"name\":\"%s\",\"unit\":\"%s\",\"startValue\":0,\"endValue\":%" PRId64
		",\"samples\":[", export_measure_name(measure), export_measure_is_bytes(measure) ? "bytes" : "none",
		x->total[measure]);
	for (size_t i = 0; i < x->count; i++) {
		if (!x->site[i].of[measure])
			continue;
		fprintf(s->out, "%s[", between);
		for (size_t k = s->first[i]; k < s->first[i + 1]; k++)
			fprintf(s->out, "%s%" PRIu32, k > s->first[i] ? "," : "", s->number[k]);
		fputc(']', s->out);
		between = ",";
	}
	fputs("],\"weights\":[", s->out);
	between = "";
	for (size_t i = 0; i < x->count; i++)
		if (x->site[i].of[measure]) {
			fprintf(s->out, "%s%" PRId64, between, x->site[i].of[measure]);
			between = ",";
		}
	fputs("]}", s->out);
}

int export_speedscope(const struct export *x, FILE *out, struct tide_error *e)
{
	struct speedscope s = { .x = x, .out = out };

	(void)e;
	number_stacks(&s);
	fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\"name\":", out);
	json_write_text(out, export_command(x));
	fputs(",\"exporter\":\"tidemark@" TIDEMARK_VERSION "\",\"activeProfileIndex\":0,\"shared\":{\"frames\":[", out);
	write_frames(&s);
	fputs("]},\"profiles\":[", out);
	write_profile(&s, x->measure);
	for (unsigned m = 0; m < EXPORT_MEASURES; m++)
		if (m != x->measure && (x->known & 1u << m) && x->total[m]) {
			fputc(',', out);
			write_profile(&s, m);
		}
	fputs("]}\n", out);
	intern_free(&s.keys);
	free(s.frame);
	free(s.number);
	free(s.first);
	return 0;
}
