/* retained_rows.c - the rows of `tidemark retained`. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "analysis/python_field.h"
#include "retained_command.h"
#include "view/match.h"

const char *const retained_rows_kind[RETAINED_KINDS] = { "root", "site", "block", "type", "module",
	"variable" };

#define MOST_BLOCKS 1000u /* single blocks listed; sites and roots are all listed */

static void add_row(struct retained_command *t, enum retained_kind kind, uint32_t which, struct leak_sum own,
	struct leak_sum retained)
{
	*ARRAY_ADD(t->rows, t->count, t->room) =
		(struct retained_row){ .kind = kind, .which = which, .own = own, .retained = retained };
}

static int compare_rows(const void *a, const void *b)
{
	const struct retained_row *x = a, *y = b;

	if (x->retained.bytes != y->retained.bytes)
		return x->retained.bytes > y->retained.bytes ? -1 : 1;
	if (x->retained.blocks != y->retained.blocks)
		return x->retained.blocks > y->retained.blocks ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->which < y->which ? -1 : x->which > y->which;
}

/* The blocks that retain most, more than themselves: by a bound that rises as the list fills up. */
static void add_blocks(struct retained_command *t, struct match *m)
{
	uint64_t least = 0;
	size_t from = t->count;

	for (uint32_t i = 0; i < t->leaks.graph.blocks; i++) {
		struct leak_sum r = retained_block(&t->retained, i);

		if (r.blocks < 2 || r.bytes < least || (m && !match_site(m, t->snapshot.blocks[i].site)))
			continue;
		add_row(t, RETAINED_BLOCK, i, (struct leak_sum){ 1, t->snapshot.blocks[i].bytes }, r);
		if (t->count - from < 4 * MOST_BLOCKS)
			continue;
		qsort(t->rows + from, t->count - from, sizeof(*t->rows), compare_rows);
		t->count = from + MOST_BLOCKS;
		least = t->rows[t->count - 1].retained.bytes;
	}
	if (t->count - from > MOST_BLOCKS) {
		qsort(t->rows + from, t->count - from, sizeof(*t->rows), compare_rows);
		t->count = from + MOST_BLOCKS;
	}
}

/* Words of one root that refer to different blocks. */
static uint64_t count_held(const struct retained_command *t, uint32_t root)
{
	const struct graph *g = &t->leaks.graph;

	return g->root_start[root + 1] - g->root_start[root];
}

/* What blocks of native code are; only where types are asked for: for a large program that takes seconds. */
static void add_native_types(struct retained_command *t)
{
	const struct block_types *types = retained_way_types(t);
	uint32_t *of = alloc_bytes((t->snapshot.block_count + 1) * sizeof(*of));
	struct retained_site *sum;

	for (size_t i = 0; i < t->snapshot.block_count; i++)
		of[i] = types->of[i] && types->evidence[i] != EVIDENCE_HEADER ? types->of[i] - 1 : GRAPH_NONE;
	sum = retained_by(&t->retained, of, types->names.count);
	for (uint32_t i = 0; i < types->names.count; i++)
		if (sum[i].own.blocks) {
			add_row(t, RETAINED_TYPE, i, sum[i].own, sum[i].retained);
			t->rows[t->count - 1].name = alloc_string(types->names.text[i]);
		}
	free(sum);
	free(of);
}

/* --- Python --------------------------------------------------------------------------- */

static void add_types(struct retained_command *t)
{
	const struct snapshot *s = &t->snapshot;
	uint32_t *of = alloc_bytes((s->block_count + 1) * sizeof(*of));
	struct retained_site *types;

	for (size_t i = 0; i < s->block_count; i++)
		of[i] = i < s->block_type_count && s->block_types[i].type ? s->block_types[i].type
									  : GRAPH_NONE;
	types = retained_by(&t->retained, of, s->type_count);
	for (uint32_t i = 1; i < s->type_count; i++)
		if (types[i].own.blocks && s->types[i].language == LANGUAGE_PYTHON)
			add_row(t, RETAINED_TYPE, i, types[i].own, types[i].retained);
	free(types);
	free(of);
}

static void add_named(struct retained_command *t, enum retained_kind kind, uint32_t block, char *name)
{
	add_row(t, kind, block, (struct leak_sum){ 1, t->snapshot.blocks[block].bytes },
		retained_block(&t->retained, block));
	t->rows[t->count - 1].name = name;
}

/* A module that another one imports is a row of its own, and no variable of that. */
static bool is_variable(const struct snapshot *s, const struct tide_edge *e)
{
	const char *type = python_field_type(s, e->block);

	return type && !(e->flags & EDGE_UNCOUNTED) && python_field_object(s, e->block) == e->block
		&& strcmp(type, "module") != 0;
}

/* What a variable has is listed under its first name. `kind` is in the names of all that count. */
static void add_variables(struct retained_command *t, uint32_t table, const char *kind, uint8_t *seen)
{
	const struct snapshot *s = &t->snapshot;
	uint64_t first, end;

	graph_words(&t->leaks.graph, table, &first, &end);
	for (; first < end; first++) {
		const struct tide_edge *e = &s->edges[first];
		char *name;

		if (e->block >= t->leaks.graph.blocks || seen[e->block] || !is_variable(s, e))
			continue;
		name = python_field_text(s, table, first);
		/* All modules are in sys.modules, and rows of their own. */
		if (!name || !strstr(name, kind) || !strcmp(name, "dict of module sys, key \"modules\"")) {
			free(name);
			continue;
		}
		seen[e->block] = 1;
		add_named(t, RETAINED_VARIABLE, e->block, name);
	}
}

static void add_modules(struct retained_command *t)
{
	const struct snapshot *s = &t->snapshot;
	uint8_t *seen = alloc_zeroed(s->block_count + 1, 1), *module = alloc_zeroed(s->block_count + 1, 1);
	struct python_starts starts;

	python_field_starts(s, &starts);
	for (uint32_t i = 0; i < starts.blocks; i++) {
		const char *name = python_field_module(python_field_label(s, starts.block[i]));

		if (!name || !t->by[RETAINED_MODULE])
			continue;
		add_named(t, RETAINED_MODULE, starts.block[i], alloc_string(name));
	}
	for (uint32_t i = 0; i < starts.blocks; i++)
		module[starts.block[i]] = 1;
	for (size_t i = 0; i < s->owner_count && t->by[RETAINED_VARIABLE]; i++)
		if (s->owners[i].role == OWNER_KEYS && module[s->owners[i].owner])
			add_variables(t, s->owners[i].block, ", key ", seen);
	/* Up to Python 3.10 the frames that run are objects, too. */
	for (uint32_t i = 0; i < starts.blocks && t->by[RETAINED_VARIABLE]; i++)
		add_variables(t, starts.block[i], ", local ", seen);
	for (uint32_t i = 0; i < starts.edges && t->by[RETAINED_VARIABLE]; i++) {
		const struct tide_root_edge *e = &s->root_edges[starts.edge[i]];
		const char *name = python_field_root(s, e);

		if (e->block < t->leaks.graph.blocks && !seen[e->block] && strstr(name, ", local ")) {
			seen[e->block] = 1;
			add_named(t, RETAINED_VARIABLE, e->block, alloc_string(name));
		}
	}
	free(starts.block);
	free(starts.edge);
	free(seen);
	free(module);
}

int retained_rows_find(struct retained_command *t, struct tide_error *e)
{
	const struct retained_arguments *a = t->a;
	struct match *m = NULL;

	if (a->common.selection.filter.count || a->common.selection.exclude.count) {
		m = match_new(&t->snapshot, t->symbols, &a->common.selection, e);
		if (!m)
			return -1;
		if (match_threads(m)) {
			match_free(m);
			return error_set(e, EXIT_USAGE,
				"cannot select by thread|retained sizes are not per thread|"
				"filter by function, file or module");
		}
	}
	for (uint32_t i = 0; t->by[RETAINED_ROOT] && !m && i < t->leaks.graph.roots; i++) {
		struct leak_sum r = retained_root(&t->retained, i);

		if (r.blocks)
			add_row(t, RETAINED_ROOT, i, (struct leak_sum){ count_held(t, i), 0 }, r);
	}
	if (t->by[RETAINED_SITE]) {
		struct retained_site *sites = retained_sites(&t->retained);

		for (uint32_t i = 0; i < t->snapshot.site_count; i++)
			if (sites[i].own.blocks && (!m || match_site(m, i)))
				add_row(t, RETAINED_SITE, i, sites[i].own, sites[i].retained);
		free(sites);
	}
	if (t->by[RETAINED_BLOCK])
		add_blocks(t, m);
	if (t->by[RETAINED_TYPE] && !m && t->snapshot.python_object_count)
		add_types(t);
	if (t->by[RETAINED_TYPE] && !m && t->a->by_given)
		add_native_types(t);
	if ((t->by[RETAINED_MODULE] || t->by[RETAINED_VARIABLE]) && !m && t->snapshot.python_object_count)
		add_modules(t);
	if (m)
		match_free(m);
	if (t->count)
		qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
	return 0;
}

bool retained_rows_have_site(const struct retained_row *r)
{
	return r->kind != RETAINED_ROOT && r->kind != RETAINED_TYPE;
}

char *retained_rows_name(const struct retained_command *t, const struct retained_row *r)
{
	const struct snapshot *s = &t->snapshot;
	const char *type, *module;

	if (r->name)
		return alloc_string(r->name);
	switch (r->kind) {
	case RETAINED_ROOT: return alloc_string(symbols_root(t->symbols, r->which));
	case RETAINED_TYPE:
		module = snapshot_string(s, s->types[r->which].module);
		type = snapshot_string(s, s->types[r->which].name);
		return *module && strcmp(module, "builtins") != 0 ? alloc_printf("%s.%s", module, type)
								  : alloc_string(type);
	case RETAINED_MODULE:
	case RETAINED_VARIABLE: return alloc_string(r->name);
	default: return NULL;
	}
}

uint32_t retained_rows_site(const struct retained_command *t, const struct retained_row *r)
{
	return r->kind == RETAINED_SITE ? r->which : t->snapshot.blocks[r->which].site;
}
