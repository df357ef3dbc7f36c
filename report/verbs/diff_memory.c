/* diff_memory.c - parts of resident memory, compared: diff_memory.h. */
#include <stdlib.h>
#include "analysis/waste.h"
#include "base/alloc.h"
#include "base/units.h"
#include "diff_memory.h"
#include "view/waste_view.h"

#define SHOWN 4u /* parts in a line */

static bool find_both(const struct snapshot *old, const struct snapshot *new, struct waste w[2])
{
	struct tide_error e = { 0 };
	int bad = waste_find(&w[0], old, &e);

	return !waste_find(&w[1], new, &e) && !bad;
}

static void free_both(struct waste w[2])
{
	waste_free(&w[0]);
	waste_free(&w[1]);
}

static int64_t change_of(const struct waste w[2], int part)
{
	return (int64_t)w[1].part[part].resident - (int64_t)w[0].part[part].resident;
}

/* "live +1.00 MiB; free, but pinned +512 KiB": the largest changes first. To free. */
static char *describe(const struct waste w[2])
{
	bool done[WASTE_PARTS] = { false };
	char *text = alloc_string(""), size[UNITS_TEXT];

	for (unsigned n = 0; n < SHOWN; n++) {
		int best = 0;
		char *longer;

		for (int i = 1; i < WASTE_PARTS; i++)
			if (!done[i] && (done[best] || llabs(change_of(w, i)) > llabs(change_of(w, best))))
				best = i;
		if (done[best] || !change_of(w, best))
			break;
		done[best] = true;
		longer = alloc_printf("%s%s%s %s", text, n ? "; " : "", waste_names_part(best),
			units_bytes_signed(size, change_of(w, best)));
		free(text);
		text = longer;
	}
	return text;
}

void diff_memory_screen(struct screen *s, const struct snapshot *old, const struct snapshot *new)
{
	struct waste w[2];
	char change[UNITS_TEXT], *parts, *line;

	if (find_both(old, new, w)) {
		parts = describe(w);
		line = alloc_printf("%s%s%s",
			units_bytes_signed(change, (int64_t)w[1].all.resident - (int64_t)w[0].all.resident),
			*parts ? ": " : "", parts);
		free(parts);
		parts = screen_fit(s, line, s->width - 9, FIT_END);
		screen_print(s, STYLE_DIM, "%-9s", "resident");
		fprintf(s->out, "%s\n", parts);
		free(parts);
		free(line);
	}
	free_both(w);
}

void diff_memory_json(struct json *j, const struct snapshot *old, const struct snapshot *new)
{
	struct waste w[2];

	if (!find_both(old, new, w)) {
		json_none(j, "resident");
		free_both(w);
		return;
	}
	json_open_object(j, "resident");
	json_number(j, "old_bytes", (int64_t)w[0].all.resident);
	json_number(j, "bytes", (int64_t)w[1].all.resident);
	json_open_array(j, "parts");
	for (int i = 0; i < WASTE_PARTS; i++) {
		json_open_object(j, NULL);
		json_text(j, "part", waste_part_name(i));
		json_number(j, "old_bytes", (int64_t)w[0].part[i].resident);
		json_number(j, "bytes", (int64_t)w[1].part[i].resident);
		json_number(j, "bytes_diff", change_of(w, i));
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
	free_both(w);
}
