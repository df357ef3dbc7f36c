/* cmd_retained.c - `tidemark retained FILE`: what each root, site and block keeps alive. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "model/root_kinds.h"
#include "base/alloc.h"
#include "base/array.h"
#include "print/header.h"
#include "print/csv.h"
#include "print/json_report.h"
#include "analysis/python_field.h"
#include "analysis/retained.h"
#include "print/options.h"
#include "print/table.h"
#include "base/units.h"
#include "verb.h"
#include "view/view.h"
#include "view/match.h"

#define SCREEN_ROWS 25u
#define SITE_BLOCKS 2u    /* of one site, on a screen of all kinds: more would add nothing new */
#define MOST_BLOCKS 1000u /* single blocks listed; sites and roots are all listed */

enum { KEY_DROP = 256, KEY_WEAK };
/* The last three are of Python: all objects of a type, the dict of a module, what one variable leads to. */
enum kind { ROOT, SITE, BLOCK, TYPE, MODULE, VARIABLE, KINDS };
static const char *const kind_name[KINDS] = { "root", "site", "block", "type", "module", "variable" };

static const struct argp_option option[] = {
	{ "drop", KEY_DROP, "SITE", 0, "also print what would be freed along with all blocks of SITE", 0 },
	{ "weak", KEY_WEAK, "SITE", 0, "ignore references from blocks of SITE", 0 },
	{ "by", 'b', "KINDS", 0,
		"list only root, site, block; of Python: type, module, variable (default: all)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Print what each root, site and block keeps alive: the blocks that would be freed with it, and their "
	"bytes; the largest comes first. Of a Python program also what each type, module and variable keeps alive.\v"
	"Blocks held by two roots are charged to neither, since they would survive either of them.\n\n"
	"Examples:\n"
	"  tidemark retained app.tide\n"
	"  tidemark retained --by root app.tide\n"
	"  tidemark retained --by module,variable,type worker.tide\n"
	"  tidemark retained --drop cache_insert app.tide";

struct arguments {
	struct options common;
	const char *file, *drop, *weak;
	bool by[KINDS], by_given;
};

struct row {
	enum kind kind;
	uint32_t which; /* root, site, block, type; of modules and variables the block */
	struct leak_sum own, retained;
	char *name; /* of modules and variables */
};

struct state {
	const struct arguments *a;
	struct snapshot snapshot;
	struct symbols *symbols;
	struct leaks leaks;
	struct retained retained;
	struct row *rows;
	size_t count, room;
	struct leak_sum drop, drop_own;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *save = NULL;

	switch (key) {
	case KEY_DROP: a->drop = arg; return 0;
	case KEY_WEAK: a->weak = arg; return 0;
	case 'b':
		for (char *word = strtok_r(arg, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
			int k;

			for (k = 0; k < KINDS && strcmp(word, kind_name[k]); k++)
				;
			if (k == KINDS)
				argp_error(state,
					"--by: '%s' is not one of root, site, block, type, module, variable",
					word);
			else
				a->by[k] = a->by_given = true;
		}
		return 0;
	case ARGP_KEY_SUCCESS:
		for (int k = 0; !a->by_given && k < KINDS; k++)
			a->by[k] = true;
		return 0;
	default: return options_file(key, arg, state, &a->common, &a->file);
	}
}

static const struct argp argp = { option, parse_option, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

static void add_row(
	struct state *t, enum kind kind, uint32_t which, struct leak_sum own, struct leak_sum retained)
{
	*ARRAY_ADD(t->rows, t->count, t->room) = (struct row){ kind, which, own, retained, NULL };
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->retained.bytes != y->retained.bytes)
		return x->retained.bytes > y->retained.bytes ? -1 : 1;
	if (x->retained.blocks != y->retained.blocks)
		return x->retained.blocks > y->retained.blocks ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->which < y->which ? -1 : x->which > y->which;
}

/* The blocks that retain most, more than themselves: by a bound that rises as the list fills up. */
static void add_blocks(struct state *t, struct match *m)
{
	uint64_t least = 0;
	size_t from = t->count;

	for (uint32_t i = 0; i < t->leaks.graph.blocks; i++) {
		struct leak_sum r = retained_block(&t->retained, i);

		if (r.blocks < 2 || r.bytes < least || (m && !match_site(m, t->snapshot.blocks[i].site)))
			continue;
		add_row(t, BLOCK, i, (struct leak_sum){ 1, t->snapshot.blocks[i].bytes }, r);
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
static uint64_t count_held(const struct state *t, uint32_t root)
{
	const struct graph *g = &t->leaks.graph;

	return g->root_start[root + 1] - g->root_start[root];
}

/* --- Python --------------------------------------------------------------------------- */

static void add_types(struct state *t)
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
			add_row(t, TYPE, i, types[i].own, types[i].retained);
	free(types);
	free(of);
}

static void add_named(struct state *t, enum kind kind, uint32_t block, char *name)
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

/* What a variable has is listed under its first name. */
static void add_variables(struct state *t, uint32_t table, uint8_t *seen)
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
		if (!name || !strstr(name, ", key ")
			|| !strcmp(name, "dict of module sys, key \"modules\"")) {
			free(name);
			continue;
		}
		seen[e->block] = 1;
		add_named(t, VARIABLE, e->block, name);
	}
}

static void add_modules(struct state *t)
{
	const struct snapshot *s = &t->snapshot;
	uint8_t *seen = alloc_zeroed(s->block_count + 1, 1), *module = alloc_zeroed(s->block_count + 1, 1);
	struct python_starts starts;

	python_field_starts(s, &starts);
	for (uint32_t i = 0; i < starts.blocks; i++) {
		const char *name = python_field_module(python_field_label(s, starts.block[i]));

		if (!name || !t->a->by[MODULE])
			continue;
		add_named(t, MODULE, starts.block[i], alloc_string(name));
	}
	for (uint32_t i = 0; i < starts.blocks; i++)
		module[starts.block[i]] = 1;
	for (size_t i = 0; i < s->owner_count && t->a->by[VARIABLE]; i++)
		if (s->owners[i].role == OWNER_KEYS && module[s->owners[i].owner])
			add_variables(t, s->owners[i].block, seen);
	for (uint32_t i = 0; i < starts.edges && t->a->by[VARIABLE]; i++) {
		const struct tide_root_edge *e = &s->root_edges[starts.edge[i]];
		const char *name = python_field_root(s, e);

		if (e->block < t->leaks.graph.blocks && !seen[e->block] && strstr(name, ", local ")) {
			seen[e->block] = 1;
			add_named(t, VARIABLE, e->block, alloc_string(name));
		}
	}
	free(starts.block);
	free(starts.edge);
	free(seen);
	free(module);
}

static int collect_rows(struct state *t, struct tide_error *e)
{
	const struct arguments *a = t->a;
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
	for (uint32_t i = 0; a->by[ROOT] && !m && i < t->leaks.graph.roots; i++) {
		struct leak_sum r = retained_root(&t->retained, i);

		if (r.blocks)
			add_row(t, ROOT, i, (struct leak_sum){ count_held(t, i), 0 }, r);
	}
	if (a->by[SITE]) {
		struct retained_site *sites = retained_sites(&t->retained);

		for (uint32_t i = 0; i < t->snapshot.site_count; i++)
			if (sites[i].own.blocks && (!m || match_site(m, i)))
				add_row(t, SITE, i, sites[i].own, sites[i].retained);
		free(sites);
	}
	if (a->by[BLOCK])
		add_blocks(t, m);
	if (a->by[TYPE] && !m && t->snapshot.python_object_count)
		add_types(t);
	if ((a->by[MODULE] || a->by[VARIABLE]) && !m && t->snapshot.python_object_count)
		add_modules(t);
	if (m)
		match_free(m);
	if (t->count)
		qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
	return 0;
}

static int find_drop(struct state *t, struct tide_error *e)
{
	uint32_t *sites;
	size_t count;
	uint8_t *wanted, *drop;

	if (!t->a->drop)
		return 0;
	if (view_find_sites(&t->snapshot, t->symbols, t->a->drop, t->a->common.selection.all_frames, &sites,
		    &count, e))
		return -1;
	wanted = alloc_zeroed(t->snapshot.site_count + 1, 1);
	drop = alloc_zeroed((uint64_t)t->leaks.graph.blocks + 1, 1);
	for (size_t i = 0; i < count; i++)
		wanted[sites[i]] = 1;
	for (uint32_t i = 0; i < t->leaks.graph.blocks; i++)
		if (t->snapshot.blocks[i].site < t->snapshot.site_count
			&& wanted[t->snapshot.blocks[i].site]) {
			drop[i] = 1;
			t->drop_own.blocks++;
			t->drop_own.bytes += t->snapshot.blocks[i].bytes;
		}
	t->drop = retained_drop(&t->snapshot, &t->leaks, drop);
	free(sites);
	free(wanted);
	free(drop);
	return 0;
}

static uint32_t site_of(const struct state *t, const struct row *r)
{
	return r->kind == SITE ? r->which : t->snapshot.blocks[r->which].site;
}

static const char *root_name(const struct state *t, const struct row *r)
{
	return symbols_root(t->symbols, r->which);
}

static bool has_site(const struct row *r) { return r->kind != ROOT && r->kind != TYPE; }

/* What a row is called that has no place of its own; to be freed. NULL: it has one. */
static char *row_name(const struct state *t, const struct row *r)
{
	const struct snapshot *s = &t->snapshot;
	const char *type, *module;

	switch (r->kind) {
	case ROOT: return alloc_string(root_name(t, r));
	case TYPE:
		module = snapshot_string(s, s->types[r->which].module);
		type = snapshot_string(s, s->types[r->which].name);
		return *module ? alloc_printf("%s.%s", module, type) : alloc_string(type);
	case MODULE:
	case VARIABLE: return alloc_string(r->name);
	default: return NULL;
	}
}

static void write_json_row(struct json_report *report, const struct state *t, const struct row *r)
{
	struct json *j = &report->json;
	char *name = row_name(t, r);

	json_open_object(j, NULL);
	json_text(j, "kind", kind_name[r->kind]);
	json_text(j, "root", r->kind == ROOT ? root_kind_name(t->snapshot.roots[r->which].kind) : NULL);
	json_text(j, "name", name);
	if (r->kind == BLOCK || r->kind == MODULE || r->kind == VARIABLE)
		json_address(j, "address", t->snapshot.blocks[r->which].address);
	else
		json_none(j, "address");
	json_text(j, "type", r->kind == VARIABLE ? python_field_type(&t->snapshot, r->which) : NULL);
	if (!has_site(r)) {
		json_none(j, "site");
		json_open_array(j, "stack");
		json_close_array(j);
	} else {
		json_number(j, "site", site_of(t, r));
		json_report_stack(report, t->symbols, site_of(t, r));
	}
	json_number(j, "blocks", (int64_t)r->own.blocks);
	json_number(j, "bytes", (int64_t)r->own.bytes);
	json_number(j, "retained_blocks", (int64_t)r->retained.blocks);
	json_number(j, "retained_bytes", (int64_t)r->retained.bytes);
	json_close_object(j);
	free(name);
}

static void print_json(const struct state *t)
{
	size_t rows = options_rows(&t->a->common, SIZE_MAX);
	struct json_report report;
	struct json *j = &report.json;

	json_report_open(&report, stdout);
	json_report_snapshot(j, "snapshot", &t->snapshot);
	if (t->a->drop) {
		json_open_object(j, "drop");
		json_number(j, "blocks", (int64_t)t->drop.blocks);
		json_number(j, "bytes", (int64_t)t->drop.bytes);
		json_number(j, "own_blocks", (int64_t)t->drop_own.blocks);
		json_number(j, "own_bytes", (int64_t)t->drop_own.bytes);
		json_close_object(j);
	}
	json_open_array(j, "records");
	for (size_t i = 0; i < t->count && i < rows; i++)
		write_json_row(&report, t, &t->rows[i]);
	json_close_array(j);
	json_report_close(&report);
}

static void print_csv(const struct state *t)
{
	size_t rows = options_rows(&t->a->common, SIZE_MAX);

	puts("kind,root,name,address,blocks,bytes,retained_blocks,retained_bytes,function,file,line,module");
	for (size_t i = 0; i < t->count && i < rows; i++) {
		const struct row *r = &t->rows[i];
		const struct symbol_line *line = has_site(r) ? symbols_top(t->symbols, site_of(t, r)) : NULL;
		char *name = row_name(t, r);

		printf("%s,%s,", kind_name[r->kind],
			r->kind == ROOT ? root_kind_name(t->snapshot.roots[r->which].kind) : "");
		csv_text(stdout, name);
		free(name);
		putchar(',');
		if (r->kind == BLOCK || r->kind == MODULE || r->kind == VARIABLE)
			printf("0x%" PRIx64, t->snapshot.blocks[r->which].address);
		printf(",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", r->own.blocks, r->own.bytes,
			r->retained.blocks, r->retained.bytes);
		csv_place(stdout, line);
		putchar('\n');
	}
}

/* Leaves the rows that a screen of all kinds shows in front, in their order. */
static size_t limit_blocks_per_site(struct state *t)
{
	uint32_t *seen = alloc_zeroed(t->snapshot.site_count + 1, sizeof(*seen));
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		uint32_t site = t->rows[i].kind == BLOCK ? site_of(t, &t->rows[i]) : 0;

		if (t->rows[i].kind == BLOCK && site < t->snapshot.site_count && seen[site]++ >= SITE_BLOCKS)
			continue;
		t->rows[kept++] = t->rows[i];
	}
	free(seen);
	return kept;
}

static void print_table(struct screen *s, const struct state *t, size_t rows)
{
	static const struct column columns[] = {
		{ "retains", COLUMN_RIGHT, false },
		{ "in blocks", COLUMN_RIGHT, false },
		{ "itself", COLUMN_RIGHT, true },
		{ "", COLUMN_BAR, true },
		{ "", COLUMN_LEFT, false },
		{ "what", COLUMN_PLACE, false },
	};
	struct table *table =
		table_new(s, columns, sizeof(columns) / sizeof(columns[0]), t->a->common.source_root);
	struct symbol_line *lines = alloc_zeroed(t->count + 1, sizeof(*lines));
	char **names = alloc_zeroed(t->count + 1, sizeof(*names)), text[UNITS_TEXT];
	uint64_t all = 0;

	for (size_t i = 0; i < t->snapshot.block_count; i++)
		all += t->snapshot.blocks[i].bytes;
	for (size_t i = 0; i < t->count && i < rows; i++) {
		const struct row *r = &t->rows[i];

		table_text(table, STYLE_STRONG, "%s", units_bytes(text, (int64_t)r->retained.bytes));
		table_text(table, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->retained.blocks));
		table_text(table, STYLE_DIM, "%s",
			r->kind == ROOT || r->kind == MODULE ? "" : units_bytes(text, (int64_t)r->own.bytes));
		table_bar(table, all ? (double)r->retained.bytes / (double)all : 0);
		table_text(table, r->kind == ROOT ? STYLE_GOOD : STYLE_PLAIN, "%s",
			r->kind == ROOT ? root_kind_name(t->snapshot.roots[r->which].kind)
					: kind_name[r->kind]);
		names[i] = row_name(t, r);
		lines[i] = (struct symbol_line){
			.function = names[i], .has_symbol = true, .language = "native"
		};
		if (names[i])
			table_place(table, &lines[i]);
		else
			table_site(table, t->symbols, site_of(t, r));
		if (r->kind == BLOCK && t->a->common.verbose)
			table_note(table, STYLE_DIM, "0x%" PRIx64, t->snapshot.blocks[r->which].address);
	}
	table_show(table);
	for (size_t i = 0; i < t->count && i < rows; i++)
		free(names[i]);
	free(names);
	free(lines);
}

static int print_screen(struct state *t)
{
	size_t rows = options_rows(&t->a->common, SCREEN_ROWS), all = t->count;
	struct screen s;
	char count[UNITS_TEXT], size[UNITS_TEXT], own[UNITS_TEXT];

	screen_open(&s, &t->a->common);
	header_who(&s, &t->snapshot);
	if (!s.quiet)
		fputc('\n', s.out);
	if (t->a->drop) {
		screen_print(&s, STYLE_STRONG,
			"Without %s, %s in %s would be freed, of which %s in its own blocks", t->a->drop,
			units_bytes(size, (int64_t)t->drop.bytes),
			units_many(count, (int64_t)t->drop.blocks, "block"),
			units_bytes(own, (int64_t)t->drop_own.bytes));
		fputs("\n\n", s.out);
	}
	if (!t->a->by_given && t->a->common.rows >= 0)
		t->count = limit_blocks_per_site(t);
	if (!s.quiet && t->count)
		screen_print(&s, STYLE_HEADING, "%s, by what would be freed with them\n",
			t->a->by_given ? "Owners"
				: t->snapshot.python_object_count
				? "Roots, sites, blocks, and types, modules and variables of Python"
				: "Roots, sites and blocks");
	if (!t->count)
		fputs("Nothing is kept alive\n", s.out);
	else
		print_table(&s, t, rows);
	if (t->count)
		header_stale(&s, &t->snapshot);
	if (all > t->count || t->count > rows)
		screen_hint(&s, "%s more: -n all%s",
			units_count(count, (int64_t)(all - (t->count < rows ? t->count : rows))),
			t->a->by_given ? "" : "; --by root, site, block, type, module or variable");
	return screen_close(&s);
}

static int load_snapshot(struct state *t, struct tide_error *e)
{
	struct suppress none = { 0 };
	struct leaks_options o = { .baseline = true, .suppress = &none };
	uint32_t *weak = NULL;
	int bad;

	if (snapshot_open(t->a->file, &t->snapshot, e))
		return -1;
	snapshot_verify(&t->snapshot);
	t->symbols = symbols_new(&t->snapshot);
	o.symbols = t->symbols;
	if (t->a->weak
		&& view_find_sites(&t->snapshot, t->symbols, t->a->weak, false, &weak, &o.weak_count, e))
		return -1;
	o.weak_sites = weak;
	bad = leaks_classify(&t->snapshot, &o, &t->leaks, e);
	t->leaks.suppress = NULL;
	free(weak);
	if (bad)
		return -1;
	retained_find(&t->retained, &t->snapshot, &t->leaks);
	return collect_rows(t, e) || find_drop(t, e) ? -1 : 0;
}

int cmd_retained(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct state t = { .a = &a };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_SOURCES | OFFER_SCREEN
		| OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load_snapshot(&t, &e)) {
		error_print(&e);
		code = e.code;
	} else {
		if (a.common.json)
			print_json(&t);
		else if (a.common.csv)
			print_csv(&t);
		else
			bad = print_screen(&t);
		if (fflush(stdout) || ferror(stdout))
			bad = -1;
		if (t.snapshot.damaged)
			error_note("%s is damaged: %s", a.file, t.snapshot.damage);
		if (t.snapshot.damaged || bad)
			code = EXIT_UNMEASURED;
	}
	retained_free(&t.retained);
	leaks_free(&t.leaks);
	for (size_t i = 0; i < t.count; i++)
		free(t.rows[i].name);
	free(t.rows);
	if (t.symbols)
		symbols_free(t.symbols);
	if (t.snapshot.process)
		snapshot_close(&t.snapshot);
	options_free(&a.common);
	return code;
}
