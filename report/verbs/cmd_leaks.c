/* cmd_leaks.c - `tidemark leaks FILE [OLD]`: what is lost, and what it keeps. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "print/header.h"
#include "print/options.h"
#include "leaks_command.h"
#include "model/root_kinds.h"
#include "verb.h"
#include "view/view.h"
#include "view/match.h"
#include "view/typed_scan.h"

enum {
	KEY_SHOW = 256,
	KEY_TREE,
	KEY_FAIL,
	KEY_WEAK,
	KEY_GENERATE,
	KEY_COUNT,
	KEY_ROOTS,
	KEY_TOGETHER,
	KEY_SORT
};

static const struct argp_option option[] = {
	{ "show", KEY_SHOW, "KINDS", 0,
		"also list blocks that are `possible` (reachable only through interior pointers), "
		"`reachable` or `suppressed`; comma-separated",
		0 },
	{ "tree", KEY_TREE, NULL, 0, "show what each root leak holds, with the offsets of the fields", 0 },
	{ "fail", KEY_FAIL, NULL, 0, "exit with status 1 when blocks are lost", 0 },
	{ "weak", KEY_WEAK, "SITE", 0, "ignore references from blocks of SITE; repeatable", 0 },
	{ "roots", KEY_ROOTS, "-KIND,...", 0,
		"ignore roots of these kinds: -mapping,-register ... (without minus: use only these)", 0 },
	{ "gen-suppressions", KEY_GENERATE, NULL, 0,
		"print suppressions for the lost blocks, and nothing else", 0 },
	{ "refcount-at", KEY_COUNT, "OFFSET", 0,
		"offset of the reference count in the blocks (default: found statistically)", 0 },
	{ "sort", KEY_SORT, "COLUMN", 0,
		"sort by retained (default), blocks (in blocks), itself or leaks (how many equal ones)", 0 },
	{ "together", KEY_TOGETHER, NULL, 0,
		"sum the files, the processes of one run, by place; implied by three or more files", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"List lost blocks: one line per root leak (nothing refers to it) or root cycle (blocks that "
	"only keep each other alive), with what each retains.\v"
	"With an OLD snapshot, list only what is new since. A suppression that matches a root leak covers "
	"everything under it.\n\n"
	"Exit status: 0 fine, 1 blocks are lost and --fail was given, 3 the snapshot is incomplete or has no "
	"references.\n\n"
	"Examples:\n"
	"  tidemark leaks app.1234.tide\n"
	"  tidemark leaks --tree -v app.1234.tide\n"
	"  tidemark leaks --fail --suppressions lsan.supp app.tide\n"
	"  tidemark leaks --since warm server.tide\n"
	"  tidemark leaks after.tide before.tide\n"
	"  tidemark leaks --together parent.tide child.tide";

static error_t parse_show(struct leaks_command *c, char *arg, struct argp_state *state)
{
	char *save = NULL;

	for (char *word = strtok_r(arg, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int kind;

		for (kind = 0; kind < LEAK_KINDS && strcmp(word, leaks_kind_name(kind)); kind++)
			;
		if (kind < LEAK_KINDS)
			c->view.show[kind] = true;
		else if (!strcmp(word, "suppressed"))
			c->view.show_suppressed = true;
		else
			argp_error(state, "--show: '%s' is not one of possible, reachable, suppressed", word);
	}
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct leaks_command *c = state->input;
	struct tide_error e = { 0 };
	char *end;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &c->common; return 0;
	case KEY_SHOW: return parse_show(c, arg, state);
	case KEY_SORT:
		if (leaks_order_parse(arg, &c->order))
			argp_error(state, "--sort: '%s' is not one of retained, blocks, itself, leaks", arg);
		return 0;
	case KEY_TREE: c->tree = true; return 0;
	case KEY_FAIL: c->fail = true; return 0;
	case KEY_GENERATE: c->generate = true; return 0;
	case KEY_ROOTS:
		if (root_kinds_parse(arg, &c->skip_roots, &e))
			options_refuse(&e);
		return 0;
	case KEY_COUNT:
		c->refcount_at = strtoll(arg, &end, 0);
		if (*end || end == arg || c->refcount_at < 0 || c->refcount_at % 4)
			argp_error(state, "--refcount-at: '%s' is not an offset (a multiple of 4)", arg);
		return 0;
	case KEY_WEAK: *ARRAY_APPEND(c->weak, c->weak_count) = arg; return 0;
	case KEY_TOGETHER: c->together = true; return 0;
	case ARGP_KEY_ARG: *ARRAY_APPEND(c->files, c->file_count) = arg; return 0;
	case ARGP_KEY_END:
		if (!c->file_count)
			argp_error(state, "which snapshot? `tidemark leaks FILE`");
		c->together |= c->file_count > 2;
		if (c->together && (c->tree || c->generate))
			argp_error(state, "--tree and --gen-suppressions are of one process: name one file");
		c->view.file = c->files[0];
		if (!c->together && c->file_count == 2)
			c->view.old_file = c->files[1];
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse_option, "FILE [OLD]\nFILE FILE...", doc, OPTIONS_CHILD, NULL,
	NULL };

static int find_weak_sites(const struct leaks_command *c, const struct snapshot *s, struct symbols *symbols,
	struct leaks_options *o, struct tide_error *e)
{
	uint32_t *all = NULL;

	for (size_t i = 0; i < c->weak_count; i++) {
		uint32_t *sites;
		size_t count;

		if (view_find_sites(s, symbols, c->weak[i], false, &sites, &count, e)) {
			free(all);
			return -1;
		}
		all = alloc_resize(all, (o->weak_count + count) * sizeof(*all) + 1);
		memcpy(all + o->weak_count, sites, count * sizeof(*all));
		o->weak_count += count;
		free(sites);
	}
	o->weak_sites = all;
	return 0;
}

static int classify_blocks(const struct leaks_command *c, const struct snapshot *s, struct symbols *symbols,
	struct suppress *suppress, struct leaks *leaks, struct tide_error *e)
{
	struct leaks_options o = { .symbols = symbols,
		.suppress = suppress,
		.skip_roots = c->skip_roots,
		.order = c->order,
		.live = c->view.show[LEAK_POSSIBLE] || c->view.show[LEAK_REACHABLE] };
	int bad = leaks_select(&o, s, symbols, &c->common.selection, e)
		|| find_weak_sites(c, s, symbols, &o, e) || leaks_classify(s, &o, leaks, e);

	free((void *)o.weak_sites);
	leaks_select_free(&o);
	return bad ? -1 : 0;
}

/* In place: symbols know where their snapshot is. */
static int load_snapshots(struct leaks_command *c, struct leaks_view *v, struct tide_error *e)
{
	if (snapshot_open(v->file, &v->snapshot, e))
		return -1;
	snapshot_verify(&v->snapshot);
	v->symbols = symbols_new(&v->snapshot);
	if (!c->common.plain)
		typed_scan(&v->snapshot, v->symbols);
	v->suppress = suppress_new();
	for (size_t i = 0; i < c->common.suppressions.count; i++)
		if (suppress_read(v->suppress, c->common.suppressions.item[i], e))
			return -1;
	if (classify_blocks(c, &v->snapshot, v->symbols, v->suppress, &v->leaks, e))
		return -1;
	if (!header_wiped(&v->snapshot))
		unsure_find(&v->unsure, &v->snapshot, &v->leaks);
	if (v->leaks.lost.blocks)
		declared_find(&v->declared, &v->snapshot, &v->leaks, v->symbols, c->refcount_at);
	if (!v->old_file)
		return 0;
	if (snapshot_open(v->old_file, &v->old, e))
		return -1;
	snapshot_verify(&v->old);
	v->old_symbols = symbols_new(&v->old);
	if (!c->common.plain)
		typed_scan(&v->old, v->old_symbols);
	if (classify_blocks(c, &v->old, v->old_symbols, NULL, &v->old_leaks, e))
		return -1;
	leaks_subtract(v);
	return 0;
}

static void unload_snapshots(struct leaks_command *c)
{
	leaks_view_close(&c->view);
	free(c->weak);
	free(c->files);
	options_free(&c->common);
}

/* After the output: suppressions that did nothing, names that are in doubt. */
static void print_doubts(const struct leaks_command *c)
{
	const char *warning;

	for (size_t i = 0; i < c->view.suppress->count; i++) {
		const struct suppress_rule *r = &c->view.suppress->rules[i];

		if (r->file && !r->blocks && !suppress_is_of_program(r))
			error_note(
				"%s:%u: unused suppression: '%s' matched nothing", r->file, r->line, r->name);
	}
	for (size_t i = 0; (warning = symbols_warning(c->view.symbols, i)) != NULL; i++)
		error_note("%s", warning);
	if ((c->common.json || c->common.csv || c->generate) && !c->view.leaks.complete)
		error_note("%s is incomplete: %s", c->view.file, c->view.leaks.why);
}

/* The processes of one run. */
static int run_together(struct leaks_command *c)
{
	struct leaks_view *views = alloc_zeroed(c->file_count, sizeof(*views)), asked = c->view;
	int code = EXIT_FINE, bad = 0;
	struct tide_error e = { 0 };
	size_t count = 0;

	for (; count < c->file_count && !bad; count++) {
		views[count] = asked;
		views[count].file = c->files[count];
		bad = load_snapshots(c, &views[count], &e);
	}
	if (bad) {
		error_print(&e);
		code = e.code;
	} else {
		bad = leaks_together(c, views, count);
		if (fflush(stdout) || ferror(stdout))
			bad = -1;
		for (size_t i = 0; i < count; i++)
			if (c->fail && views[i].leaks.lost.blocks)
				code = EXIT_FINDINGS;
		for (size_t i = 0; i < count; i++)
			if (header_code(&views[i].snapshot) != EXIT_FINE || !views[i].leaks.complete || bad)
				code = EXIT_UNMEASURED;
	}
	for (size_t i = 0; i < count; i++)
		leaks_view_close(&views[i]);
	free(views);
	free(c->weak);
	free(c->files);
	options_free(&c->common);
	return code;
}

int cmd_leaks(int argc, char **argv)
{
	struct leaks_command c = { .refcount_at = -1 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_MARKS | OFFER_AGE
		| OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE | OFFER_SUPPRESSIONS
		| OFFER_SCAN);
	argp_parse(&argp, argc, argv, 0, NULL, &c);
	c.view.possible = c.common.json || c.common.csv;
	if (c.together)
		return run_together(&c);
	if (load_snapshots(&c, &c.view, &e)) {
		error_print(&e);
		unload_snapshots(&c);
		return e.code;
	}
	if (c.generate)
		leaks_generate(&c);
	else if (c.common.json)
		leaks_json(&c);
	else if (c.common.csv)
		leaks_csv(&c);
	else
		bad = leaks_screen(&c);
	if (fflush(stdout) || ferror(stdout))
		bad = -1;
	if (!c.common.quiet)
		print_doubts(&c);
	if (c.fail && c.view.leaks.lost.blocks)
		code = EXIT_FINDINGS;
	if (header_code(&c.view.snapshot) != EXIT_FINE || !c.view.leaks.complete || bad)
		code = EXIT_UNMEASURED;
	unload_snapshots(&c);
	return code;
}
