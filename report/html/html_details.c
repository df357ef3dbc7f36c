/* html_details.c - what the report says of the process: its head, timeline, histograms, threads. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/path.h"
#include "base/version.h"
#include "print/header.h"
#include "html.h"
#include "print/info.h"
#include "print/json_report.h"

static int64_t point_time(const void *p) { return (int64_t)((const struct tide_point *)p)->elapsed_ns; }
static int64_t point_live(const void *p) { return ((const struct tide_point *)p)->live_bytes; }
static int64_t point_blocks(const void *p) { return ((const struct tide_point *)p)->live_blocks; }
static int64_t point_rss(const void *p) { return (int64_t)((const struct tide_point *)p)->rss_bytes; }
static int64_t point_private(const void *p) { return (int64_t)((const struct tide_point *)p)->private_bytes; }
static int64_t point_total(const void *p) { return (int64_t)((const struct tide_point *)p)->total_blocks; }

static void write_timeline(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	const size_t stride = sizeof(*s->timeline);

	html_column(h, "time_ns", s->timeline, s->point_count, stride, point_time);
	html_column(h, "time_live_bytes", s->timeline, s->point_count, stride, point_live);
	html_column(h, "time_live_blocks", s->timeline, s->point_count, stride, point_blocks);
	html_column(h, "time_rss_bytes", s->timeline, s->point_count, stride, point_rss);
	html_column(h, "time_private_bytes", s->timeline, s->point_count, stride, point_private);
	html_column(h, "time_total_blocks", s->timeline, s->point_count, stride, point_total);
}

/* The rows of `stat --by size`, age and thread. */
static void write_rows(struct html *h, const char *name, enum view_key key)
{
	struct json *j = &h->json;
	struct view_group g;
	struct tide_error e = { 0 };

	json_open_object(j, name);
	if (view_group(&g, &h->view, 1, key, &e)) {
		json_text(j, "why", e.why[0] ? e.why : e.what);
		json_close_object(j);
		return;
	}
	json_open_array(j, "rows");
	for (size_t i = 0; i < g.count; i++) {
		const struct view_row *r = &g.row[i];

		json_open_object(j, NULL);
		json_text(j, "key", r->key);
		json_number(j, "order", (int64_t)r->line.address);
		for (unsigned m = 0; m < MEASURES; m++)
			if (g.known & 1u << m)
				json_number(j, view_measure_name(m), r->m.of[m]);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
	view_group_free(&g);
}

/* Blocks that were freed, by how long they lived. */
static void write_lifetimes(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	uint64_t count[LIFETIME_CLASSES] = { 0 };

	for (size_t i = 0; i < s->lifetime_count; i++) {
		const struct tide_bin *b = &s->lifetimes[i];

		if (b->class_ < LIFETIME_CLASSES && b->site < s->site_count && h->view.kept[b->site])
			count[b->class_] += b->count;
	}
	json_open_array(&h->json, "lifetimes");
	for (unsigned i = 0; i < LIFETIME_CLASSES; i++)
		json_number(&h->json, NULL, (int64_t)count[i]);
	json_close_array(&h->json);
}

void html_details(struct html *h)
{
	write_timeline(h);
	write_rows(h, "sizes", KEY_SIZE);
	write_rows(h, "ages", KEY_AGE);
	write_rows(h, "threads", KEY_THREAD);
	write_lifetimes(h);
	info_json(&h->json, "info", h->view.snapshot);
}

/* The warnings above every screen, one per line of that screen. */
static void write_warnings(struct html *h)
{
	struct screen screen = { .width = 1u << 20 };
	char *text = NULL, *save = NULL;
	size_t bytes = 0;

	json_open_array(&h->json, "warnings");
	screen.out = open_memstream(&text, &bytes);
	if (screen.out) {
		header_warnings(&screen, h->view.snapshot, h->view.symbols);
		fclose(screen.out);
		for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
			json_text(&h->json, NULL, strncmp(line, "warning: ", 9) ? line : line + 9);
		free(text);
	}
	json_close_array(&h->json);
}

static void write_totals(struct json *j, const struct view *v)
{
	json_open_object(j, "totals");
	for (unsigned m = 0; m < LOST_BYTES; m++)
		json_number(j, view_measure_name(m), v->total.of[m]);
	json_close_object(j);
}

static void write_sum(struct json *j, const char *name, const struct leak_sum *s)
{
	json_open_object(j, name);
	json_number(j, "blocks", (int64_t)s->blocks);
	json_number(j, "bytes", (int64_t)s->bytes);
	json_close_object(j);
}

static void write_leaks(struct html *h)
{
	const struct leaks *l = &h->leaks.leaks;
	struct json *j = &h->json;
	char *text;

	json_open_object(j, "leaks");
	json_bool(j, "known", h->references);
	if (!h->references) {
		json_text(j, "why", h->why);
		json_close_object(j);
		return;
	}
	text = leaks_summary((struct leaks *)l);
	json_text(j, "text", text);
	free(text);
	json_bool(j, "complete", l->complete);
	json_text(j, "why", l->why);
	write_sum(j, "lost", &l->lost);
	write_sum(j, "suppressed", &l->suppressed);
	write_sum(j, "before", &l->before);
	write_sum(j, "shared", &l->shared);
	for (int k = 0; k < LEAK_KINDS; k++)
		write_sum(j, leaks_kind_name(k), &l->total[k]);
	json_number(j, "root_leaks", (int64_t)l->root_leaks);
	json_number(j, "root_cycles", (int64_t)l->root_cycles);
	json_close_object(j);
}

/* What each counter of missed events means. */
static void write_missed(struct json *j, const struct snapshot *s)
{
	struct intern seen = { 0 };

	json_open_object(j, "missed");
	for (size_t i = 0; i < s->value_count; i++) {
		const char *name = snapshot_string(s, s->values[i].name),
			   *words = header_missed(name, s->values[i].value);
		size_t before = seen.count;

		if (words && s->values[i].value && intern_text(&seen, name) == before)
			json_text(j, name + strlen("missed."), words);
	}
	json_close_object(j);
	intern_free(&seen);
}

static void write_option(struct json *j, const char *option, const char *value)
{
	char *text = alloc_printf("%s %s", option, value);

	json_text(j, NULL, text);
	free(text);
}

static void write_selection(struct json *j, const struct selection *o)
{
	char age[16];

	json_open_array(j, "selection");
	for (size_t i = 0; i < o->filter.count; i++)
		write_option(j, "--filter", o->filter.item[i]);
	for (size_t i = 0; i < o->exclude.count; i++)
		write_option(j, "--exclude", o->exclude.item[i]);
	if (o->since)
		write_option(j, "--since", o->since);
	if (o->until)
		write_option(j, "--until", o->until);
	if (o->min_age) {
		snprintf(age, sizeof(age), "%u", o->min_age);
		write_option(j, "--min-age", age);
	}
	json_close_array(j);
}

void html_head(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	char *reason = header_reason(s);
	struct json *j = &h->json;

	json_open_object(j, NULL);
	json_report_tool_members(j);
	json_report_snapshot(j, "snapshot", s);
	json_text(j, "version", TIDEMARK_VERSION);
	json_text(j, "file", path_base(h->leaks.file));
	json_text(j, "when", reason);
	free(reason);
	json_text(j, "command", snapshot_string(s, s->process->command));
	json_number(j, "taken_ms", (int64_t)(s->process->taken_wall_ns / 1000000));
	json_number(j, "elapsed_ns", (int64_t)s->process->elapsed_ns);
	json_bool(j, "unprepared", s->process->flags & PROCESS_UNPREPARED);
	json_number(j, "process_peak_bytes", (int64_t)s->process->peak_bytes);
	json_number(j, "rss_bytes", (int64_t)s->process->rss_bytes);
	json_number(j, "own_bytes", (int64_t)s->process->own_bytes);
	html_memory_rest(h);
	write_totals(j, &h->view);
	json_number(j, "sites", (int64_t)h->view.kept_count);
	write_leaks(h);
	write_warnings(h);
	write_missed(j, s);
	write_selection(j, &h->options->selection);
	if (h->has_old) {
		json_open_object(j, "old");
		json_report_snapshot_members(
			j, h->old.snapshot, h->old.snapshot->process->complete && !h->old.snapshot->damaged);
		json_text(j, "file", path_base(h->leaks.old_file));
		write_totals(j, &h->old);
		json_close_object(j);
	}
	json_close_object(j);
}
