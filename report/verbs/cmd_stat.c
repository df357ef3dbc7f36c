/* cmd_stat.c - statistics of snapshots, in tracemalloc's spirit. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "print/header.h"
#include "print/options.h"
#include "stat.h"
#include "verb.h"

enum { KEY_BY = 0x100, KEY_SORT, KEY_DOMAIN };

struct arguments {
	struct options common;
	enum view_key by;
	enum view_measure sort;
	bool sort_given;
	enum view_domain domain;
	const char **file;
	size_t files;
};

static const struct argp_option own[] = {
	{ "by", KEY_BY, "KEY", 0,
		"group by site (default), function, file, line, module, thread, stack, "
		"size, age or type",
		0 },
	{ "sort", KEY_SORT, "MEASURE", 0,
		"sort by live (default; peak where little of it is still live), peak, "
		"total, count (live blocks), allocations, temporary or lost",
		0 },
	{ "domain", KEY_DOMAIN, "DOMAIN", 0,
		"count heap blocks (default: blocks), mappings (mmap), tracked "
		"(tide_track) or all",
		0 },
	{ NULL, 0, NULL, 0, NULL, 0 }
};

static const char doc[] =
	"Print who allocated what: live bytes and blocks, their values at the peak of the process, totals "
	"over the run, temporary allocations. Several files (the children of a run, a fleet) are added up by "
	"site."
	"\v"
	"Examples:\n"
	"  tidemark stat app.tide                     the ten sites that hold most\n"
	"  tidemark stat -v --sort peak app.tide      at the peak, with stacks\n"
	"  tidemark stat --by module app.tide         which library\n"
	"  tidemark stat --filter 'src/*' app.tide    only sites in these files\n"
	"  tidemark stat --since warm app.tide        only blocks allocated later\n"
	"  tidemark stat --json a.tide b.tide         several processes, for scripts";

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	static const char *const domain[] = { "blocks", "mappings", "tracked", "all" };
	struct arguments *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; break;
	case KEY_BY:
		if (view_key_parse(arg, &a->by))
			argp_error(state,
				"--by: '%s' is not one of site, function, file, line, module, thread, "
				"stack, size, age, type",
				arg);
		break;
	case KEY_SORT:
		if (view_measure_parse(arg, &a->sort))
			argp_error(state, "--sort: '%s' is not one of " VIEW_MEASURE_WORDS, arg);
		a->sort_given = true;
		break;
	case KEY_DOMAIN:
		for (a->domain = 0; a->domain <= DOMAIN_ALL; a->domain++)
			if (!strcmp(arg, domain[a->domain]))
				return 0;
		argp_error(state, "--domain: '%s' is not one of blocks, mappings, tracked, all", arg);
		break;
	case ARGP_KEY_ARG: *ARRAY_APPEND(a->file, a->files) = arg; break;
	case ARGP_KEY_END:
		if (!a->files)
			argp_error(state, "name a snapshot (a .tide file)");
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = { own, parse_option, "FILE...", doc, OPTIONS_CHILD, NULL, NULL };

/* What programs read stays in the order they ask for. */
static bool is_past_peak(const struct stat_report *r)
{
	int64_t live = r->totals.of[LIVE_BYTES], peak = r->totals.of[PEAK_BYTES];

	return !r->options->json && !r->options->csv && !r->views[0].span.given
		&& (r->group.known & 1u << PEAK_BYTES) && live < peak / VIEW_LEFT_OF_PEAK;
}

static int choose_sort(struct stat_report *r, struct tide_error *e)
{
	static const enum view_measure next[] = { LIVE_BYTES, PEAK_BYTES, TOTAL_BYTES, TOTAL_BLOCKS };

	if (r->sort_given && !(r->group.known & 1u << r->sort))
		return error_set(e, EXIT_USAGE,
			"cannot sort by %s|it is not known for each %s|try --sort "
			"live",
			view_measure_name(r->sort), view_key_name(r->group.key));
	for (size_t i = is_past_peak(r); !r->sort_given && i < sizeof(next) / sizeof(next[0]); i++) {
		if (!(r->group.known & 1u << next[i]))
			continue;
		r->sort = next[i];
		if (r->totals.of[next[i]] || r->views[0].span.given)
			break;
	}
	return 0;
}

static int compare_naturally(const void *a, const void *b)
{
	const struct view_row *x = a, *y = b;

	return x->line.address < y->line.address ? -1 : x->line.address > y->line.address;
}

static int print_report(struct arguments *a, struct stat_report *r, struct tide_error *e)
{
	int code;

	if (view_group(&r->group, r->views, r->view_count, a->by, e))
		return -1;
	for (size_t i = 0; i < r->view_count; i++)
		measures_add(&r->totals, &r->views[i].total);
	if (choose_sort(r, e)) {
		view_group_free(&r->group);
		return -1;
	}
	if ((a->by == KEY_SIZE || a->by == KEY_AGE) && !a->sort_given && r->group.count)
		qsort(r->group.row, r->group.count, sizeof(*r->group.row), compare_naturally);
	else
		view_sort(&r->group, r->sort);
	code = a->common.json ? stat_json(r) : a->common.csv ? stat_csv(r) : stat_screen(r);
	view_group_free(&r->group);
	return code;
}

int cmd_stat(int argc, char **argv)
{
	struct arguments a = { .by = KEY_SITE, .sort = LIVE_BYTES };
	struct stat_report r = { .options = &a.common };
	struct tide_error e;
	int code = EXIT_FINE;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_FILTER | OFFER_MARKS | OFFER_AGE
		| OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	r.sort = a.sort;
	r.sort_given = a.sort_given;
	r.views = alloc_zeroed(a.files, sizeof(*r.views));
	for (size_t i = 0; i < a.files && code == EXIT_FINE; i++)
		if (view_load(&r.views[i], a.file[i], &a.common.selection, a.domain, &e))
			code = -1;
		else if (r.view_count++, view_measure_is_lost(a.sort))
			code = view_find_lost(&r.views[i], NULL, &e);
	if (code == EXIT_FINE)
		code = print_report(&a, &r, &e);
	if (code < 0) {
		error_print(&e);
		code = e.code;
	}
	for (size_t i = 0; i < r.view_count; i++) {
		if (code == EXIT_FINE)
			code = header_code(r.views[i].snapshot);
		view_close(&r.views[i]);
	}
	free(r.views);
	free(a.file);
	options_free(&a.common);
	return code;
}
