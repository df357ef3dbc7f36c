/* export_speedscope.c - the file format of https://www.speedscope.app: one "sampled"
 * profile for each measure, the chosen one in front. Samples are root first.
 *
 * Written as it is made: of a large program the samples are nearly all of the file. The
 * stacks are numbered once, and each profile refers to them by number.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/error.h"
#include "base/intern.h"
#include "base/path.h"
#include "base/version.h"
#include "export.h"
#include "print/json.h"
#include "print/options.h"

struct speedscope {
	const struct export *x;
	struct json json;
	struct intern keys;
	const struct symbol_line **frame; /* of each number */
	size_t capacity;
	uint32_t *number; /* of all stacks, one after the other */
	size_t *first;    /* by site, and one more: where its stack begins in `number` */
};

static uint32_t number_frame(struct speedscope *s, const struct symbol_line *line)
{
	char *key = alloc_printf("%s\n%s\n%u", line->function, line->file ? line->file : "", line->line);
	uint32_t index = intern_text(&s->keys, key);

	free(key);
	ARRAY_RESERVE(s->frame, s->capacity, s->keys.count);
	if (index + 1 == s->keys.count)
		s->frame[index] = line;
	return index;
}

static void number_stacks(struct speedscope *s)
{
	struct export_stack stack = { 0 };
	size_t used = 0, capacity = 0;

	s->first = alloc_bytes((s->x->count + 1) * sizeof(*s->first));
	for (size_t i = 0; i < s->x->count; i++) {
		export_stack(&stack, &s->x->site[i]);
		ARRAY_RESERVE(s->number, capacity, used + stack.lines);
		s->first[i] = used;
		for (size_t k = stack.lines; k-- > 0;)
			s->number[used++] = number_frame(s, stack.line[k]);
	}
	s->first[s->x->count] = used;
	export_stack_free(&stack);
}

static void write_frames(struct speedscope *s)
{
	struct json *j = &s->json;

	json_open_object(j, "shared");
	json_open_array(j, "frames");
	for (size_t i = 0; i < s->keys.count; i++) {
		const struct symbol_line *line = s->frame[i];

		json_open_object(j, NULL);
		json_text(j, "name", line->function);
		if (line->file || line->module)
			json_text(j, "file", line->file ? line->file : path_base(line->module));
		if (line->line)
			json_number(j, "line", line->line);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_profile(struct speedscope *s, unsigned measure)
{
	const struct export *x = s->x;
	struct json *j = &s->json;

	json_open_object(j, NULL);
	json_text(j, "type", "sampled");
	json_text(j, "name", view_measure_name(measure));
	json_text(j, "unit", view_measure_is_bytes(measure) ? "bytes" : "none");
	json_number(j, "startValue", 0);
	json_number(j, "endValue", x->total[measure]);
	json_open_array(j, "samples");
	for (size_t i = 0; i < x->count; i++) {
		if (!x->site[i].of[measure])
			continue;
		json_open_array(j, NULL);
		for (size_t k = s->first[i]; k < s->first[i + 1]; k++)
			json_number(j, NULL, s->number[k]);
		json_close_array(j);
	}
	json_close_array(j);
	json_open_array(j, "weights");
	for (size_t i = 0; i < x->count; i++)
		if (x->site[i].of[measure])
			json_number(j, NULL, x->site[i].of[measure]);
	json_close_array(j);
	json_close_object(j);
}

int export_speedscope(const struct export *x, FILE *out, struct tide_error *e)
{
	struct speedscope s = { .x = x, .json.out = out };
	struct json *j = &s.json;

	(void)e;
	number_stacks(&s);
	json_open_object(j, NULL);
	json_text(j, "$schema", "https://www.speedscope.app/file-format-schema.json");
	json_text(j, "name", export_command(x));
	json_text(j, "exporter", "tidemark@" TIDEMARK_VERSION);
	json_number(j, "activeProfileIndex", 0);
	write_frames(&s);
	json_open_array(j, "profiles");
	write_profile(&s, x->measure);
	for (unsigned m = 0; m < MEASURES; m++)
		if (m != x->measure && (x->known & 1u << m) && x->total[m])
			write_profile(&s, m);
	json_close_array(j);
	json_close_object(j);
	putc('\n', out);
	intern_free(&s.keys);
	free(s.frame);
	free(s.number);
	free(s.first);
	return 0;
}
