/* export_speedscope.c - the file format of https://www.speedscope.app: one "sampled"
 * profile for each measure, the chosen one in front. Samples are root first. */
#include <stdlib.h>

#include "error.h"
#include "export.h"
#include "json_out.h"
#include "place.h"

struct speedscope {
	struct intern keys;
	json_t *frames;
};

static json_int_t frame_index(struct speedscope *s, const struct symbol_line *line)
{
	char *key = memory_printf("%s\n%s\n%u", line->function, line->file ? line->file : "", line->line);
	size_t before = s->keys.count;
	json_int_t index = intern_text(&s->keys, key);

	free(key);
	if (s->keys.count != before) {
		json_t *frame = json_object();

		json_object_set_new(frame, "name", json_text(line->function));
		if (line->file)
			json_object_set_new(frame, "file", json_text(line->file));
		else if (line->module)
			json_object_set_new(frame, "file", json_text(place_base(line->module)));
		if (line->line)
			json_object_set_new(frame, "line", json_integer(line->line));
		json_array_append_new(s->frames, frame);
	}
	return index;
}

static json_t *profile(struct speedscope *s, const struct export *x, unsigned measure)
{
	json_t *o = json_object(), *samples = json_array(), *weights = json_array();
	int64_t total = 0;

	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];
		json_t *sample;

		if (!site->of[measure])
			continue;
		sample = json_array();
		for (size_t k = site->lines; k-- > 0; )
			json_array_append_new(sample, json_integer(frame_index(s, &site->line[k])));
		json_array_append_new(samples, sample);
		json_array_append_new(weights, json_integer(site->of[measure]));
		total += site->of[measure];
	}
	json_object_set_new(o, "type", json_string("sampled"));
	json_object_set_new(o, "name", json_string(export_measure_name(measure)));
	json_object_set_new(o, "unit", json_string(export_measure_is_bytes(measure) ? "bytes" : "none"));
	json_object_set_new(o, "startValue", json_integer(0));
	json_object_set_new(o, "endValue", json_integer(total));
	json_object_set_new(o, "samples", samples);
	json_object_set_new(o, "weights", weights);
	return o;
}

int export_speedscope(const struct export *x, FILE *out, struct tide_error *e)
{
	struct speedscope s = { .frames = json_array() };
	json_t *root = json_object(), *shared = json_object(), *profiles = json_array();

	(void)e;
	json_array_append_new(profiles, profile(&s, x, x->measure));
	for (unsigned m = 0; m < EXPORT_MEASURES; m++)
		if (m != x->measure && (x->known & 1u << m) && x->total[m])
			json_array_append_new(profiles, profile(&s, x, m));
	json_object_set_new(root, "$schema", json_string("https://www.speedscope.app/file-format-schema.json"));
	json_object_set_new(root, "name", json_text(export_command(x)));
	json_object_set_new(root, "exporter", json_string("tidemark@" TIDEMARK_VERSION));
	json_object_set_new(root, "activeProfileIndex", json_integer(0));
	json_object_set_new(shared, "frames", s.frames);
	json_object_set_new(root, "shared", shared);
	json_object_set_new(root, "profiles", profiles);
	json_print(root, out);
	intern_free(&s.keys);
	return 0;
}
