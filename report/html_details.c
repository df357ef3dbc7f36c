/* html_details.c - what the report says of the process: its head, timeline, histograms, threads. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "header.h"
#include "html.h"
#include "info.h"
#include "shim/ledger.h"

static int64_t point_time(const void *p) { return (int64_t)((const struct tide_point *)p)->elapsed_ns; }
static int64_t point_live(const void *p) { return ((const struct tide_point *)p)->live_bytes; }
static int64_t point_blocks(const void *p) { return ((const struct tide_point *)p)->live_blocks; }
static int64_t point_rss(const void *p) { return (int64_t)((const struct tide_point *)p)->rss_bytes; }
static int64_t point_total(const void *p) { return (int64_t)((const struct tide_point *)p)->total_blocks; }

static void timeline(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	const size_t stride = sizeof(*s->timeline);

	html_column(h, "time_ns", s->timeline, s->point_count, stride, point_time);
	html_column(h, "time_live_bytes", s->timeline, s->point_count, stride, point_live);
	html_column(h, "time_live_blocks", s->timeline, s->point_count, stride, point_blocks);
	html_column(h, "time_rss_bytes", s->timeline, s->point_count, stride, point_rss);
	html_column(h, "time_total_blocks", s->timeline, s->point_count, stride, point_total);
}

/* The rows of `stat --by size`, age and thread. */
static void groups(struct html *h, const char *name, enum view_key key)
{
	struct view_group g;
	struct tide_error e = { 0 };

	fprintf(h->out, "\"%s\":", name);
	if (view_group(&g, &h->view, 1, key, &e)) {
		html_json(h, json_pack("{s:o}", "why", json_text(e.why[0] ? e.why : e.what)));
		fputs(",\n", h->out);
		return;
	}
	fputs("{\"rows\":[", h->out);
	for (size_t i = 0; i < g.count; i++) {
		const struct view_row *r = &g.row[i];

		json_t *o = json_pack("{s:o,s:I}", "key", json_text(r->key), "order", (json_int_t)r->line.address);

		for (unsigned m = 0; m < MEASURES; m++)
			if (g.known & 1u << m)
				json_object_set_new(o, view_measure_name(m), json_integer(r->m.of[m]));
		fputs(i ? ",\n" : "", h->out);
		html_json(h, o);
	}
	fputs("]},\n", h->out);
	view_group_free(&g);
}

/* Blocks that were freed, by how long they lived. */
static void lifetimes(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	uint64_t count[LEDGER_LIFETIME_CLASSES] = { 0 };

	for (size_t i = 0; i < s->lifetime_count; i++) {
		const struct tide_bin *b = &s->lifetimes[i];

		if (b->class_ < LEDGER_LIFETIME_CLASSES && b->site < s->site_count && h->view.kept[b->site])
			count[b->class_] += b->count;
	}
	fputs("\"lifetimes\":[", h->out);
	for (unsigned i = 0; i < LEDGER_LIFETIME_CLASSES; i++)
		fprintf(h->out, "%s%" PRIu64, i ? "," : "", count[i]);
	fputs("],\n", h->out);
}

void html_details(struct html *h)
{
	timeline(h);
	groups(h, "sizes", KEY_SIZE);
	groups(h, "ages", KEY_AGE);
	groups(h, "threads", KEY_THREAD);
	lifetimes(h);
	fputs("\"info\":", h->out);
	html_json(h, info_json(h->view.snapshot));
	fputs(",\n", h->out);
}

/* What stands above every screen: each line one warning. */
static json_t *warnings(const struct html *h)
{
	struct screen screen = { .width = 1u << 20 };
	json_t *list = json_array();
	char *text = NULL, *save = NULL;
	size_t bytes = 0;

	screen.out = open_memstream(&text, &bytes);
	if (!screen.out)
		return list;
	header_warnings(&screen, h->view.snapshot, h->view.symbols);
	fclose(screen.out);
	for (char *word = strtok_r(text, "\n", &save); word; word = strtok_r(NULL, "\n", &save))
		json_array_append_new(list, json_text(strncmp(word, "warning: ", 9) ? word : word + 9));
	free(text);
	return list;
}

static json_t *totals(const struct view *v)
{
	json_t *o = json_object();

	for (unsigned m = 0; m < MEASURES; m++)
		json_object_set_new(o, view_measure_name(m), json_integer(v->total.of[m]));
	return o;
}

static json_t *sum(const struct leak_sum *s)
{
	return json_pack("{s:I,s:I}", "blocks", (json_int_t)s->blocks, "bytes", (json_int_t)s->bytes);
}

static json_t *lost(const struct html *h)
{
	const struct leaks *l = &h->leaks.leaks;
	json_t *o = json_object();
	char *text;

	json_object_set_new(o, "known", json_boolean(h->references));
	if (!h->references) {
		json_object_set_new(o, "why", json_text(h->why));
		return o;
	}
	text = leaks_summary((struct leaks *)l);
	json_object_set_new(o, "text", json_text(text));
	free(text);
	json_object_set_new(o, "complete", json_boolean(l->complete));
	json_object_set_new(o, "why", json_text(l->why));
	json_object_set_new(o, "lost", sum(&l->lost));
	json_object_set_new(o, "suppressed", sum(&l->suppressed));
	json_object_set_new(o, "before", sum(&l->before));
	json_object_set_new(o, "shared", sum(&l->shared));
	for (int k = 0; k < LEAK_KINDS; k++)
		json_object_set_new(o, leaks_kind_name(k), sum(&l->total[k]));
	json_object_set_new(o, "root_leaks", json_integer((json_int_t)l->root_leaks));
	json_object_set_new(o, "root_cycles", json_integer((json_int_t)l->root_cycles));
	return o;
}

/* What each counter of what was missed means. */
static json_t *missed(const struct snapshot *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < s->value_count; i++) {
		const char *name = snapshot_string(s, s->values[i].name), *words = header_missed(name);

		if (words && s->values[i].value)
			json_object_set_new(o, name + strlen("missed."), json_text(words));
	}
	return o;
}

static json_t *selection(const struct options *o)
{
	json_t *list = json_array();

	for (size_t i = 0; i < o->filter.count; i++)
		json_array_append_new(list, json_sprintf("--filter %s", o->filter.item[i]));
	for (size_t i = 0; i < o->exclude.count; i++)
		json_array_append_new(list, json_sprintf("--exclude %s", o->exclude.item[i]));
	if (o->since)
		json_array_append_new(list, json_sprintf("--since %s", o->since));
	if (o->until)
		json_array_append_new(list, json_sprintf("--until %s", o->until));
	if (o->min_age)
		json_array_append_new(list, json_sprintf("--min-age %u", o->min_age));
	return list;
}

json_t *html_head(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	json_t *o = json_report(s);
	char *reason = header_reason(s);

	json_object_set_new(o, "version", json_text(TIDEMARK_VERSION));
	json_object_set_new(o, "file", json_text(place_base(h->leaks.file)));
	json_object_set_new(o, "when", json_text(reason));
	free(reason);
	json_object_set_new(o, "command", json_text(snapshot_string(s, s->process->command)));
	json_object_set_new(o, "taken_ms", json_integer((json_int_t)(s->process->taken_wall_ns / 1000000)));
	json_object_set_new(o, "elapsed_ns", json_integer((json_int_t)s->process->elapsed_ns));
	json_object_set_new(o, "process_peak_bytes", json_integer((json_int_t)s->process->peak_bytes));
	json_object_set_new(o, "rss_bytes", json_integer((json_int_t)s->process->rss_bytes));
	json_object_set_new(o, "own_bytes", json_integer((json_int_t)s->process->own_bytes));
	json_object_set_new(o, "totals", totals(&h->view));
	json_object_set_new(o, "sites", json_integer((json_int_t)h->view.kept_count));
	json_object_set_new(o, "leaks", lost(h));
	json_object_set_new(o, "warnings", warnings(h));
	json_object_set_new(o, "missed", missed(s));
	json_object_set_new(o, "selection", selection(h->options));
	if (h->has_old) {
		json_t *old = json_snapshot(h->old.snapshot);

		json_object_set_new(old, "file", json_text(place_base(h->leaks.old_file)));
		json_object_set_new(old, "totals", totals(&h->old));
		json_object_set_new(o, "old", old);
	}
	return o;
}
