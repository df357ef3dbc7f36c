/* cmd_refs.c - `tidemark refs FILE ADDRESS|SITE|TYPE`: sys.getrefcount, gc.get_referrers and gc.get_referents. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/alloc.h"
#include "base/array.h"
#include "analysis/counted.h"
#include "analysis/declared.h"
#include "analysis/python_field.h"
#include "print/options.h"
#include "refs_view.h"
#include "symbol/name.h"
#include "verb.h"
#include "view/view.h"

enum { KEY_DOT = 256, KEY_WEAK, KEY_COUNT };

static const struct argp_option option[] = {
	{ "dot", KEY_DOT, NULL, 0,
		"print a graph of the blocks and their neighbours for Graphviz, with types and fields; "
		"cycles are red",
		0 },
	{ "weak", KEY_WEAK, "SITE", 0, "ignore references from blocks of SITE", 0 },
	{ "refcount-at", KEY_COUNT, "OFFSET", 0,
		"offset of the reference count in the blocks (default: found statistically)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Print what refers to a block, what it refers to, and a shortest path to it from the strongest root "
	"(globals first).\v"
	"ADDRESS may lie anywhere in the block. SITE is a function, the end of its name (Cache::get), file:line or a number as printed, and stands "
	"for all its live blocks. TYPE is a class of Python (Session, app.Session) or a type of C, C++ or Rust, and stands for all its objects. "
	"What refers to an object of Python is named as Python has it: a key of a dict, an element, an attribute, a variable "
	"of a function that runs; weak references are shown, and keep nothing alive.\n\n"
	"Examples:\n"
	"  tidemark refs app.tide 0x55d4c1a2b2a0\n"
	"  tidemark refs app.tide make_node\n"
	"  tidemark refs worker.tide Session\n"
	"  tidemark refs --dot app.tide cache.c:120 | dot -Tsvg >cache.svg";

struct arguments {
	struct refs r;
	const char *weak;
	bool dot;
	int64_t refcount_at;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;
	char *end;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->r.common; return 0;
	case KEY_DOT: a->dot = true; return 0;
	case KEY_COUNT:
		a->refcount_at = strtoll(arg, &end, 0);
		if (*end || end == arg || a->refcount_at < 0 || a->refcount_at % 4)
			argp_error(state, "--refcount-at: '%s' is not an offset (a multiple of 4)", arg);
		return 0;
	case KEY_WEAK: a->weak = arg; return 0;
	case ARGP_KEY_ARG:
		if (a->r.what)
			argp_error(state,
				"too many arguments: refs takes a snapshot and one ADDRESS, SITE or TYPE");
		if (a->r.file)
			a->r.what = arg;
		else
			a->r.file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!a->r.what)
			argp_error(state, "name a snapshot, and an ADDRESS, a SITE or a TYPE");
		else if (access(a->r.file, F_OK) && !access(a->r.what, F_OK))
			argp_error(state, "the snapshot comes first: `tidemark refs %s %s`", a->r.what,
				a->r.file);
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = { option, parse_option, "FILE ADDRESS|SITE|TYPE", doc, OPTIONS_CHILD, NULL,
	NULL };

static int choose_address(struct refs *r, struct tide_error *e)
{
	char *end;
	uint64_t address = strtoull(r->what, &end, 16);
	uint32_t block;

	if (*end)
		return error_set(
			e, EXIT_USAGE, "'%s' is not an address|hexadecimal digits follow 0x", r->what);
	block = refs_block_at(&r->snapshot, address);
	if (block == GRAPH_NONE)
		return error_set(e, EXIT_USAGE,
			"no live block at %s|it was freed, or is not heap memory|"
			"`tidemark refs FILE SITE` prints addresses",
			r->what);
	r->block = alloc_bytes(sizeof(*r->block));
	r->block[0] = block;
	r->count = 1;
	return 0;
}

static int choose_site(struct refs *r, struct tide_error *e)
{
	uint32_t *sites;
	size_t count, room = 0;
	uint8_t *wanted;

	if (view_find_sites(
		    &r->snapshot, r->symbols, r->what, r->common.selection.all_frames, &sites, &count, e))
		return -1;
	wanted = alloc_zeroed(r->snapshot.site_count + 1, 1);
	for (size_t i = 0; i < count; i++)
		wanted[sites[i]] = 1;
	free(sites);
	for (uint32_t i = 0; i < r->leaks.graph.blocks; i++) {
		if (r->snapshot.blocks[i].site >= r->snapshot.site_count
			|| !wanted[r->snapshot.blocks[i].site])
			continue;
		*ARRAY_ADD(r->block, r->count, room) = i;
	}
	free(wanted);
	return 0;
}

/* All objects of a type, "Session" or "app.Session"; false: there are none. */
static bool choose_type(struct refs *r)
{
	const struct snapshot *s = &r->snapshot;
	const char *dot = strrchr(r->what, '.'), *name = dot ? dot + 1 : r->what;
	uint8_t *wanted = alloc_zeroed(s->type_count + 1, 1);
	size_t room = 0;

	for (size_t i = 1; i < s->type_count; i++) {
		const char *module = snapshot_string(s, s->types[i].module);

		wanted[i] = !strcmp(snapshot_string(s, s->types[i].name), name)
			&& (!dot
				|| (strlen(module) == (size_t)(dot - r->what)
					&& !strncmp(module, r->what, strlen(module))));
	}
	for (uint32_t i = 0; i < r->leaks.graph.blocks && i < s->block_type_count; i++)
		if (wanted[s->block_types[i].type])
			*ARRAY_ADD(r->block, r->count, room) = i;
	free(wanted);
	return r->count;
}

/* All blocks of a type that is known otherwise, by its whole name; false: there are none. */
static bool choose_native_type(struct refs *r)
{
	bool *is_meant = alloc_zeroed(r->types.names.count + 1, sizeof(*is_meant));
	size_t room = 0;

	for (size_t i = 0; i < r->types.names.count; i++) {
		char *shown = name_without_inline(r->types.names.text[i]);

		is_meant[i] = !strcmp(r->types.names.text[i], r->what) || !strcmp(shown, r->what);
		free(shown);
	}
	for (uint32_t i = 0; i < r->leaks.graph.blocks; i++)
		if (r->types.of[i] && is_meant[r->types.of[i] - 1])
			*ARRAY_ADD(r->block, r->count, room) = i;
	free(is_meant);
	return r->count;
}

static int choose_blocks(struct refs *r, struct tide_error *e)
{
	if (!strncmp(r->what, "0x", 2))
		return choose_address(r, e);
	return choose_type(r) || choose_native_type(r) ? 0 : choose_site(r, e);
}

static const struct refs *sorted; /* for qsort: the verbs have one thread */

/* Heads of lost structures first, then the blocks that retain most. */
static int compare_blocks(const void *a, const void *b)
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

/* Python programmers think in modules and frames, and of references that count. */
static void find_paths(struct refs *r)
{
	struct python_starts from;

	r->graph = &r->leaks.graph;
	if (!r->snapshot.python_object_count) {
		reach_find(&r->reach, r->graph, true);
		return;
	}
	counted_graph(&r->counted, &r->leaks.graph);
	r->graph = &r->counted;
	python_field_starts(&r->snapshot, &from);
	reach_find_from(&r->reach, r->graph, from.block, from.blocks, from.edge, from.edges);
	python_heap_find(&r->heap, &r->snapshot);
	free(from.block);
	free(from.edge);
}

/* What hangs on each object, of which its blocks are listed one by one. */
static void sum_native(struct refs *r)
{
	const struct snapshot *s = &r->snapshot;

	for (size_t i = 0; i < s->owner_count; i++) {
		const struct tide_owner *o = &s->owners[i];

		if (o->role != OWNER_OTHER)
			continue;
		if (!r->native)
			r->native = alloc_zeroed(s->block_count, sizeof(*r->native));
		r->native[o->owner].blocks++;
		r->native[o->owner].bytes += s->blocks[o->block].bytes;
	}
}

static int load_snapshot(struct arguments *a, struct tide_error *e)
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
	if (!r->common.plain)
		typed_scan(&r->snapshot, r->symbols);
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
	block_types_find(&r->types, &r->snapshot, r->symbols);
	sum_native(r);
	if (choose_blocks(r, e))
		return -1;
	find_paths(r);
	retained_find(&r->retained, &r->snapshot, &r->leaks);
	if (!a->dot && !r->common.json && !r->common.csv && r->count) {
		sorted = r;
		qsort(r->block, r->count, sizeof(*r->block), compare_blocks);
	}
	refs_find_words(&r->leaks.graph, r->block, r->count, &r->word_start, &r->word);
	declared_find(&declared, &r->snapshot, &r->leaks, r->symbols, a->refcount_at);
	if (declared.value) {
		r->stored = alloc_bytes(r->count * sizeof(*r->stored) + 1);
		for (size_t i = 0; i < r->count; i++)
			r->stored[i] = declared.value[r->block[i]];
	}
	declared_free(&declared);
	return 0;
}

static void unload_snapshot(struct refs *r)
{
	retained_free(&r->retained);
	reach_free(&r->reach);
	graph_free(&r->counted);
	python_heap_free(&r->heap);
	leaks_free(&r->leaks);
	free(r->block);
	free(r->word_start);
	free(r->word);
	free(r->stored);
	free(r->native);
	block_types_free(&r->types);
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

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_ALL_FRAMES | OFFER_SOURCES | OFFER_SCREEN
		| OFFER_QUIET | OFFER_SCAN);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load_snapshot(&a, &e)) {
		error_print(&e);
		unload_snapshot(&a.r);
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
		error_note("%s is damaged: %s", a.r.file, a.r.snapshot.damage);
	if (a.r.snapshot.damaged || bad)
		code = EXIT_UNMEASURED;
	unload_snapshot(&a.r);
	return code;
}
