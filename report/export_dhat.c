/* export_dhat.c - DHAT's version 2 file, for Valgrind's dh_view.html.
 *
 * What DHAT calls a program point is a site here. Two of its fields are estimates:
 * the maximum of a site by itself is not known (mb, mbk: the larger of its values at
 * the process's peak and at the end, never more than the truth), and the sum of
 * lifetimes (tl) is made from the histogram of lifetimes and the blocks still alive.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "export.h"
#include "json_out.h"
#include "shim/ledger.h"

static json_int_t frame_index(struct intern *frames, json_t *table, const struct symbol_line *line)
{
	char *text = line->file && line->line ?
		memory_printf("0x%" PRIX64 ": %s (%s:%u)", line->address, line->function, line->file, line->line) :
		memory_printf("0x%" PRIX64 ": %s (in %s)", line->address, line->function,
			line->module ? line->module : "?");
	size_t before = frames->count;
	json_int_t index = intern_text(frames, text);

	if (frames->count != before)
		json_array_append_new(table, json_text(text));
	free(text);
	return index;
}

/* Sum of lifetimes of a view's sites, in microseconds, from histograms: the middle of each class. */
static double *lifetimes(const struct view *v)
{
	const struct snapshot *s = v->snapshot;
	double *sum = memory_get_zeroed(s->site_count + 1, sizeof(*sum));

	for (size_t i = 0; i < s->lifetime_count; i++) {
		const struct tide_bin *b = &s->lifetimes[i];

		if (b->site < s->site_count && b->class_ < LEDGER_LIFETIME_CLASSES)
			sum[b->site] += (double)b->count * 1.5 * (double)(UINT64_C(1) << (b->class_ + 9)) / 1e3;
	}
	return sum;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct point {
	int64_t of[EXPORT_MEASURES];
	double lived;		/* microseconds, of all blocks */
	json_t *frames;
};

/* The viewer refuses a file in which two points have the same frames: such sites are one point. */
static void collect(const struct export *x, double *const *lived, struct intern *frames, json_t *table,
	struct intern *stacks, struct point **out)
{
	struct point *point = memory_get_zeroed(x->count + 1, sizeof(*point));
	const struct tide_process *p = x->view[0].snapshot->process;

	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];
		json_t *list = json_array();
		char *key = memory_get(site->lines * 12 + 1), *at = key;

		*key = 0;
		for (size_t k = 0; k < site->lines; k++) {
			json_int_t index = frame_index(frames, table, &site->line[k]);

			json_array_append_new(list, json_integer(index));
			at += snprintf(at, 12, "%u,", (unsigned)index);
		}
		size_t before = stacks->count;
		struct point *to = &point[intern_text(stacks, key)];
		if (stacks->count != before)
			to->frames = list;
		else
			json_decref(list);
		free(key);
		for (unsigned m = 0; m < EXPORT_MEASURES; m++)
			to->of[m] += site->of[m];
		to->lived += lived[site->view - x->view][site->site] +
			(double)site->of[LIVE_BLOCKS] * (double)p->elapsed_ns / 2e3;
	}
	*out = point;
}

/* Takes the frames of the point. */
static json_t *json_point(struct point *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "tb", json_integer(p->of[TOTAL_BYTES]));
	json_object_set_new(o, "tbk", json_integer(p->of[TOTAL_BLOCKS]));
	json_object_set_new(o, "tl", json_integer((json_int_t)p->lived));
	json_object_set_new(o, "mb", json_integer(larger(p->of[PEAK_BYTES], p->of[LIVE_BYTES])));
	json_object_set_new(o, "mbk", json_integer(larger(p->of[PEAK_BLOCKS], p->of[LIVE_BLOCKS])));
	json_object_set_new(o, "gb", json_integer(p->of[PEAK_BYTES]));
	json_object_set_new(o, "gbk", json_integer(p->of[PEAK_BLOCKS]));
	json_object_set_new(o, "eb", json_integer(p->of[LIVE_BYTES]));
	json_object_set_new(o, "ebk", json_integer(p->of[LIVE_BLOCKS]));
	json_object_set_new(o, "fs", p->frames);
	return o;
}

int export_dhat(const struct export *x, FILE *out, struct tide_error *e)
{
	const struct tide_process *p = x->view[0].snapshot->process;
	const unsigned needed = 1u << PEAK_BYTES | 1u << PEAK_BLOCKS | 1u << TOTAL_BYTES | 1u << LIVE_BYTES;
	json_t *root, *points, *table;
	struct intern frames = { 0 }, stacks = { 0 };
	struct point *point;
	double **lived;

	if ((x->known & needed) != needed)
		return error_set(e, EXIT_UNMEASURED, "cannot write a DHAT file|peak and totals are not known for this "
			"selection|leave out thread: filters");
	root = json_object();
	points = json_array();
	table = json_array();
	lived = memory_get(x->view_count * sizeof(*lived));
	for (size_t i = 0; i < x->view_count; i++)
		lived[i] = lifetimes(&x->view[i]);
	intern_text(&frames, "[root]");
	json_array_append_new(table, json_string("[root]"));
	collect(x, lived, &frames, table, &stacks, &point);
	for (size_t i = 0; i < stacks.count; i++)
		json_array_append_new(points, json_point(&point[i]));
	free(point);
	intern_free(&stacks);
	json_object_set_new(root, "dhatFileVersion", json_integer(2));
	json_object_set_new(root, "mode", json_string("heap"));
	json_object_set_new(root, "verb", json_string("Allocated"));
	json_object_set_new(root, "bklt", json_true());
	json_object_set_new(root, "bkacc", json_false());
	json_object_set_new(root, "tu", json_string("\xc2\xb5s"));
	json_object_set_new(root, "Mtu", json_string("s"));
	json_object_set_new(root, "tuth", json_integer(10));
	json_object_set_new(root, "cmd", json_text(export_command(x)));
	json_object_set_new(root, "pid", json_integer(p->pid));
	json_object_set_new(root, "te", json_integer((json_int_t)(p->elapsed_ns / 1000)));
	json_object_set_new(root, "tg", json_integer((json_int_t)(p->peak_elapsed_ns / 1000)));
	json_object_set_new(root, "pps", points);
	json_object_set_new(root, "ftbl", table);
	json_print(root, out);
	for (size_t i = 0; i < x->view_count; i++)
		free(lived[i]);
	free(lived);
	intern_free(&frames);
	return 0;
}
