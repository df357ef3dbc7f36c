/* cmd_retained.c - `tidemark retained FILE [OLD]`: what each root, site and block keeps alive. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "print/header.h"
#include "retained_command.h"
#include "verb.h"
#include "view/typed_scan.h"
#include "view/view.h"

enum { KEY_DROP = 256, KEY_WEAK };

static const struct argp_option option[] = {
	{ "drop", KEY_DROP, "SITE", 0, "also print what would be freed along with all blocks of SITE", 0 },
	{ "weak", KEY_WEAK, "SITE", 0, "ignore references from blocks of SITE", 0 },
	{ "by", 'b', "KINDS", 0,
		"list only root, site, block, type; of Python: module, variable (default: all, but types of Python only)",
		0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Print what each root, site and block keeps alive: the blocks that would be freed with it, and their "
	"bytes; the largest comes first. Of a Python program also what each type, module and variable keeps alive.\v"
	"Blocks held by two roots are charged to neither, since they would survive either of them. With a second "
	"snapshot, an older one, what has grown most comes first: roots, and types, modules and variables of "
	"Python.\n\n"
	"Examples:\n"
	"  tidemark retained app.tide\n"
	"  tidemark retained --by root app.tide\n"
	"  tidemark retained --by module,variable,type worker.tide\n"
	"  tidemark retained --by variable late.tide early.tide\n"
	"  tidemark retained --drop cache_insert app.tide";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct retained_arguments *a = state->input;
	char *save = NULL;

	switch (key) {
	case KEY_DROP: a->drop = arg; return 0;
	case KEY_WEAK: a->weak = arg; return 0;
	case 'b':
		for (char *word = strtok_r(arg, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
			int k;

			for (k = 0; k < RETAINED_KINDS && strcmp(word, retained_rows_kind[k]); k++)
				;
			if (k == RETAINED_KINDS)
				argp_error(state,
					"--by: '%s' is not one of root, site, block, type, module, variable",
					word);
			else
				a->by[k] = a->by_given = true;
		}
		return 0;
	case ARGP_KEY_ARG:
		if (!a->file)
			return options_file(key, arg, state, &a->common, &a->file);
		if (a->old_file)
			argp_error(state, "too many arguments: retained takes a snapshot and an older one");
		a->old_file = arg;
		return 0;
	case ARGP_KEY_SUCCESS:
		if (a->old_file && (a->drop || a->by[RETAINED_SITE] || a->by[RETAINED_BLOCK]))
			argp_error(state,
				"sites, blocks and --drop are of one snapshot; `tidemark diff` compares sites");
		return 0;
	default: return options_file(key, arg, state, &a->common, &a->file);
	}
}

static const struct argp argp = { option, parse_option, "FILE [OLD]", doc, OPTIONS_CHILD, NULL, NULL };

static int find_drop(struct retained_command *t, struct tide_error *e)
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

/* Of what has grown, the names that lead to it: variables of Python, or globals. */
static void choose_kinds(struct retained_command *t)
{
	bool python = t->snapshot.python_object_count;

	for (int k = 0; k < RETAINED_KINDS; k++)
		t->by[k] = t->a->by_given ? t->a->by[k]
			: !t->a->old_file ? true
			: python          ? k == RETAINED_MODULE || k == RETAINED_VARIABLE
					  : k == RETAINED_ROOT;
}

static int load_snapshot(struct retained_command *t, const char *file, struct tide_error *e)
{
	struct suppress none = { 0 };
	struct leaks_options o = { .baseline = true, .suppress = &none };
	uint32_t *weak = NULL;
	int bad;

	if (snapshot_open(file, &t->snapshot, e))
		return -1;
	snapshot_verify(&t->snapshot);
	choose_kinds(t);
	t->symbols = symbols_new(&t->snapshot);
	if (!t->a->common.plain)
		typed_scan(&t->snapshot, t->symbols);
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
	if (!header_wiped(&t->snapshot))
		unsure_find(&t->unsure, &t->snapshot, &t->leaks);
	retained_find(&t->retained, &t->snapshot, &t->leaks);
	return retained_rows_find(t, e) || find_drop(t, e) ? -1 : 0;
}

static void unload(struct retained_command *t)
{
	retained_free(&t->retained);
	leaks_free(&t->leaks);
	for (size_t i = 0; i < t->count; i++)
		free(t->rows[i].name);
	free(t->rows);
	free(t->child_first);
	free(t->child);
	if (t->typed)
		block_types_free(&t->types);
	if (t->symbols)
		symbols_free(t->symbols);
	if (t->snapshot.process)
		snapshot_close(&t->snapshot);
}

static int load_both(struct retained_command *t, struct retained_command *old, struct tide_error *e)
{
	if (load_snapshot(t, t->a->file, e))
		return -1;
	if (!t->a->old_file)
		return 0;
	if (load_snapshot(old, t->a->old_file, e))
		return -1;
	retained_growth_find(t, old);
	return 0;
}

static bool is_damaged(const struct snapshot *s, const char *file)
{
	if (s->damaged)
		error_note("%s is damaged: %s", file, s->damage);
	return s->damaged;
}

int cmd_retained(int argc, char **argv)
{
	struct retained_arguments a = { 0 };
	struct retained_command t = { .a = &a }, old = { .a = &a };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_SOURCES | OFFER_SCREEN
		| OFFER_QUIET | OFFER_VERBOSE | OFFER_SCAN);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load_both(&t, &old, &e)) {
		error_print(&e);
		code = e.code;
	} else {
		if (a.common.json)
			retained_json(&t);
		else if (a.common.csv)
			retained_csv(&t);
		else
			bad = retained_screen(&t);
		if (fflush(stdout) || ferror(stdout))
			bad = -1;
		/* Each of them says what is wrong with its file. */
		if (is_damaged(&t.snapshot, a.file))
			bad = -1;
		if (a.old_file && is_damaged(&old.snapshot, a.old_file))
			bad = -1;
		if (bad)
			code = EXIT_UNMEASURED;
	}
	unload(&t);
	unload(&old);
	options_free(&a.common);
	return code;
}
