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

#include "base/alloc.h"
#include "base/units.h"
#include "base/error.h"
#include "base/intern.h"
#include "export.h"
#include "export_frames.h"
#include "print/json.h"

/* The keys are the frame table of the file, behind its root. */
static char *make_key(const struct symbol_line *line)
{
	return line->file && line->line ? alloc_printf(
		       "0x%" PRIX64 ": %s (%s:%u)", line->address, line->function, line->file, line->line)
					: alloc_printf("0x%" PRIX64 ": %s (in %s)", line->address,
						line->function, line->module ? line->module : "?");
}

/* How long a freed block of each of a view's sites lived, in microseconds: the mean of the lifetimes
 * that were measured, each in the middle of its class. Not all were, of sites with few blocks least. */
static double *average_lifetimes(const struct view *v)
{
	const struct snapshot *s = v->snapshot;
	double *mean = alloc_zeroed(s->site_count + 1, sizeof(*mean));
	double *blocks = alloc_zeroed(s->site_count + 1, sizeof(*blocks));

	for (size_t i = 0; i < s->lifetime_count; i++) {
		const struct tide_bin *b = &s->lifetimes[i];

		if (b->site >= s->site_count || b->class_ >= LIFETIME_CLASSES)
			continue;
		mean[b->site] += (double)b->count * 1.5 * (double)(UINT64_C(1) << (b->class_ + 9)) / 1e3;
		blocks[b->site] += (double)b->count;
	}
	for (size_t i = 0; i < s->site_count; i++)
		if (blocks[i] > 0)
			mean[i] /= blocks[i];
	free(blocks);
	return mean;
}

static int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

struct point {
	int64_t of[MEASURES];
	double lived; /* microseconds, of all blocks */
};

/* The viewer refuses a file in which two points have the same frames: such sites are one point.
 * The text of a point in `stacks` is its list of frames as the file has it. */
static struct point *collect_points(
	const struct export *x, double *const *lived, struct export_frames *frames, struct intern *stacks)
{
	struct point *point = alloc_zeroed(x->count + 1, sizeof(*point));
	const struct tide_process *p = x->view[0].snapshot->process;
	struct export_stack stack = { 0 };

	for (size_t i = 0; i < x->count; i++) {
		const struct export_site *site = &x->site[i];
		char *key, *at;

		export_stack(&stack, site);
		key = at = alloc_bytes(stack.lines * 12 + 1);
		*key = 0;
		for (size_t k = 0; k < stack.lines; k++)
			at += snprintf(at, 12, "%s%" PRIu32, k ? "," : "",
				export_frames_number(frames, stack.line[k]) + 1);
		struct point *to = &point[intern_text(stacks, key)];
		free(key);
		for (unsigned m = 0; m < MEASURES; m++)
			to->of[m] += site->of[m];
		to->lived += lived[site->view - x->view][site->site]
				* (double)larger(site->of[TOTAL_BLOCKS] - site->of[LIVE_BLOCKS], 0)
			+ (double)site->of[LIVE_BLOCKS] * (double)p->elapsed_ns / 2e3;
	}
	export_stack_free(&stack);
	return point;
}

static void write_point(struct json *j, const struct point *p, const char *frames)
{
	char *list = alloc_printf("[%s]", frames);

	json_open_object(j, NULL);
	json_number(j, "tb", p->of[TOTAL_BYTES]);
	json_number(j, "tbk", p->of[TOTAL_BLOCKS]);
	json_number(j, "tl", units_integer(p->lived));
	json_number(j, "mb", larger(p->of[PEAK_BYTES], p->of[LIVE_BYTES]));
	json_number(j, "mbk", larger(p->of[PEAK_BLOCKS], p->of[LIVE_BLOCKS]));
	json_number(j, "gb", p->of[PEAK_BYTES]);
	json_number(j, "gbk", p->of[PEAK_BLOCKS]);
	json_number(j, "eb", p->of[LIVE_BYTES]);
	json_number(j, "ebk", p->of[LIVE_BLOCKS]);
	json_written(j, "fs", list, strlen(list));
	json_close_object(j);
	free(list);
}

int export_dhat(const struct export *x, FILE *out, struct tide_error *e)
{
	const struct tide_process *p = x->view[0].snapshot->process;
	const unsigned needed = 1u << PEAK_BYTES | 1u << PEAK_BLOCKS | 1u << TOTAL_BYTES | 1u << LIVE_BYTES;
	struct export_frames frames = { .make_key = make_key };
	struct intern stacks = { 0 };
	struct json j = { .out = out };
	struct point *point;
	double **lived;

	if ((x->known & needed) != needed)
		return error_set(e, EXIT_UNMEASURED,
			"cannot write a DHAT file|peak and totals are not known for this "
			"selection|leave out thread: filters");
	lived = alloc_bytes(x->view_count * sizeof(*lived));
	for (size_t i = 0; i < x->view_count; i++)
		lived[i] = average_lifetimes(&x->view[i]);
	point = collect_points(x, lived, &frames, &stacks);
	json_open_object(&j, NULL);
	json_number(&j, "dhatFileVersion", 2);
	json_text(&j, "mode", "heap");
	json_text(&j, "verb", "Allocated");
	json_bool(&j, "bklt", true);
	json_bool(&j, "bkacc", false);
	json_text(&j, "tu", "\xc2\xb5s");
	json_text(&j, "Mtu", "s");
	json_number(&j, "tuth", 10);
	json_text(&j, "cmd", export_command(x));
	json_number(&j, "pid", (uint32_t)p->pid);
	json_number(&j, "te", (int64_t)(p->elapsed_ns / 1000));
	json_number(&j, "tg", (int64_t)(p->peak_elapsed_ns / 1000));
	json_open_array(&j, "pps");
	for (size_t i = 0; i < stacks.count; i++)
		write_point(&j, &point[i], stacks.text[i]);
	json_close_array(&j);
	json_open_array(&j, "ftbl");
	json_text(&j, NULL, "[root]");
	for (size_t i = 0; i < frames.keys.count; i++)
		json_text(&j, NULL, frames.keys.text[i]);
	json_close_array(&j);
	json_close_object(&j);
	putc('\n', out);
	for (size_t i = 0; i < x->view_count; i++)
		free(lived[i]);
	free(lived);
	free(point);
	intern_free(&stacks);
	export_frames_free(&frames);
	return 0;
}
