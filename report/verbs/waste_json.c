/* waste_json.c - `waste --json`. */
#include <stdlib.h>
#include "print/json_report.h"
#include "waste_report.h"

static void write_parts(struct json *j, const struct waste *w)
{
	json_open_object(j, "resident");
	json_number(j, "bytes", (int64_t)w->all.resident);
	json_bool(j, "of_core", w->s->process->flags & PROCESS_CORE);
	json_number(j, "unknown_bytes", (int64_t)w->part[WASTE_UNKNOWN].resident);
	json_number(j, "swapped_bytes", (int64_t)w->all.swapped);
	json_number(j, "virtual_bytes", (int64_t)w->all.virtual_);
	json_number(j, "huge_bytes", (int64_t)w->huge);
	json_open_array(j, "parts");
	for (int i = 0; i < WASTE_PARTS; i++) {
		json_open_object(j, NULL);
		json_text(j, "part", waste_part_name(i));
		json_number(j, "resident_bytes", (int64_t)w->part[i].resident);
		json_number(j, "swapped_bytes", (int64_t)w->part[i].swapped);
		json_number(j, "virtual_bytes", (int64_t)w->part[i].virtual_);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_who(struct json_report *report, const struct waste_report *r, uint32_t site)
{
	const char *type = waste_names_type(&r->view, r->view.type_of[site]);

	if (r->view.by_type) {
		json_open_array(&report->json, "stack");
		json_close_array(&report->json);
	} else {
		json_report_stack(report, r->symbols, site);
	}
	if (type)
		json_text(&report->json, "type", type);
	else
		json_none(&report->json, "type");
	if (r->view.by_type)
		return;
	json_number(&report->json, "site", site);
	if (r->view.s->sites[site].flags & SITE_OF_SIZE)
		json_number(&report->json, "size",
			(int64_t)r->view.s->blocks[r->view.waste.groups[site].example].bytes);
}

static void write_arenas(struct json_report *report, const struct waste_report *r)
{
	struct json *j = &report->json;

	json_open_array(j, "arenas");
	for (size_t i = 0; i < r->view.waste.arena_count; i++) {
		const struct waste_arena *a = &r->view.waste.arenas[i];
		size_t count;
		const char **names = waste_names_threads(&r->view, i, &count);

		json_open_object(j, NULL);
		json_number(j, "arena", (int64_t)i);
		json_text(j, "kind", r->view.s->arenas[i].kind == ARENA_MAIN ? "main" : "thread");
		json_number(j, "bytes", (int64_t)a->bytes);
		json_number(j, "live_bytes", (int64_t)a->live);
		json_number(j, "free_bytes", (int64_t)a->free);
		json_number(j, "free_resident_bytes", (int64_t)a->free_resident);
		json_number(j, "returnable_bytes", (int64_t)a->returnable);
		json_number(j, "top_bytes", (int64_t)a->top);
		json_open_array(j, "threads");
		for (size_t k = 0; k < count; k++)
			json_text(j, NULL, names[k]);
		json_close_array(j);
		if (a->last == SNAPSHOT_NONE) {
			json_none(j, "stopped_by");
		} else {
			json_open_object(j, "stopped_by");
			json_address(j, "address", r->view.s->blocks[a->last].address);
			json_number(j, "bytes", (int64_t)r->view.s->blocks[a->last].bytes);
			json_report_stack(report, r->symbols, r->view.s->blocks[a->last].site);
			json_close_object(j);
		}
		json_close_object(j);
		free(names);
	}
	json_close_array(j);
}

static void write_rows(struct json_report *report, const struct waste_report *r)
{
	struct json *j = &report->json;
	size_t most = options_rows(r->options, SIZE_MAX);
	const struct waste_group *groups = r->view.waste.groups;

	json_open_array(j, "pins");
	for (size_t i = 0; i < r->view.pin_count && i < most; i++) {
		const struct waste_group *g = &groups[r->view.pins[i]];

		json_open_object(j, NULL);
		write_who(report, r, r->view.pins[i]);
		json_number(j, "blocks", (int64_t)g->blocks);
		json_number(j, "bytes", (int64_t)g->bytes);
		json_number(j, "pinned_bytes", (int64_t)g->pinned);
		json_number(j, "pinned_free_bytes", (int64_t)g->pinned_free);
		json_number(j, "pinned_top_bytes", (int64_t)g->pinned_top);
		json_number(j, "pinned_first_bytes", g->pinned_first);
		json_text(j, "oldest", waste_names_age(r->view.s, g->oldest));
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "slack");
	for (size_t i = 0; i < r->view.slack_count && i < most; i++) {
		const struct waste_group *g = &groups[r->view.slack[i]];

		json_open_object(j, NULL);
		write_who(report, r, r->view.slack[i]);
		json_number(j, "blocks", (int64_t)g->blocks);
		json_number(j, "requested_bytes", (int64_t)g->bytes);
		json_number(j, "slack_bytes", (int64_t)g->slack);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "untouched");
	for (size_t i = 0; i < r->view.untouched_count && i < most; i++) {
		const struct waste_group *g = &groups[r->view.untouched[i]];

		json_open_object(j, NULL);
		write_who(report, r, r->view.untouched[i]);
		json_number(j, "blocks", (int64_t)g->blocks);
		json_number(j, "bytes", (int64_t)g->bytes);
		json_number(j, "untouched_blocks", (int64_t)g->untouched_blocks);
		json_number(j, "untouched_bytes", (int64_t)g->untouched);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_copies(struct json_report *report, const struct waste_report *r)
{
	struct json *j = &report->json;
	size_t most = options_rows(r->options, SIZE_MAX);

	json_open_array(j, "duplicates");
	for (size_t i = 0; i < r->view.copies.count && i < most; i++) {
		const struct waste_content *row = &r->view.copies.rows[i];

		json_open_object(j, NULL);
		json_open_array(j, "stacks");
		for (size_t k = 0; k < row->site_count; k++)
			json_report_stack_named(report, NULL, r->symbols, row->sites[k]);
		json_close_array(j);
		json_number(j, "copies", (int64_t)row->copies);
		json_number(j, "block_bytes", (int64_t)row->bytes);
		json_number(j, "wasted_bytes", (int64_t)row->wasted);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_spare(struct json_report *report, const struct waste_report *r)
{
	struct json *j = &report->json;
	size_t most = options_rows(r->options, SIZE_MAX);

	json_open_array(j, "oversized");
	for (size_t i = 0; i < r->view.spare.count && i < most; i++) {
		const struct waste_spare_row *row = &r->view.spare.rows[i];

		json_open_object(j, NULL);
		json_report_stack(report, r->symbols, row->site);
		json_number(j, "site", row->site);
		json_text(j, "container", waste_spare_name(row->kind));
		json_number(j, "blocks", (int64_t)row->blocks);
		json_number(j, "bytes", (int64_t)row->bytes);
		json_number(j, "used_bytes", (int64_t)row->used);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_python(struct json_report *report, const struct waste_report *r)
{
	struct json *j = &report->json;
	const struct waste_python *p = &r->view.python;
	size_t most = options_rows(r->options, SIZE_MAX);

	if (!r->view.s->python_arena_count)
		return;
	json_open_object(j, "python");
	json_number(j, "free_resident_bytes", (int64_t)r->view.waste.python_free);
	json_open_array(j, "arenas");
	for (unsigned i = 0; i < WASTE_PYTHON_STEPS; i++) {
		json_open_object(j, NULL);
		json_number(j, "full_to_percent", (int64_t)(100 * (i + 1) / WASTE_PYTHON_STEPS));
		json_number(j, "arenas", (int64_t)p->step[i].arenas);
		json_number(j, "bytes", (int64_t)p->step[i].bytes);
		json_number(j, "used_bytes", (int64_t)p->step[i].used);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "pins");
	for (size_t i = 0; i < p->count && i < most; i++) {
		const char *type = waste_names_type(&r->view, p->rows[i].type);

		json_open_object(j, NULL);
		json_report_stack(report, r->symbols, p->rows[i].site);
		if (type)
			json_text(j, "type", type);
		else
			json_none(j, "type");
		json_number(j, "blocks", (int64_t)p->rows[i].blocks);
		json_number(j, "arenas", (int64_t)p->rows[i].arenas);
		json_number(j, "free_bytes", (int64_t)p->rows[i].free);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

void waste_json(const struct waste_report *r)
{
	struct json_report report;
	struct json *j = &report.json;
	struct waste_cause causes[WASTE_CAUSES];
	size_t count = waste_causes(&r->view, causes);

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", r->view.s);
	write_parts(j, &r->view.waste);
	json_open_object(j, "trim");
	json_number(j, "returnable_bytes", (int64_t)r->view.waste.part[WASTE_FREE_RETURNABLE].resident);
	json_close_object(j);
	write_arenas(&report, r);
	write_rows(&report, r);
	json_open_object(j, "thread_caches");
	json_number(j, "blocks", (int64_t)r->view.waste.cached_blocks);
	json_number(j, "bytes", (int64_t)r->view.waste.cached);
	json_number(j, "pinned_bytes", (int64_t)r->view.waste.caches.pinned);
	json_close_object(j);
	write_copies(&report, r);
	write_spare(&report, r);
	write_python(&report, r);
	if (r->view.waste.unseen)
		json_text(j, "unseen_allocator", waste_names_allocator(&r->view));
	json_open_array(j, "causes");
	for (size_t i = 0; i < count; i++) {
		json_open_object(j, NULL);
		json_number(j, "bytes", (int64_t)causes[i].bytes);
		json_text(j, "what", causes[i].what);
		json_text(j, "advice", causes[i].advice);
		json_close_object(j);
	}
	json_close_array(j);
	json_report_close(&report);
	waste_causes_free(causes, count);
}
