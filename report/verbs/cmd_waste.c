/* cmd_waste.c - `tidemark waste FILE`: where the resident memory is, and what keeps it. */
#include <stdlib.h>
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
	"  tidemark waste --json app.tide";

struct arguments {
	struct options common;
	const char *file;
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *a = state->input;

	return options_file(key, arg, state, &a->common, &a->file);
}

static const struct argp argp = { NULL, parse_option, "FILE", doc, OPTIONS_CHILD, NULL, NULL };

static int load(struct waste_report *r, struct snapshot *s, const char *file, struct tide_error *e)
{
	if (snapshot_open(file, s, e))
		return -1;
	snapshot_verify(s);
	r->symbols = symbols_new(s);
	return waste_view_find(&r->view, s, r->symbols, e);
}

int cmd_waste(int argc, char **argv)
{
	struct arguments a = { 0 };
	struct waste_report r = { .options = &a.common };
	struct snapshot s = { 0 };
	struct tide_error e = { 0 };
	int code = EXIT_FINE, bad = 0;

	options_offer(OFFER_ROWS | OFFER_JSON | OFFER_SOURCES | OFFER_SCREEN | OFFER_QUIET | OFFER_VERBOSE);
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (load(&r, &s, a.file, &e)) {
		error_print(&e);
		code = e.code;
	} else {
		if (a.common.json)
			waste_json(&r);
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
