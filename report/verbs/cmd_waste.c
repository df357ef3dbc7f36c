/* cmd_waste.c - `tidemark waste FILE`: where the resident memory is, and what keeps it. */
#include <stdlib.h>
#include <string.h>
#include "print/header.h"
#include "verb.h"
#include "waste_report.h"

static const char doc[] =
	"Print where the resident memory of the process was: live blocks, free memory and what keeps it from going "
	"back, stacks, files and so on; and the largest causes of waste, with what to do.\v"
	"The parts add up to the resident set size. Free memory is called pinned where malloc_trim(0) cannot give it "
	"back, and returnable where it can.\n\n"
	"Examples:\n"
	"  tidemark waste app.tide\n"
	"  tidemark waste -n all app.tide    all rows of all tables\n"
	"  tidemark waste --by type app.tide     what keeps free memory, by type\n"
	"  tidemark waste --json app.tide";

#define KEY_BY 1001

static const struct argp_option own[] = { { "by", KEY_BY, "KEY", 0, "rows by site (default) or type", 0 },
	{ 0 } };

struct arguments {
	struct options common;
	const char *file;
	bool by_type;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	if (key == KEY_BY) {
		a->by_type = !strcmp(arg, "type");
		if (!a->by_type && strcmp(arg, "site"))
			argp_error(state, "--by: '%s' is not one of site, type", arg);
		return 0;
	}
	return options_file(key, arg, state, &a->common, &a->file);
}

static const struct argp argp = { own, parse_option, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

static int load(
	struct waste_report *r, struct snapshot *s, const char *file, bool by_type, struct tide_error *e)
{
	if (snapshot_open(file, s, e))
		return -1;
	snapshot_verify(s);
	r->symbols = symbols_new(s);
	return waste_view_find(&r->view, s, r->symbols, by_type, e);
}

int cmd_waste(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct waste_report r = { .options = &a.common };
	struct snapshot s = { 0 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_CSV | OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET
		| OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load(&r, &s, a.file, a.by_type, &e)) {
		error_print(&e);
		code = e.code;
	} else {
		if (a.common.json)
			waste_json(&r);
		else if (a.common.csv)
			waste_csv(&r);
		else
			bad = waste_screen(&r);
		if (fflush(stdout) || ferror(stdout))
			bad = -1;
	}
	if (s.process && s.damaged) {
		error_note("%s is damaged: %s", a.file, s.damage);
		code = EXIT_UNMEASURED;
	}
	if (bad)
		code = EXIT_UNMEASURED;
	waste_view_free(&r.view);
	if (r.symbols)
		symbols_free(r.symbols);
	if (s.process)
		snapshot_close(&s);
	options_free(&a.common);
	return code;
}
