/* types_json.c - `types` for programs. */
#include <stdio.h>
#include <stdlib.h>
#include "print/json_report.h"
#include "types_command.h"

static bool is_shown(const struct types_command *c, const struct types_row *r)
{
	return r->live || r->live_diff || (c->show_static && r->static_objects);
}

static void write_python(struct json *j, const struct snapshot *s)
{
	static const char *const parts[] = { "counts", "generations", "pymalloc", "strings", "frames" };
	char text[PYTHON_HEAP_VERSION];

	if (!python_heap_present(s)) {
		json_none(j, "python");
		return;
	}
	json_open_object(j, "python");
	json_text(j, "version", python_heap_version(text, s));
	json_number(j, "interpreters", (int64_t)snapshot_python(s, "interpreters"));
	json_open_array(j, "off");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (python_heap_off(s, parts[i]))
			json_text(j, NULL, parts[i]);
	json_close_array(j);
	json_close_object(j);
}

static void write_tops(struct json_report *report, struct types_command *c, const struct types_row *r)
{
	struct json *j = &report->json;

	json_open_array(j, "values");
	for (unsigned i = 0; i < TYPES_VIEW_TOP && r->value[i].objects; i++) {
		char *text = types_repr(&c->snapshot, r->value[i].object);

		json_open_object(j, NULL);
		json_text(j, "value", text);
		json_number(j, "objects", (int64_t)r->value[i].objects);
		json_close_object(j);
		free(text);
	}
	json_close_array(j);
	json_open_array(j, "stacks");
	for (unsigned i = 0; i < TYPES_VIEW_TOP && r->site[i].objects; i++) {
		json_open_object(j, NULL);
		json_number(j, "objects", (int64_t)r->site[i].objects);
		json_report_stack(report, c->symbols, r->site[i].site);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_row(struct json_report *report, struct types_command *c, const struct types_row *r)
{
	struct json *j = &report->json;

	json_open_object(j, NULL);
	json_text(j, "type", r->type);
	json_text(j, "module", *r->module ? r->module : NULL);
	types_counts_json(j, r);
	json_number(j, "cyclic", (int64_t)r->cyclic);
	json_number(j, "self_cycle", (int64_t)r->self_cycle);
	json_text(j, "attributes", types_view_attributes(r));
	json_text(j, "verdict", types_view_verdict(r));
	if (c->show_static) {
		json_number(j, "static_objects", (int64_t)r->static_objects);
		json_number(j, "static_references", (int64_t)r->static_references);
	}
	if (c->old_file) {
		json_number(j, "live_diff", r->live_diff);
		json_number(j, "bytes_diff", r->bytes_diff);
		json_number(j, "excess_objects_diff", r->excess_objects_diff);
		json_number(j, "excess_references_diff", r->excess_references_diff);
	}
	write_tops(report, c, r);
	json_close_object(j);
}

void types_json_left(struct json *j, uint64_t objects, uint64_t references)
{
	json_open_object(j, "left");
	json_number(j, "objects", (int64_t)objects);
	json_number(j, "references", (int64_t)references);
	json_close_object(j);
}

static void write_refleaks(struct json *j, const struct types_view *v)
{
	json_open_object(j, "refleaks");
	json_number(j, "types", (int64_t)v->refleak_types);
	json_number(j, "objects", (int64_t)v->refleak_objects);
	json_number(j, "references", (int64_t)v->refleak_references);
	json_open_object(j, "static");
	json_open_array(j, "types");
	for (uint32_t i = 0; i < v->row_count; i++)
		if (v->row[v->order[i]].static_objects)
			json_text(j, NULL, v->row[v->order[i]].type);
	json_close_array(j);
	json_number(j, "objects", (int64_t)v->static_objects);
	json_number(j, "references", (int64_t)v->static_references);
	json_close_object(j);
	types_json_left(j, v->left_objects, v->left_references);
	json_close_object(j);
}

static void write_cycles(struct json *j, const struct types_view *v)
{
	json_open_object(j, "cycles");
	json_open_object(j, "awaiting_gc");
	json_number(j, "components", (int64_t)v->awaiting.components);
	json_number(j, "objects", (int64_t)v->awaiting.objects);
	json_number(j, "bytes", (int64_t)v->awaiting.bytes);
	json_close_object(j);
	json_open_object(j, "pinned");
	json_number(j, "components", (int64_t)v->pinned.components);
	json_number(j, "objects", (int64_t)v->pinned.objects);
	json_number(j, "bytes", (int64_t)v->pinned.bytes);
	json_number(j, "excess_references", (int64_t)v->pinned.excess);
	json_close_object(j);
	json_close_object(j);
}

static int64_t write_generation(const struct snapshot *s, unsigned i, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "gc.%u.%s", i, what);
	return (int64_t)snapshot_python(s, name);
}

static void write_gc(struct json *j, const struct snapshot *s)
{
	if (python_heap_off(s, "generations")) {
		json_none(j, "gc");
		return;
	}
	json_open_object(j, "gc");
	json_bool(j, "enabled", snapshot_python(s, "gc.enabled"));
	json_open_array(j, "generations");
	for (unsigned i = 0; i < 3; i++) {
		json_open_object(j, NULL);
		json_number(j, "objects", write_generation(s, i, "objects"));
		json_number(j, "threshold", write_generation(s, i, "threshold"));
		json_number(j, "count", write_generation(s, i, "count"));
		json_close_object(j);
	}
	json_close_array(j);
	json_number(j, "permanent", (int64_t)snapshot_python(s, "gc.permanent"));
	json_close_object(j);
}

static void write_pymalloc(struct json_report *report, struct types_command *c)
{
	const struct types_view *v = &c->view;
	struct json *j = &report->json;

	if (python_heap_off(&c->snapshot, "pymalloc")) {
		json_none(j, "pymalloc");
		return;
	}
	json_open_object(j, "pymalloc");
	json_number(j, "arenas", (int64_t)c->snapshot.python_arena_count);
	json_number(j, "arena_bytes", (int64_t)v->arena_bytes);
	json_number(j, "used_bytes", (int64_t)v->used_bytes);
	json_number(j, "resident_bytes", (int64_t)v->arena_resident);
	json_number(j, "own_bytes", (int64_t)v->arena_own);
	json_number(j, "free_bytes",
		v->arena_bytes > v->used_bytes ? (int64_t)(v->arena_bytes - v->used_bytes) : 0);
	json_number(j, "arenas_under_25pct", (int64_t)v->sparse_arenas);
	json_open_array(j, "held_by");
	for (uint64_t i = 0; i < v->holder_count; i++) {
		const struct types_holder *h = &v->holder[i];

		json_open_object(j, NULL);
		json_text(j, "type", h->row == PYTHON_HEAP_NONE ? NULL : v->row[h->row].type);
		json_number(j, "blocks", (int64_t)h->blocks);
		json_number(j, "arena_bytes", (int64_t)h->arena_bytes);
		json_report_stack(report, c->symbols, h->site);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

static void write_strings(struct json *j, const struct types_command *c)
{
	const struct types_view *v = &c->view;

	json_open_object(j, "strings");
	json_number(j, "objects", (int64_t)v->strings);
	json_number(j, "bytes", (int64_t)v->string_bytes);
	json_number(j, "interned", (int64_t)v->interned);
	json_open_array(j, "duplicates");
	for (uint64_t i = 0; i < v->duplicate_count; i++) {
		const struct types_string *t = &v->duplicate[i];

		json_open_object(j, NULL);
		json_text(j, "content", t->text);
		json_number(j, "length", (int64_t)t->length);
		json_number(j, "copies", (int64_t)t->copies);
		json_number(j, "wasted_bytes", (int64_t)t->wasted);
		json_close_object(j);
	}
	json_close_array(j);
	if (c->prefix) {
		json_open_object(j, "match");
		json_text(j, "prefix", c->prefix);
		json_number(j, "objects", (int64_t)v->match.objects);
		json_number(j, "distinct", (int64_t)v->match.distinct);
		json_number(j, "interned", (int64_t)v->match.interned);
		json_number(j, "bytes", (int64_t)v->match.bytes);
		json_close_object(j);
	}
	json_close_object(j);
}

static void write_advice(struct json *j, const struct types_view *v)
{
	json_open_array(j, "advice");
	for (uint32_t i = 0; i < v->row_count; i++) {
		const struct types_row *r = &v->row[v->order[i]];

		if (!types_view_slots_save(r))
			continue;
		json_open_object(j, NULL);
		json_text(j, "type", r->type);
		json_text(j, "suggest", "__slots__");
		json_number(j, "saves_bytes", (int64_t)types_view_slots_save(r));
		json_close_object(j);
	}
	json_close_array(j);
}

void types_json(struct types_command *c)
{
	const struct types_view *v = &c->view;
	size_t rows = options_rows(&c->common, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", &c->snapshot);
	if (c->old_file)
		json_report_snapshot(j, "old", &c->old);
	write_python(j, &c->snapshot);
	types_native_json(&report, c);
	if (!python_heap_present(&c->snapshot)) {
		json_report_close(&report);
		return;
	}
	if (python_heap_off(&c->snapshot, "counts")) {
		json_none(j, "types");
		json_report_close(&report);
		return;
	}
	json_open_array(j, "types");
	for (uint32_t i = 0; i < v->row_count && rows; i++)
		if (is_shown(c, &v->row[v->order[i]])) {
			write_row(&report, c, &v->row[v->order[i]]);
			rows--;
		}
	json_close_array(j);
	write_refleaks(j, v);
	write_cycles(j, v);
	write_gc(j, &c->snapshot);
	write_pymalloc(&report, c);
	write_strings(j, c);
	write_advice(j, v);
	json_report_close(&report);
}
