/* waste_report.h - what `tidemark waste` prints. cmd_waste.c parses and loads, waste_causes.c says what is to be
 * blamed, waste_names.c has words, waste_screen.c is for people, waste_json.c for programs.
 */
#ifndef TIDEMARK_WASTE_REPORT_H
#define TIDEMARK_WASTE_REPORT_H

#include "analysis/waste.h"
#include "analysis/waste_copies.h"
#include "print/options.h"
#include "symbol/symbol.h"

struct waste_report {
	const struct options *options;
	const struct snapshot *s;
	struct symbols *symbols;
	struct waste waste;
	struct waste_copies copies;
	/* Groups that pin, have slack, were not touched: the largest first. */
	uint32_t *pins, *slack, *untouched;
	size_t pin_count, slack_count, untouched_count;
};

/* What keeps memory, in one sentence with figures, and in one what to do. */
struct waste_cause {
	uint64_t bytes; /* that could be won */
	char *what, *advice;
};
#define WASTE_CAUSES 8u
/* The largest first; only such as are worth a word. The count. */
size_t waste_causes(const struct waste_report *r, struct waste_cause causes[WASTE_CAUSES]);
void waste_causes_free(struct waste_cause *causes, size_t count);

/* The name of the last mark before a birth number; "start". */
const char *waste_names_age(const struct snapshot *s, uint32_t birth);
/* Names of the threads that use an arena, each once; to free, with `*count` of them. */
const char **waste_names_threads(const struct waste_report *r, size_t arena, size_t *count);

int waste_screen(const struct waste_report *r); /* -1: it could not be written */
void waste_json(const struct waste_report *r);

#endif
