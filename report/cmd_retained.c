/* cmd_retained.c - `tidemark retained FILE`: what each root, site and block keeps alive. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "header.h"
#include "json_out.h"
#include "refs.h"
#include "table.h"
#include "units.h"
#include "verb.h"
#include "view.h"
#include "view_match.h"

#define SCREEN_ROWS 25u
#define SITE_BLOCKS 2u		/* of one site, on a screen of all kinds: more would tell nothing new */
#define MOST_BLOCKS 1000u	/* single blocks listed; sites and roots are all listed */

enum { KEY_DROP = 256, KEY_WEAK };
enum kind { ROOT, SITE, BLOCK, KINDS };
static const char *const kind_name[KINDS] = { "root", "site", "block" };

static const struct argp_option option[] = {
	{ "drop", KEY_DROP, "SITE", 0, "Also say what would be freed if every block of SITE went", 0 },
	{ "weak", KEY_WEAK, "SITE", 0, "References from blocks of SITE do not keep alive", 0 },
	{ "by", 'b', "KINDS", 0, "Of root, site, block: which to list (default: root,site,block)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] = "What each root, site and block keeps alive: the blocks that would be freed with it, and their "
	"bytes; the largest first.\v"
	"What two roots hold belongs to neither: it would stay when one of them goes.\n\n"
	"Examples:\n"
	"  tidemark retained app.tide\n"
	"  tidemark retained --by root app.tide\n"
	"  tidemark retained --drop cache_insert app.tide";

struct arguments {
	struct options common;
	const char *file, *drop, *weak;
	bool by[KINDS], by_given;
};

struct row {
	enum kind kind;
	uint32_t which;			/* root, site or block */
	struct leak_sum own, retained;
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *save = NULL;

	switch (key) {
	case KEY_DROP:
		a->drop = arg;
		return 0;
	case KEY_WEAK:
		a->weak = arg;
		return 0;
	case 'b':
		for (char *word = strtok_r(arg, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
			int k;

			for (k = 0; k < KINDS && strcmp(word, kind_name[k]); k++)
				;
			if (k == KINDS)
				argp_error(state, "--by: '%s' is none of root, site, block", word);
			else
				a->by[k] = a->by_given = true;
		}
		return 0;
	case ARGP_KEY_SUCCESS:
		if (!a->by[ROOT] && !a->by[SITE] && !a->by[BLOCK])
			a->by[ROOT] = a->by[SITE] = a->by[BLOCK] = true;
		return 0;
	default:
		return options_file(key, arg, state, &a->common, &a->file);
	}
}

static const struct argp argp = { option, parse, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

static void add(struct state *t, enum kind kind, uint32_t which, struct leak_sum own, struct leak_sum retained)
{
	if (t->count == t->room) {
		t->room = t->room ? t->room * 2 : 256;
		t->rows = memory_resize(t->rows, t->room * sizeof(*t->rows));
	}
	t->rows[t->count++] = (struct row){ kind, which, own, retained };
}

static int compare(const void *a, const void *b)
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
		add(t, BLOCK, i, (struct leak_sum){ 1, t->snapshot.blocks[i].bytes }, r);
		if (t->count - from < 4 * MOST_BLOCKS)
			continue;
		qsort(t->rows + from, t->count - from, sizeof(*t->rows), compare);
		t->count = from + MOST_BLOCKS;
		least = t->rows[t->count - 1].retained.bytes;
	}
	if (t->count - from > MOST_BLOCKS) {
		qsort(t->rows + from, t->count - from, sizeof(*t->rows), compare);
		t->count = from + MOST_BLOCKS;
	}
}

/* Words of one root that refer to different blocks. */
static uint64_t held_by(const struct state *t, uint32_t root)
{
	const struct graph *g = &t->leaks.graph;

	return g->root_start[root + 1] - g->root_start[root];
}

static int collect(struct state *t, struct tide_error *e)
{
	const struct arguments *a = t->a;
	struct match *m = NULL;

	if (a->common.filter.count || a->common.exclude.count) {
		m = match_new(&t->snapshot, t->symbols, &a->common, e);
		if (!m)
			return -1;
		if (match_threads(m)) {
			match_free(m);
			return error_set(e, EXIT_USAGE, "cannot select by thread|what is kept alive is no thread's|"
				"filter by function, file or module");
		}
	}
	for (uint32_t i = 0; a->by[ROOT] && !m && i < t->leaks.graph.roots; i++) {
		struct leak_sum r = retained_root(&t->retained, i);

		if (r.blocks)
			add(t, ROOT, i, (struct leak_sum){ held_by(t, i), 0 }, r);
	}
	if (a->by[SITE]) {
		struct retained_site *sites = retained_sites(&t->retained);

		for (uint32_t i = 0; i < t->snapshot.site_count; i++)
			if (sites[i].own.blocks && (!m || match_site(m, i)))
				add(t, SITE, i, sites[i].own, sites[i].retained);
		free(sites);
	}
	if (a->by[BLOCK])
		add_blocks(t, m);
	if (m)
		match_free(m);
	if (t->count)
		qsort(t->rows, t->count, sizeof(*t->rows), compare);
	return 0;
}

static int find_drop(struct state *t, struct tide_error *e)
{
	uint32_t *sites;
	size_t count;
	uint8_t *wanted, *drop;

	if (!t->a->drop)
		return 0;
	if (view_find_sites(&t->snapshot, t->symbols, t->a->drop, t->a->common.all_frames, &sites, &count, e))
		return -1;
	wanted = memory_get_zeroed(t->snapshot.site_count + 1, 1);
	drop = memory_get_zeroed((uint64_t)t->leaks.graph.blocks + 1, 1);
	for (size_t i = 0; i < count; i++)
		wanted[sites[i]] = 1;
	for (uint32_t i = 0; i < t->leaks.graph.blocks; i++)
		if (t->snapshot.blocks[i].site < t->snapshot.site_count && wanted[t->snapshot.blocks[i].site]) {
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

static void json_row(struct json_stream *stream, const struct state *t, const struct row *r)
{
	json_t *o = json_object(), *after = json_object();

	json_object_set_new(o, "kind", json_text(kind_name[r->kind]));
	json_object_set_new(o, "root", r->kind == ROOT ? json_text(refs_root_kind(t->snapshot.roots[r->which].kind)) :
		json_null());
	json_object_set_new(o, "name", r->kind == ROOT ? json_text(root_name(t, r)) : json_null());
	json_object_set_new(o, "address", r->kind == BLOCK ? json_address(t->snapshot.blocks[r->which].address) :
		json_null());
	json_object_set_new(o, "site", r->kind == ROOT ? json_null() : json_integer(site_of(t, r)));
	json_object_set_new(after, "blocks", json_integer((json_int_t)r->own.blocks));
	json_object_set_new(after, "bytes", json_integer((json_int_t)r->own.bytes));
	json_object_set_new(after, "retained_blocks", json_integer((json_int_t)r->retained.blocks));
	json_object_set_new(after, "retained_bytes", json_integer((json_int_t)r->retained.bytes));
	if (r->kind != ROOT) {
		json_stream_record_around(stream, o, t->symbols, site_of(t, r), after);
		return;
	}
	json_object_set_new(o, "stack", json_array());
	json_object_update(o, after);
	json_decref(after);
	json_stream_record(stream, o);
}

static void print_json(const struct state *t)
{
	size_t rows = options_rows(&t->a->common, SIZE_MAX);
	json_t *head = json_report(&t->snapshot);
	struct json_stream stream;

	if (t->a->drop) {
		json_t *drop = json_object();

		json_object_set_new(drop, "blocks", json_integer((json_int_t)t->drop.blocks));
		json_object_set_new(drop, "bytes", json_integer((json_int_t)t->drop.bytes));
		json_object_set_new(drop, "own_blocks", json_integer((json_int_t)t->drop_own.blocks));
		json_object_set_new(drop, "own_bytes", json_integer((json_int_t)t->drop_own.bytes));
		json_object_set_new(head, "drop", drop);
	}
	json_stream_begin(&stream, stdout, head, "records");
	for (size_t i = 0; i < t->count && i < rows; i++)
		json_row(&stream, t, &t->rows[i]);
	json_stream_end(&stream);
}

static void print_csv(const struct state *t)
{
	size_t rows = options_rows(&t->a->common, SIZE_MAX);

	puts("kind,root,name,address,blocks,bytes,retained_blocks,retained_bytes,function,file,line,module");
	for (size_t i = 0; i < t->count && i < rows; i++) {
		const struct row *r = &t->rows[i];
		const struct symbol_line *line = r->kind == ROOT ? NULL : view_caller(t->symbols, site_of(t, r));

		printf("%s,%s,", kind_name[r->kind], line ? "" : refs_root_kind(t->snapshot.roots[r->which].kind));
		csv_text(stdout, line ? NULL : root_name(t, r));
		putchar(',');
		if (r->kind == BLOCK)
			printf("0x%" PRIx64, t->snapshot.blocks[r->which].address);
		printf(",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",", r->own.blocks, r->own.bytes, r->retained.blocks,
			r->retained.bytes);
		csv_text(stdout, line ? line->function : NULL);
		putchar(',');
		csv_text(stdout, line ? line->file : NULL);
		if (line)
			printf(",%u,", line->line);
		else
			fputs(",,", stdout);
		csv_text(stdout, line ? line->module : NULL);
		putchar('\n');
	}
}

/* Leaves the rows that a screen of all kinds shows in front, in their order. */
static size_t few_of_a_site(struct state *t)
{
	uint32_t *seen = memory_get_zeroed(t->snapshot.site_count + 1, sizeof(*seen));
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
		{ "retains", COLUMN_RIGHT, false }, { "in blocks", COLUMN_RIGHT, false },
		{ "itself", COLUMN_RIGHT, true }, { "", COLUMN_BAR, true }, { "", COLUMN_LEFT, false }, { "what", COLUMN_PLACE, false },
	};
	struct table *table = table_new(s, columns, sizeof(columns) / sizeof(columns[0]), t->a->common.source_root);
	struct symbol_line *lines = memory_get_zeroed(t->count + 1, sizeof(*lines));
	uint64_t all = 0;
	char text[UNITS_TEXT];

	for (size_t i = 0; i < t->snapshot.block_count; i++)
		all += t->snapshot.blocks[i].bytes;
	for (size_t i = 0; i < t->count && i < rows; i++) {
		const struct row *r = &t->rows[i];

		table_text(table, STYLE_STRONG, "%s", units_bytes(text, (int64_t)r->retained.bytes));
		table_text(table, STYLE_PLAIN, "%s", units_count(text, (int64_t)r->retained.blocks));
		table_text(table, STYLE_DIM, "%s", r->kind == ROOT ? "" : units_bytes(text, (int64_t)r->own.bytes));
		table_bar(table, all ? (double)r->retained.bytes / (double)all : 0);
		table_text(table, r->kind == ROOT ? STYLE_GOOD : STYLE_PLAIN, "%s", r->kind == ROOT ?
			refs_root_kind(t->snapshot.roots[r->which].kind) : kind_name[r->kind]);
		if (r->kind == ROOT)
			lines[i] = (struct symbol_line){ .function = root_name(t, r), .has_symbol = true, .language = "native" };
		else
			lines[i] = *view_caller(t->symbols, site_of(t, r));
		table_place(table, &lines[i]);
		if (r->kind == BLOCK && t->a->common.verbose)
			table_note(table, STYLE_DIM, "0x%" PRIx64, t->snapshot.blocks[r->which].address);
	}
	table_show(table);
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
		screen_print(&s, STYLE_STRONG, "Without %s, %s in %s would be freed: %s in its own blocks", t->a->drop,
			units_bytes(size, (int64_t)t->drop.bytes), units_many(count, (int64_t)t->drop.blocks, "block"),
			units_bytes(own, (int64_t)t->drop_own.bytes));
		fputs("\n\n", s.out);
	}
	if (!t->a->by_given && t->a->common.rows >= 0)
		t->count = few_of_a_site(t);
	if (!s.quiet && t->count)
		screen_print(&s, STYLE_HEADING, "%s, by what would be freed with them\n", t->a->by_given ?
			"Owners" : "Roots, sites and blocks");
	if (!t->count)
		fputs("Nothing is kept alive.\n", s.out);
	else
		print_table(&s, t, rows);
	if (all > t->count || t->count > rows)
		screen_hint(&s, "%s more: -n all%s", units_count(count, (int64_t)(all - (t->count < rows ? t->count : rows))),
			t->a->by_given ? "" : "; --by root, site or block");
	return screen_close(&s);
}

static int load(struct state *t, struct tide_error *e)
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
	if (t->a->weak && view_find_sites(&t->snapshot, t->symbols, t->a->weak, false, &weak, &o.weak_count, e))
		return -1;
	o.weak_sites = weak;
	bad = leaks_classify(&t->snapshot, &o, &t->leaks, e);
	t->leaks.suppress = NULL;
	free(weak);
	if (bad)
		return -1;
	retained_find(&t->retained, &t->snapshot, &t->leaks);
	return collect(t, e) || find_drop(t, e) ? -1 : 0;
}

int cmd_retained(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct state t = { .a = &a };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER |
		OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load(&t, &e)) {
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
			fprintf(stderr, "tidemark: %s is damaged: %s\n", a.file, t.snapshot.damage);
		if (t.snapshot.damaged || bad)
			code = EXIT_UNMEASURED;
	}
	retained_free(&t.retained);
	leaks_free(&t.leaks);
	free(t.rows);
	if (t.symbols)
		symbols_free(t.symbols);
	if (t.snapshot.process)
		snapshot_close(&t.snapshot);
	options_free(&a.common);
	return code;
}
