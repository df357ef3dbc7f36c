/* cmd_leaks.c - `tidemark leaks FILE [OLD]`: what is lost, and what it keeps. */
#include <stdlib.h>
#include <string.h>
#include "generations.h"
#include "header.h"
#include "leaks_view.h"
#include "root_kinds.h"
#include "verb.h"
#include "view.h"
#include "view_match.h"

enum { KEY_SHOW = 256, KEY_TREE, KEY_FAIL, KEY_WEAK, KEY_GENERATE, KEY_COUNT, KEY_ROOTS };

static const struct argp_option option[] = {
	{ "show", KEY_SHOW, "KINDS", 0, "Also list blocks that are `possible` (held by interior pointers only), "
		"`reachable`, `suppressed`; with commas between", 0 },
	{ "tree", KEY_TREE, NULL, 0, "Unfold what each root leak holds, with the offsets of the fields", 0 },
	{ "fail", KEY_FAIL, NULL, 0, "Exit status 1 when something is lost", 0 },
	{ "weak", KEY_WEAK, "SITE", 0, "References from blocks of SITE do not keep alive; repeatable", 0 },
	{ "roots", KEY_ROOTS, "-KIND,...", 0, "Roots of these kinds do not keep alive: -mapping,-register ... "
		"(without minus: only these do)", 0 },
	{ "gen-suppressions", KEY_GENERATE, NULL, 0, "Print suppressions for what is lost, and nothing else", 0 },
	{ "refcount-at", KEY_COUNT, "OFFSET", 0, "Blocks hold their reference count there (without: found by statistics)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] = "List lost blocks: one line a root leak (nothing refers to it) or root cycle (blocks that "
	"keep only each other alive), with what each retains.\v"
	"With an OLD snapshot: only what is new since. A suppression that matches a root leak covers everything under it.\n\n"
	"Exit status: 0 fine, 1 something is lost and --fail was given, 3 the snapshot cannot tell.\n\n"
	"Examples:\n"
	"  tidemark leaks app.1234.tide\n"
	"  tidemark leaks --tree -v app.1234.tide\n"
	"  tidemark leaks --fail --suppressions lsan.supp app.tide\n"
	"  tidemark leaks --since warm server.tide\n"
	"  tidemark leaks after.tide before.tide";

static error_t parse_show(struct leaks_view *v, char *arg, struct argp_state *state)
{
	char *save = NULL;

	for (char *word = strtok_r(arg, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		int kind;

		for (kind = 0; kind < LEAK_KINDS && strcmp(word, leaks_kind_name(kind)); kind++)
			;
		if (kind < LEAK_KINDS)
			v->show[kind] = true;
		else if (!strcmp(word, "suppressed"))
			v->show_suppressed = true;
		else
			argp_error(state, "--show: '%s' is none of possible, reachable, suppressed", word);
	}
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct leaks_view *v = state->input;
	struct tide_error e = { 0 };
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &v->common;
		return 0;
	case KEY_SHOW:
		return parse_show(v, arg, state);
	case KEY_TREE:
		v->tree = true;
		return 0;
	case KEY_FAIL:
		v->fail = true;
		return 0;
	case KEY_GENERATE:
		v->generate = true;
		return 0;
	case KEY_ROOTS:
		if (root_kinds_parse(arg, &v->skip_roots, &e)) {
			error_print(&e);
			exit(e.code);
		}
		return 0;
	case KEY_COUNT:
		v->refcount_at = strtoll(arg, &end, 0);
		if (*end || end == arg || v->refcount_at < 0 || v->refcount_at % 4)
			argp_error(state, "--refcount-at: '%s' is not an offset, a multiple of 4", arg);
		return 0;
	case KEY_WEAK:
		v->weak = memory_resize(v->weak, (v->weak_count + 1) * sizeof(*v->weak));
		v->weak[v->weak_count++] = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (v->old_file)
			argp_error(state, "too many files: leaks takes a snapshot, and an older one");
		if (v->file)
			v->old_file = arg;
		else
			v->file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!v->file)
			argp_error(state, "which snapshot? `tidemark leaks FILE`");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse, "FILE [OLD]", doc, OPTIONS_CHILD, NULL, NULL };

size_t leaks_next_record(const struct leaks_view *v, size_t i)
{
	for (; i < v->leaks.record_count; i++) {
		const struct leak_record *r = &v->leaks.records[i];

		/* Programs get `possible` in any case; people when they ask. */
		bool shown = v->show[r->kind] || LEAK_IS_LOST(r->kind) ||
			(r->kind == LEAK_POSSIBLE && (v->common.json || v->common.csv));

		if (r->suppression >= 0 ? v->show_suppressed && shown : shown)
			break;
	}
	return i;
}

size_t leaks_next_group(const struct leaks_view *v, size_t i)
{
	for (; i < v->leaks.group_count; i++) {
		const struct leak_group *g = &v->leaks.groups[i];

		if (g->suppression >= 0 ? v->show_suppressed : g->retained_blocks > 0)
			break;
	}
	return i;
}

static int weak_sites(const struct leaks_view *v, const struct snapshot *s, struct symbols *symbols,
	struct leaks_options *o, struct tide_error *e)
{
	uint32_t *all = NULL;

	for (size_t i = 0; i < v->weak_count; i++) {
		uint32_t *sites;
		size_t count;

		if (view_find_sites(s, symbols, v->weak[i], false, &sites, &count, e)) {
			free(all);
			return -1;
		}
		all = memory_resize(all, (o->weak_count + count) * sizeof(*all) + 1);
		memcpy(all + o->weak_count, sites, count * sizeof(*all));
		o->weak_count += count;
		free(sites);
	}
	o->weak_sites = all;
	return 0;
}

static int classify(const struct leaks_view *v, const struct snapshot *s, struct symbols *symbols,
	struct suppress *suppress, struct leaks *leaks, struct tide_error *e)
{
	struct leaks_options o = { .symbols = symbols, .suppress = suppress,
		.skip_roots = v->skip_roots, .live = v->show[LEAK_POSSIBLE] || v->show[LEAK_REACHABLE] };
	int bad = leaks_select(&o, s, symbols, &v->common, e) || weak_sites(v, s, symbols, &o, e) ||
		leaks_classify(s, &o, leaks, e);

	free((void *)o.weak_sites);
	leaks_select_free(&o);
	return bad ? -1 : 0;
}

static int load(struct leaks_view *v, struct tide_error *e)
{
	if (snapshot_open(v->file, &v->snapshot, e))
		return -1;
	snapshot_verify(&v->snapshot);
	v->symbols = symbols_new(&v->snapshot);
	v->suppress = suppress_new();
	for (size_t i = 0; i < v->common.suppressions.count; i++)
		if (suppress_read(v->suppress, v->common.suppressions.item[i], e))
			return -1;
	if (classify(v, &v->snapshot, v->symbols, v->suppress, &v->leaks, e))
		return -1;
	if (v->leaks.lost.blocks)
		declared_find(&v->declared, &v->snapshot, &v->leaks, v->symbols, v->refcount_at);
	if (!v->old_file)
		return 0;
	if (snapshot_open(v->old_file, &v->old, e))
		return -1;
	snapshot_verify(&v->old);
	v->old_symbols = symbols_new(&v->old);
	if (classify(v, &v->old, v->old_symbols, NULL, &v->old_leaks, e))
		return -1;
	leaks_subtract(v);
	return 0;
}

static void unload(struct leaks_view *v)
{
	leaks_free(&v->leaks);
	leaks_free(&v->old_leaks);
	declared_free(&v->declared);
	suppress_free(v->suppress);
	if (v->symbols)
		symbols_free(v->symbols);
	if (v->old_symbols)
		symbols_free(v->old_symbols);
	if (v->snapshot.process)
		snapshot_close(&v->snapshot);
	if (v->old.process)
		snapshot_close(&v->old);
	free(v->weak);
	options_free(&v->common);
}

/* After the output: suppressions that did nothing, names that are in doubt. */
static void print_doubts(const struct leaks_view *v)
{
	const char *warning;

	for (size_t i = 0; i < v->suppress->count; i++) {
		const struct suppress_rule *r = &v->suppress->rules[i];

		if (r->file && !r->blocks)
			fprintf(stderr, "tidemark: %s:%u: unused: suppression '%s' matched nothing\n", r->file, r->line,
				r->name);
	}
	for (size_t i = 0; (warning = symbols_warning(v->symbols, i)) != NULL; i++)
		fprintf(stderr, "tidemark: %s\n", warning);
	if ((v->common.json || v->common.csv || v->generate) && !v->leaks.complete)
		fprintf(stderr, "tidemark: %s: complete: no: %s\n", v->file, v->leaks.why);
}

int cmd_leaks(int argc, char **argv)
{
	struct leaks_view v = { .refcount_at = -1 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_MARKS | OFFER_AGE |
		OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE | OFFER_SUPPRESSIONS);
	argp_parse(&argp, argc, argv, 0, NULL, &v);
	if (load(&v, &e)) {
		error_print(&e);
		unload(&v);
		return e.code;
	}
	if (v.generate)
		leaks_generate(&v);
	else if (v.common.json)
		leaks_json(&v);
	else if (v.common.csv)
		leaks_csv(&v);
	else
		bad = leaks_screen(&v);
	if (fflush(stdout) || ferror(stdout))
		bad = -1;
	if (!v.common.quiet)
		print_doubts(&v);
	if (v.fail && v.leaks.lost.blocks)
		code = EXIT_FINDINGS;
	if (header_code(&v.snapshot) != EXIT_FINE || !v.leaks.complete || bad)
		code = EXIT_UNMEASURED;
	unload(&v);
	return code;
}
