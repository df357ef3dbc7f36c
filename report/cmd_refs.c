/* cmd_refs.c - `tidemark refs FILE ADDRESS|SITE`: sys.getrefcount, gc.get_referrers and gc.get_referents. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "declared.h"
#include "refs.h"
#include "verb.h"
#include "view.h"

enum { KEY_DOT = 256, KEY_WEAK, KEY_COUNT };

static const struct argp_option option[] = {
	{ "dot", KEY_DOT, NULL, 0, "Draw the blocks and their surroundings, for Graphviz; rings are red", 0 },
	{ "weak", KEY_WEAK, "SITE", 0, "References from blocks of SITE do not keep alive", 0 },
	{ "refcount-at", KEY_COUNT, "OFFSET", 0, "The blocks hold their reference count there (without: found by statistics)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] = "Who refers to a block, to whom it refers, and the shortest way to it from the steadiest root.\v"
	"ADDRESS may lie anywhere in the block. SITE is a function, file:line or #ID as printed: all its live blocks.\n\n"
	"Examples:\n"
	"  tidemark refs app.tide 0x55d4c1a2b2a0\n"
	"  tidemark refs app.tide make_node\n"
	"  tidemark refs --dot app.tide cache.c:120 | dot -Tsvg >cache.svg";

struct arguments {
	struct refs r;
	const char *weak;
	bool dot;
	int64_t refcount_at;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->r.common;
		return 0;
	case KEY_DOT:
		a->dot = true;
		return 0;
	case KEY_COUNT:
		a->refcount_at = strtoll(arg, &end, 0);
		if (*end || end == arg || a->refcount_at < 0 || a->refcount_at % 4)
			argp_error(state, "--refcount-at: '%s' is not an offset, a multiple of 4", arg);
		return 0;
	case KEY_WEAK:
		a->weak = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (a->r.what)
			argp_error(state, "too many arguments: refs takes a snapshot, and one ADDRESS or SITE");
		if (a->r.file)
			a->r.what = arg;
		else
			a->r.file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->r.what)
			argp_error(state, "give a snapshot, and an ADDRESS or a SITE");
		else if (access(a->r.file, F_OK) && !access(a->r.what, F_OK))
			argp_error(state, "the snapshot comes first: `tidemark refs %s %s`", a->r.what, a->r.file);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse, "FILE ADDRESS|SITE", doc, OPTIONS_CHILD, NULL, NULL };

static int choose_address(struct refs *r, struct tide_error *e)
{
	char *end;
	uint64_t address = strtoull(r->what, &end, 16);
	uint32_t block;

	if (*end)
		return error_set(e, EXIT_USAGE, "'%s' is not an address|hexadecimal digits follow 0x", r->what);
	block = refs_block_at(&r->snapshot, address);
	if (block == GRAPH_NONE)
		return error_set(e, EXIT_USAGE, "no live block at %s|it was freed, or is no heap memory|"
			"`tidemark refs FILE SITE` prints addresses", r->what);
	r->block = memory_get(sizeof(*r->block));
	r->block[0] = block;
	r->count = 1;
	return 0;
}

static int choose_site(struct refs *r, struct tide_error *e)
{
	uint32_t *sites;
	size_t count, room = 0;
	uint8_t *wanted;

	if (view_find_sites(&r->snapshot, r->symbols, r->what, r->common.all_frames, &sites, &count, e))
		return -1;
	wanted = memory_get_zeroed(r->snapshot.site_count + 1, 1);
	for (size_t i = 0; i < count; i++)
		wanted[sites[i]] = 1;
	free(sites);
	for (uint32_t i = 0; i < r->leaks.graph.blocks; i++) {
		if (r->snapshot.blocks[i].site >= r->snapshot.site_count || !wanted[r->snapshot.blocks[i].site])
			continue;
		if (r->count == room) {
			room = room ? room * 2 : 64;
			r->block = memory_resize(r->block, room * sizeof(*r->block));
		}
		r->block[r->count++] = i;
	}
	free(wanted);
	return 0;
}

static const struct refs *sorted;	/* for qsort: the verbs have one thread */

/* The heads of what is lost tell most, then whatever keeps much alive. */
static int most_telling(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int lost_x = LEAK_IS_LOST(sorted->leaks.kind[x] & LEAK_KIND_MASK);
	int lost_y = LEAK_IS_LOST(sorted->leaks.kind[y] & LEAK_KIND_MASK);
	uint64_t retained_x = retained_block(&sorted->retained, x).bytes;
	uint64_t retained_y = retained_block(&sorted->retained, y).bytes;

	if (lost_x != lost_y)
		return lost_y - lost_x;
	if (retained_x != retained_y)
		return retained_x > retained_y ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int load(struct arguments *a, struct tide_error *e)
{
	struct refs *r = &a->r;
	struct leaks_options o = { .baseline = true };
	struct suppress none = { 0 };
	struct declared declared;
	uint32_t *weak = NULL;
	int bad;

	if (snapshot_open(r->file, &r->snapshot, e))
		return -1;
	snapshot_verify(&r->snapshot);
	r->symbols = symbols_new(&r->snapshot);
	o.symbols = r->symbols;
	o.suppress = &none;
	if (a->weak && view_find_sites(&r->snapshot, r->symbols, a->weak, false, &weak, &o.weak_count, e))
		return -1;
	o.weak_sites = weak;
	bad = leaks_classify(&r->snapshot, &o, &r->leaks, e);
	r->leaks.suppress = NULL;
	free(weak);
	if (bad)
		return -1;
	if (!strncmp(r->what, "0x", 2) ? choose_address(r, e) : choose_site(r, e))
		return -1;
	reach_find(&r->reach, &r->leaks.graph, true);
	retained_find(&r->retained, &r->snapshot, &r->leaks);
	if (!a->dot && !r->common.json && !r->common.csv && r->count) {
		sorted = r;
		qsort(r->block, r->count, sizeof(*r->block), most_telling);
	}
	refs_find_words(r);
	declared_find(&declared, &r->snapshot, &r->leaks, r->symbols, a->refcount_at);
	if (declared.value) {
		r->stored = memory_get(r->count * sizeof(*r->stored) + 1);
		for (size_t i = 0; i < r->count; i++)
			r->stored[i] = declared.value[r->block[i]];
	}
	declared_free(&declared);
	return 0;
}

static void unload(struct refs *r)
{
	retained_free(&r->retained);
	reach_free(&r->reach);
	leaks_free(&r->leaks);
	free(r->block);
	free(r->word_start);
	free(r->word);
	free(r->stored);
	if (r->symbols)
		symbols_free(r->symbols);
	if (r->snapshot.process)
		snapshot_close(&r->snapshot);
	options_free(&r->common);
}

int cmd_refs(int argc, char **argv)
{
	struct arguments a = { .refcount_at = -1 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_ALL_FRAMES |
		OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load(&a, &e)) {
		error_print(&e);
		unload(&a.r);
		return e.code;
	}
	if (a.dot)
		refs_dot(&a.r);
	else if (a.r.common.json)
		refs_json(&a.r);
	else if (a.r.common.csv)
		refs_csv(&a.r);
	else
		bad = refs_screen(&a.r);
	if (fflush(stdout) || ferror(stdout))
		bad = -1;
	if (a.r.snapshot.damaged)
		fprintf(stderr, "tidemark: %s is damaged: %s\n", a.r.file, a.r.snapshot.damage);
	if (a.r.snapshot.damaged || bad)
		code = EXIT_UNMEASURED;
	unload(&a.r);
	return code;
}
