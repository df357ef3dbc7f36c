/* export_speedscope.c - the file format of https://www.speedscope.app: one "sampled"
 * profile for each measure, the chosen one in front. Samples are root first.
 *
 * Written as it is made: of a large program the samples are nearly all of the file. A frame is a
 * function, without the line of the call: speedscope adds up what has one number. Sites whose stacks
 * are then the same are one sample, and samples with the same callers are neighbours, so that they
 * are one box in the order of the file, too (speedscope's "Time Order").
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/error.h"
#include "base/path.h"
#include "base/version.h"
#include "export.h"
#include "export_frames.h"
#include "print/json.h"
#include "print/options.h"

struct speedscope {
	const struct export *x;
	struct json json;
	struct export_frames frames;
	uint32_t *number; /* of all stacks, one after the other */
	size_t *first;    /* by site, and one more: where its stack begins in `number` */
	uint32_t *order;  /* the sites by their stacks */
};

static const char *find_file(const struct symbol_line *line)
{
	return line->file ? line->file : line->module ? path_base(line->module) : NULL;
}

static char *make_key(const struct symbol_line *line)
{
	const char *file = find_file(line);

	return alloc_printf("%s\n%s", line->function, file ? file : "");
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
			s->number[used++] = export_frames_number(&s->frames, stack.line[k]);
	}
	s->first[s->x->count] = used;
	export_stack_free(&stack);
}

/* Frames have numbers by their largest site: what is large comes first. */
static int compare_stacks(const void *x, const void *y, void *arg)
{
	const struct speedscope *s = arg;
	uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
	const uint32_t *i = s->number + s->first[a], *j = s->number + s->first[b];
	const uint32_t *last_i = s->number + s->first[a + 1], *last_j = s->number + s->first[b + 1];

	for (; i < last_i && j < last_j; i++, j++)
		if (*i != *j)
			return *i < *j ? -1 : 1;
	return (i < last_i) - (j < last_j);
}

static void sort_stacks(struct speedscope *s)
{
	s->order = alloc_bytes((s->x->count + 1) * sizeof(*s->order));
	for (size_t i = 0; i < s->x->count; i++)
		s->order[i] = (uint32_t)i;
	qsort_r(s->order, s->x->count, sizeof(*s->order), compare_stacks, s);
}

/* What the sites with the stack of order[i] have together; moves `i` behind them. */
static int64_t add_stack(struct speedscope *s, unsigned measure, size_t *i)
{
	const uint32_t *first = &s->order[*i];
	int64_t sum = 0;

	do
		view_add(&sum, s->x->site[s->order[(*i)++]].of[measure]);
	while (*i < s->x->count && !compare_stacks(first, &s->order[*i], s));
	return sum;
}

static void write_frames(struct speedscope *s)
{
	struct json *j = &s->json;

	json_open_object(j, "shared");
	json_open_array(j, "frames");
	for (size_t i = 0; i < s->frames.keys.count; i++) {
		const struct symbol_line *line = s->frames.first[i];
		const char *file = find_file(line);

		json_open_object(j, NULL);
		json_text(j, "name", line->function);
		if (file)
			json_text(j, "file", file);
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
	for (size_t i = 0; i < x->count;) {
		uint32_t site = s->order[i];

		if (!add_stack(s, measure, &i))
			continue;
		json_open_array(j, NULL);
		for (size_t k = s->first[site]; k < s->first[site + 1]; k++)
			json_number(j, NULL, s->number[k]);
		json_close_array(j);
	}
	json_close_array(j);
	json_open_array(j, "weights");
	for (size_t i = 0; i < x->count;) {
		int64_t weight = add_stack(s, measure, &i);

		if (weight)
			json_number(j, NULL, weight);
	}
	json_close_array(j);
	json_close_object(j);
}

int export_speedscope(const struct export *x, FILE *out, struct tide_error *e)
{
	struct speedscope s = { .x = x, .json.out = out, .frames.make_key = make_key };
	struct json *j = &s.json;

	(void)e;
	number_stacks(&s);
	sort_stacks(&s);
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
	export_frames_free(&s.frames);
	free(s.number);
	free(s.first);
	free(s.order);
	return 0;
}
