/* options.c - parses the common options; see options.h. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/error.h"
#include "options.h"
#include "symbol/symbol.h"

enum {
	KEY_JSON = OPTIONS_KEY,
	KEY_CSV,
	KEY_FILTER,
	KEY_EXCLUDE,
	KEY_ALL_FRAMES,
	KEY_SINCE,
	KEY_UNTIL,
	KEY_MIN_AGE,
	KEY_SUPPRESSIONS,
	KEY_SOURCE_ROOT,
	KEY_COLOR,
	KEY_NO_PAGER,
	KEY_SCAN,
};

static const struct {
	unsigned offered;
	struct argp_option option;
} all[] = {
	{ OFFER_ROWS, { NULL, 'n', "N", 0, "print at most N rows (0 or 'all': every row)", 0 } },
	{ OFFER_JSON, { "json", KEY_JSON, NULL, 0, "write JSON to standard output", 0 } },
	{ OFFER_CSV, { "csv", KEY_CSV, NULL, 0, "write comma-separated values to standard output", 0 } },
	{ OFFER_FILTER,
		{ "filter", KEY_FILTER, "GLOB", 0,
			"keep only what matches: a file, function or module; "
			"fn:GLOB, file:GLOB, module:GLOB, thread:GLOB; file:LINE is exact; repeatable",
			0 } },
	{ OFFER_FILTER, { "exclude", KEY_EXCLUDE, "GLOB", 0, "leave out what matches; repeatable", 0 } },
	{ OFFER_FILTER | OFFER_ALL_FRAMES,
		{ "all-frames", KEY_ALL_FRAMES, NULL, 0,
			"match filters and SITE against every frame of a stack, not "
			"only the allocating one",
			0 } },
	{ OFFER_MARKS, { "since", KEY_SINCE, "MARK", 0, "count only blocks allocated after this mark", 0 } },
	{ OFFER_MARKS, { "until", KEY_UNTIL, "MARK", 0, "count only blocks allocated before this mark", 0 } },
	{ OFFER_AGE,
		{ "min-age", KEY_MIN_AGE, "N", 0,
			"count only blocks that survived at least N marks or snapshots", 0 } },
	{ OFFER_SUPPRESSIONS,
		{ "suppressions", KEY_SUPPRESSIONS, "FILE", 0,
			"read suppressions of LeakSanitizer or Valgrind; repeatable", 0 } },
	{ OFFER_SCAN,
		{ "scan", KEY_SCAN, "HOW", 0,
			"typed (default): words that no pointer can be in, by the type of their block, do not "
			"count as references; plain: all words do",
			0 } },
	{ OFFER_SOURCES,
		{ "source-root", KEY_SOURCE_ROOT, "DIR", 0, "show source files relative to DIR", 0 } },
	{ OFFER_SCREEN,
		{ "color", KEY_COLOR, "WHEN", 0, "use colours: auto (default), always or never", 0 } },
	{ OFFER_SCREEN, { "no-pager", KEY_NO_PAGER, NULL, 0, "do not page long output", 0 } },
	{ OFFER_QUIET, { "quiet", 'q', NULL, 0, "print no headings and no hints", 0 } },
	{ OFFER_VERBOSE, { "verbose", 'v', NULL, 0, "print full stacks (-vv: everything)", 0 } },
};
#define ALL (sizeof(all) / sizeof(all[0]))

/* One process, one verb. */
static struct argp_option offered_here[ALL + 1];

void options_offer(unsigned offered)
{
	size_t n = 0;

	for (size_t i = 0; i < ALL; i++)
		if (all[i].offered & offered)
			offered_here[n++] = all[i].option;
	memset(&offered_here[n], 0, sizeof(offered_here[n]));
}

static void add_item(struct selection_list *list, const char *item)
{
	*ARRAY_APPEND(list->item, list->count) = item;
}

static long parse_number(const char *text, const char *option, struct argp_state *state)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < 0 || n > INT_MAX)
		argp_error(state, "%s: '%s' is not a number of 0 or more", option, text);
	return n;
}

static void check_format(const struct options *o, struct argp_state *state)
{
	if (o->json && o->csv)
		argp_error(state, "--json and --csv exclude each other");
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *o = state->input;

	switch (key) {
	case 'n':
		o->rows = strcmp(arg, "all") ? parse_number(arg, "-n", state) : 0;
		if (!o->rows)
			o->rows = -1;
		break;
	case KEY_JSON:
		o->json = true;
		check_format(o, state);
		break;
	case KEY_CSV:
		o->csv = true;
		check_format(o, state);
		break;
	case KEY_FILTER: add_item(&o->selection.filter, arg); break;
	case KEY_EXCLUDE: add_item(&o->selection.exclude, arg); break;
	case KEY_ALL_FRAMES:
		o->selection.all_frames = true;
		symbols_show_plumbing(true);
		break;
	case KEY_SINCE: o->selection.since = arg; break;
	case KEY_UNTIL: o->selection.until = arg; break;
	case KEY_MIN_AGE: o->selection.min_age = (unsigned)parse_number(arg, "--min-age", state); break;
	case KEY_SUPPRESSIONS: add_item(&o->suppressions, arg); break;
	case KEY_SOURCE_ROOT: o->source_root = arg; break;
	case KEY_COLOR:
		if (!strcmp(arg, "auto"))
			o->color = COLOR_AUTO;
		else if (!strcmp(arg, "always"))
			o->color = COLOR_ALWAYS;
		else if (!strcmp(arg, "never"))
			o->color = COLOR_NEVER;
		else
			argp_error(state, "--color: '%s' is not one of auto, always, never", arg);
		break;
	case KEY_NO_PAGER: o->no_pager = true; break;
	case KEY_SCAN:
		if (strcmp(arg, "plain") && strcmp(arg, "typed"))
			argp_error(state, "--scan: '%s' is not one of typed, plain", arg);
		o->plain = !strcmp(arg, "plain");
		break;
	case 'q': o->quiet = true; break;
	case 'v': o->verbose++; break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp options_argp = { offered_here, parse_option, NULL, NULL, NULL, NULL, NULL };
const struct argp_child options_child[] = { { &options_argp, 0, "Common options:", 10 },
	{ NULL, 0, NULL, 0 } };

error_t options_file(int key, char *arg, struct argp_state *state, struct options *o, const char **file)
{
	switch (key) {
	case ARGP_KEY_INIT: state->child_inputs[0] = o; return 0;
	case ARGP_KEY_ARG:
		if (*file)
			argp_error(state,
				"one snapshot at a time: '%s' is the second; ask for each, or compare them with `tidemark diff`",
				arg);
		*file = arg;
		return 0;
	case ARGP_KEY_END:
		if (!*file)
			argp_error(state, "name a snapshot (a .tide file)");
		return 0;
	default: return ARGP_ERR_UNKNOWN;
	}
}

void options_refuse(const struct tide_error *e)
{
	error_print(e);
	exit(e->code);
}

size_t options_rows(const struct options *o, size_t screen_rows)
{
	if (o->rows > 0)
		return (size_t)o->rows;
	return o->rows < 0 || o->json || o->csv ? SIZE_MAX : screen_rows;
}

void options_free(struct options *o)
{
	free(o->selection.filter.item);
	free(o->selection.exclude.item);
	free(o->suppressions.item);
	o->selection.filter = o->selection.exclude = o->suppressions = (struct selection_list){ NULL, 0 };
}
