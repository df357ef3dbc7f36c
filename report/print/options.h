/* options.h - the options that verbs share, as an argp child.
 *
 * A verb puts `struct options` into its own arguments and the child into its argp, and
 * offers those that do something in it:
 *
 *   struct arguments { struct options common; ... };
 *
 *   static error_t parse(int key, char *arg, struct argp_state *state)
 *   {
 *           struct arguments *a = state->input;
 *           switch (key) {
 *           case ARGP_KEY_INIT: state->child_inputs[0] = &a->common; break;
 *           case ARGP_KEY_ARG: ...
 *   }
 *   static const struct argp argp = { own, parse, "FILE", doc, OPTIONS_CHILD, NULL, NULL };
 *
 *   struct arguments a = { 0 };
 *   options_offer(OFFER_SCREEN | OFFER_JSON);
 *   argp_parse(&argp, argc, argv, 0, NULL, &a);    (exits with status 2 on a usage error)
 *
 * A verb of one snapshot and nothing else leaves INIT, ARG and END to options_file().
 *
 * OP1  Taken short options: -n -q -v. A verb's own keys stay below OPTIONS_KEY.
 * OP2  Strings belong to argv. options_free frees the lists.
 */
#ifndef TIDEMARK_OPTIONS_H
#define TIDEMARK_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include "view/selection.h"

enum color_when { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

struct options {
	bool json, csv;             /* never both */
	long rows;                  /* -n: most rows; 0 = the verb's default, -1 = all */
	struct selection selection; /* --filter, --exclude, --all-frames, --since, --until, --min-age */
	struct selection_list suppressions; /* files */
	const char *source_root;            /* NULL = none */
	enum color_when color;
	bool no_pager;
	bool quiet;
	int verbose; /* how many -v */
	bool plain;  /* --scan plain: types do not decide which words are references */
};

enum options_offered {
	OFFER_ROWS = 1, /* -n */
	OFFER_JSON = 2,
	OFFER_CSV = 4,
	OFFER_FILTER = 8, /* --filter, --exclude, --all-frames */
	OFFER_MARKS = 16, /* --since, --until */
	OFFER_AGE = 32,   /* --min-age */
	OFFER_SUPPRESSIONS = 64,
	OFFER_SOURCES = 128, /* --source-root */
	OFFER_SCREEN = 256,  /* --color, --no-pager */
	OFFER_QUIET = 512,
	OFFER_VERBOSE = 1024,
	OFFER_ALL_FRAMES = 2048, /* alone: for SITE */
	OFFER_SCAN = 4096,       /* --scan */
};

#define OPTIONS_KEY 0x7000
extern const struct argp_child options_child[];
#define OPTIONS_CHILD options_child

/* Which of the shared options there are in this process; an option that is not offered is unknown. */
void options_offer(unsigned offered);
/* Ends the process for an option whose value is wrong, as argp_error does, with the message of *e. */
void options_refuse(const struct tide_error *e) __attribute__((noreturn));
/* Parses "FILE" for a verb whose own arguments hold `o` and `file`; ARGP_ERR_UNKNOWN for all else. */
error_t options_file(int key, char *arg, struct argp_state *state, struct options *o, const char **file);
/* How many rows a verb prints: what was given, all for JSON and CSV, else `screen_rows`. */
size_t options_rows(const struct options *o, size_t screen_rows);
void options_free(struct options *o);

#endif
