/* leaks_json.c - `leaks` for programs: JSON, CSV, suppressions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "json_out.h"
#include "leaks_view.h"
#include "view.h"

static json_t *json_sum(struct leak_sum sum)
{
	json_t *o = json_object();

	json_object_set_new(o, "blocks", json_integer((json_int_t)sum.blocks));
	json_object_set_new(o, "bytes", json_integer((json_int_t)sum.bytes));
	return o;
}

static json_t *rule_name(const struct leaks *l, int rule)
{
	return rule < 0 ? json_null() : json_text(l->suppress->rules[rule].name);
}

static json_t *json_record(const struct leaks_view *v, const struct leak_record *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "kind", json_text(leaks_kind_name(r->kind)));
	json_object_set_new(o, "site", json_integer(r->site));
	json_object_set_new(o, "blocks", json_integer((json_int_t)r->blocks));
	json_object_set_new(o, "bytes", json_integer((json_int_t)r->bytes));
	json_object_set_new(o, "retained_blocks", json_integer((json_int_t)r->retained_blocks));
	json_object_set_new(o, "retained_bytes", json_integer((json_int_t)r->retained_bytes));
	json_object_set_new(o, "cyclic", json_boolean(r->cyclic));
	json_object_set_new(o, "container", json_boolean(r->container));
	json_object_set_new(o, "refers_to_itself", json_boolean(r->self));
	json_object_set_new(o, "group", r->group == GRAPH_NONE ? json_null() : json_integer(r->group));
	json_object_set_new(o, "example", json_address(v->snapshot.blocks[r->example].address));
	json_object_set_new(o, "suppressed", rule_name(&v->leaks, r->suppression));
	json_object_set_new(o, "stack", json_stack(v->symbols, r->site));
	return o;
}

static json_t *json_group(const struct leaks_view *v, size_t i)
{
	const struct leak_group *g = &v->leaks.groups[i];
	json_t *o = json_object();

	json_object_set_new(o, "group", json_integer((json_int_t)i));
	json_object_set_new(o, "kind", json_text(leaks_kind_name(g->kind)));
	json_object_set_new(o, "site", json_integer(g->site));
	json_object_set_new(o, "roots", json_integer((json_int_t)g->roots));
	json_object_set_new(o, "blocks", json_integer((json_int_t)g->blocks));
	json_object_set_new(o, "bytes", json_integer((json_int_t)g->bytes));
	json_object_set_new(o, "retained_blocks", json_integer((json_int_t)g->retained_blocks));
	json_object_set_new(o, "retained_bytes", json_integer((json_int_t)g->retained_bytes));
	json_object_set_new(o, "sites", json_integer(g->sites));
	json_object_set_new(o, "container", json_boolean(g->container));
	json_object_set_new(o, "head", json_address(v->snapshot.blocks[g->head].address));
	json_object_set_new(o, "suppressed", rule_name(&v->leaks, g->suppression));
	return o;
}

static json_t *json_suppressions(const struct leaks *l)
{
	json_t *array = json_array();

	for (size_t i = 0; i < l->suppress->count; i++) {
		const struct suppress_rule *r = &l->suppress->rules[i];
		json_t *o;

		if (!r->file && !r->blocks)
			continue;
		o = json_object();
		json_object_set_new(o, "name", json_text(r->name));
		json_object_set_new(o, "file", json_text(r->file));
		json_object_set_new(o, "line", json_integer(r->line));
		json_object_set_new(o, "blocks", json_integer((json_int_t)r->blocks));
		json_object_set_new(o, "bytes", json_integer((json_int_t)r->bytes));
		json_array_append_new(array, o);
	}
	return array;
}

/* Sites whose blocks count their references, and lost ones that count more than there are. */
static json_t *json_declared(const struct leaks_view *v)
{
	json_t *array = json_array();

	for (size_t i = 0; i < v->declared.count; i++) {
		const struct declared_site *d = &v->declared.site[i];
		json_t *o;

		if (!d->exceed)
			continue;
		o = json_object();
		json_object_set_new(o, "site", json_integer(d->site));
		json_object_set_new(o, "offset", json_integer(d->offset));
		json_object_set_new(o, "live", json_integer((json_int_t)d->live));
		json_object_set_new(o, "agree", json_integer((json_int_t)d->agree));
		json_object_set_new(o, "lost", json_integer((json_int_t)d->lost));
		json_object_set_new(o, "exceed", json_integer((json_int_t)d->exceed));
		json_object_set_new(o, "excess", json_integer((json_int_t)d->excess));
		json_object_set_new(o, "stack", json_stack(v->symbols, d->site));
		json_array_append_new(array, o);
	}
	return array;
}

void leaks_json(struct leaks_view *v)
{
	const struct leaks *l = &v->leaks;
	json_t *head = json_report(&v->snapshot), *totals = json_object(), *groups = json_array();
	size_t rows = options_rows(&v->common, SIZE_MAX);
	struct json_stream stream;

	json_object_set_new(json_object_get(head, "snapshot"), "complete", json_boolean(l->complete));
	json_object_set_new(head, "incomplete_why", l->complete ? json_null() : json_text(l->why));
	if (v->old_file)
		json_object_set_new(head, "old", json_snapshot(&v->old));
	for (int kind = 0; kind < LEAK_KINDS; kind++)
		json_object_set_new(totals, leaks_kind_name(kind), json_sum(l->total[kind]));
	json_object_set_new(totals, "suppressed", json_sum(l->suppressed));
	json_object_set_new(totals, "lost", json_sum(l->lost));
	json_object_set_new(totals, "shared", json_sum(l->shared));
	json_object_set_new(totals, "baseline", json_sum(l->before));
	json_object_set_new(head, "totals", totals);
	json_object_set_new(head, "root_leaks", json_integer((json_int_t)l->root_leaks));
	json_object_set_new(head, "root_cycles", json_integer((json_int_t)l->root_cycles));
	for (size_t i = leaks_next_group(v, 0); i < l->group_count; i = leaks_next_group(v, i + 1))
		json_array_append_new(groups, json_group(v, i));
	json_object_set_new(head, "groups", groups);
	json_object_set_new(head, "declared", json_declared(v));
	json_object_set_new(head, "suppressions", json_suppressions(l));
	json_stream_begin(&stream, stdout, head, "records");
	for (size_t i = leaks_next_record(v, 0); i < l->record_count && rows; i = leaks_next_record(v, i + 1), rows--)
		json_stream_record(&stream, json_record(v, &l->records[i]));
	json_stream_end(&stream);
}

void leaks_csv(struct leaks_view *v)
{
	const struct leaks *l = &v->leaks;
	size_t rows = options_rows(&v->common, SIZE_MAX);

	puts("kind,site,blocks,bytes,retained_blocks,retained_bytes,cyclic,container,suppressed,function,file,line,module");
	for (size_t i = leaks_next_record(v, 0); i < l->record_count && rows; i = leaks_next_record(v, i + 1), rows--) {
		const struct leak_record *r = &l->records[i];
		const struct symbol_line *line = view_caller(v->symbols, r->site);

		printf("%s,%u,%llu,%llu,%llu,%llu,%d,%d,", leaks_kind_name(r->kind), r->site,
			(unsigned long long)r->blocks, (unsigned long long)r->bytes,
			(unsigned long long)r->retained_blocks, (unsigned long long)r->retained_bytes,
			r->cyclic, r->container);
		csv_text(stdout, r->suppression < 0 ? NULL : l->suppress->rules[r->suppression].name);
		putchar(',');
		csv_text(stdout, line->function);
		putchar(',');
		csv_text(stdout, line->file);
		printf(",%u,", line->line);
		csv_text(stdout, line->module);
		putchar('\n');
	}
}

/* One for each root leak: it covers everything under it. */
/* Lines of one function are one suppression: it has functions only. */
static bool generated_before(uint64_t *seen, size_t count, const char *frames)
{
	seen[count] = XXH3_64bits(frames, strlen(frames));
	for (size_t i = 0; i < count; i++)
		if (seen[i] == seen[count])
			return true;
	return false;
}

void leaks_generate(struct leaks_view *v)
{
	const struct leaks *l = &v->leaks;
	size_t rows = options_rows(&v->common, SIZE_MAX), done = 0;
	uint64_t *seen = memory_get((l->group_count + 1) * sizeof(*seen));

	for (size_t i = leaks_next_group(v, 0); i < l->group_count && rows; i = leaks_next_group(v, i + 1), rows--) {
		size_t count;
		const struct symbol_line *line = symbols_stack(v->symbols, l->groups[i].site, &count);
		char *name, *text;

		if (l->groups[i].suppression >= 0)
			continue;
		name = memory_printf("%s of %s, %llu blocks", l->groups[i].kind == LEAK_CYCLE ? "root cycle" : "root leak",
			view_caller(v->symbols, l->groups[i].site)->function,
			(unsigned long long)l->groups[i].retained_blocks);
		text = suppress_text(line, count, name);
		if (!generated_before(seen, done, strstr(text, "Memcheck:Leak")))
			done += fputs(text, stdout) >= 0;
		free(name);
		free(text);
	}
	free(seen);
}
