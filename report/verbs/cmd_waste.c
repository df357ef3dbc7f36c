/* cmd_waste.c - `tidemark waste FILE`: where the resident memory is, and what keeps it. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
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

/* --- rows ------------------------------------------------------------------------- */

/* A group pins where what would be given back is in good part memory that is free now: else its own. */
#define PINS_LEAST 4096u
#define PINS_SHARE 10u

static uint64_t pinned_of(const struct waste_group *g)
{
	uint64_t bytes = g->pinned_free + g->pinned_top;

	return bytes >= PINS_LEAST && bytes >= g->pinned / PINS_SHARE ? g->pinned + g->pinned_top : 0;
}

static uint64_t slack_of(const struct waste_group *g) { return g->slack; }
static uint64_t untouched_of(const struct waste_group *g) { return g->untouched; }

struct order {
	uint64_t bytes;
	uint32_t group;
};

static int compare_order(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return (x->group > y->group) - (x->group < y->group);
}

static uint32_t *sort_groups(
	const struct waste *w, uint64_t (*bytes_of)(const struct waste_group *), size_t *count)
{
	struct order *o = alloc_bytes((w->group_count + 1) * sizeof(*o));
	uint32_t *list;

	*count = 0;
	for (size_t i = 0; i < w->group_count; i++)
		if (bytes_of(&w->groups[i]))
			o[(*count)++] = (struct order){ bytes_of(&w->groups[i]), (uint32_t)i };
	qsort(o, *count, sizeof(*o), compare_order);
	list = alloc_bytes((*count + 1) * sizeof(*list));
	for (size_t i = 0; i < *count; i++)
		list[i] = o[i].group;
	free(o);
	return list;
}

static int load(struct waste_report *r, struct snapshot *s, const char *file, struct tide_error *e)
{
	if (snapshot_open(file, s, e))
		return -1;
	snapshot_verify(s);
	if (waste_find(&r->waste, s, e))
		return -1;
	r->s = s;
	r->symbols = symbols_new(s);
	waste_copies_find(&r->copies, s);
	r->pins = sort_groups(&r->waste, pinned_of, &r->pin_count);
	r->slack = sort_groups(&r->waste, slack_of, &r->slack_count);
	r->untouched = sort_groups(&r->waste, untouched_of, &r->untouched_count);
	if (r->waste.walked)
		r->slack_count = 0;
	return 0;
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
	waste_free(&r.waste);
	waste_copies_free(&r.copies);
	free(r.pins);
	free(r.slack);
	free(r.untouched);
	if (r.symbols)
		symbols_free(r.symbols);
	if (s.process)
		snapshot_close(&s);
	options_free(&a.common);
	return code;
}
