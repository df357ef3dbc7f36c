/* leaks_json.c - `leaks --json`. */
#include <stdio.h>
#include <stdlib.h>
#include "print/json_report.h"
#include "view/block_types.h"
#include "view/field.h"
#include "print/misuse.h"
#include "leaks_command.h"
#include "view/view.h"

static void write_sum(struct json *j, const char *name, struct leak_sum sum)
{
	json_open_object(j, name);
	json_number(j, "blocks", (int64_t)sum.blocks);
	json_number(j, "bytes", (int64_t)sum.bytes);
	json_close_object(j);
}

static const char *name_rule(const struct leaks *l, int rule)
{
	return rule < 0 ? NULL : l->suppress->rules[rule].name;
}

static void write_record(struct json_report *report, const struct leaks_view *v,
	const struct block_types *types, const struct leak_record *r)
{
	struct json *j = &report->json;

	json_open_object(j, NULL);
	json_text(j, "kind", leaks_kind_name(r->kind));
	json_number(j, "site", r->site);
	json_number(j, "blocks", (int64_t)r->blocks);
	json_number(j, "bytes", (int64_t)r->bytes);
	json_number(j, "retained_blocks", (int64_t)r->retained_blocks);
	json_number(j, "retained_bytes", (int64_t)r->retained_bytes);
	json_bool(j, "cyclic", r->cyclic);
	json_bool(j, "container", r->container);
	json_bool(j, "refers_to_itself", r->self);
	if (r->group == GRAPH_NONE)
		json_none(j, "group");
	else
		json_number(j, "group", r->group);
	json_address(j, "example", v->snapshot.blocks[r->example].address);
	json_text(j, "type", block_types_name(types, r->example));
	json_text(j, "suppressed", name_rule(&v->leaks, r->suppression));
	json_report_stack(report, v->symbols, r->site);
	json_close_object(j);
}

struct drawing {
	struct json *j;
	const struct block_types *types;
};

/* A line of a ring as the screen draws it: what the field of the line before's blocks leads to. */
static void write_line(void *context, const struct leaks_line *l)
{
	static const char *const kind[] = { "holds", "back", "next", "more" };
	const struct drawing *d = context;
	char *field = l->kind == LEAKS_LINE_MORE ? NULL : field_at(d->types, l->holder, l->offset);
	struct json *j = d->j;

	json_open_object(j, NULL);
	json_text(j, "kind", kind[l->kind]);
	json_number(j, "depth", l->depth);
	json_number(j, "offset", l->offset);
	json_text(j, "field", field);
	if (l->kind == LEAKS_LINE_SET || l->kind == LEAKS_LINE_BACK)
		json_number(j, "site", l->site);
	else
		json_none(j, "site");
	json_number(j, "blocks", l->kind == LEAKS_LINE_SET ? (int64_t)l->blocks : 0);
	json_number(j, "bytes", l->kind == LEAKS_LINE_SET ? (int64_t)l->bytes : 0);
	json_close_object(j);
	free(field);
}

static void write_group(struct json *j, const struct leaks_view *v, const struct block_types *types,
	struct leaks_tree *tree, size_t i)
{
	const struct leak_group *g = &v->leaks.groups[i];
	struct drawing d = { j, types };

	json_open_object(j, NULL);
	json_number(j, "group", (int64_t)i);
	json_text(j, "kind", leaks_kind_name(g->kind));
	json_number(j, "site", g->site);
	json_number(j, "roots", (int64_t)g->roots);
	json_number(j, "blocks", (int64_t)g->blocks);
	json_number(j, "bytes", (int64_t)g->bytes);
	json_number(j, "retained_blocks", (int64_t)g->retained_blocks);
	json_number(j, "retained_bytes", (int64_t)g->retained_bytes);
	json_number(j, "sites", g->sites);
	json_bool(j, "container", g->container);
	json_address(j, "head", v->snapshot.blocks[g->head].address);
	json_text(j, "type", block_types_name(types, g->head));
	json_text(j, "suppressed", name_rule(&v->leaks, g->suppression));
	json_open_array(j, "ring");
	if (g->kind == LEAK_CYCLE)
		leaks_tree_lines(tree, (uint32_t)i, false, write_line, &d);
	json_close_array(j);
	json_close_object(j);
}

static void write_suppressions(struct json *j, const struct leaks *l)
{
	json_open_array(j, "suppressions");
	for (size_t i = 0; i < l->suppress->count; i++) {
		const struct suppress_rule *r = &l->suppress->rules[i];

		if (!r->file && !r->blocks)
			continue;
		json_open_object(j, NULL);
		json_text(j, "name", r->name);
		json_text(j, "file", r->file);
		json_number(j, "line", r->line);
		json_number(j, "blocks", (int64_t)r->blocks);
		json_number(j, "bytes", (int64_t)r->bytes);
		json_close_object(j);
	}
	json_close_array(j);
}

/* Sites whose blocks count their references, and lost ones that count more than there are. */
static void write_declared(struct json_report *report, const struct leaks_view *v)
{
	struct json *j = &report->json;

	json_open_array(j, "declared");
	for (size_t i = 0; i < v->declared.count; i++) {
		const struct declared_site *d = &v->declared.site[i];

		if (!d->exceed)
			continue;
		json_open_object(j, NULL);
		json_number(j, "site", d->site);
		json_number(j, "offset", d->offset);
		json_number(j, "live", (int64_t)d->live);
		json_number(j, "agree", (int64_t)d->agree);
		json_number(j, "lost", (int64_t)d->lost);
		json_number(j, "exceed", (int64_t)d->exceed);
		json_number(j, "excess", (int64_t)d->excess);
		json_report_stack(report, v->symbols, d->site);
		json_close_object(j);
	}
	json_close_array(j);
}

static void write_totals(struct json *j, const struct leaks_view *v)
{
	const struct leaks *l = &v->leaks;

	json_open_object(j, "totals");
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		write_sum(j, leaks_kind_name(kind), l->total[kind]);
	write_sum(j, "suppressed", l->suppressed);
	write_sum(j, "lost", l->lost);
	write_sum(j, "shared", l->shared);
	write_sum(j, "baseline", l->before);
	write_sum(j, "unsure", v->unsure.sum);
	json_close_object(j);
}

void leaks_json(struct leaks_command *c)
{
	const struct leaks_view *v = &c->view;
	const struct leaks *l = &v->leaks;
	size_t rows = options_rows(&c->common, SIZE_MAX);
	struct leaks_tree *tree = leaks_tree_new(&c->view);
	struct block_types types;
	struct json_report report;
	struct json *j = &report.json;

	block_types_find(&types, &v->snapshot, v->symbols);
	json_report_open(&report, stdout);
	json_open_object(j, "snapshot");
	json_report_snapshot_members(j, &v->snapshot, l->complete);
	json_close_object(j);
	json_text(j, "incomplete_why", l->complete ? NULL : l->why);
	if (v->old_file)
		json_report_snapshot(j, "old", &v->old);
	write_totals(j, v);
	misuse_json(j, &v->snapshot, v->symbols);
	json_number(j, "root_leaks", (int64_t)l->root_leaks);
	json_number(j, "root_cycles", (int64_t)l->root_cycles);
	json_open_array(j, "groups");
	for (size_t i = leaks_view_next_group(v, 0); i < l->group_count; i = leaks_view_next_group(v, i + 1))
		write_group(j, v, &types, tree, i);
	json_close_array(j);
	leaks_tree_free(tree);
	write_declared(&report, v);
	write_suppressions(j, l);
	json_open_array(j, "records");
	for (size_t i = leaks_view_next_record(v, 0); i < l->record_count && rows;
		i = leaks_view_next_record(v, i + 1), rows--)
		write_record(&report, v, &types, &l->records[i]);
	json_close_array(j);
	json_report_close(&report);
	block_types_free(&types);
}
