/* misuse.h - errors of the program that the library saw: double frees and their kin, in words.
 *
 * MU1  What is shown happened: the library writes down what is certain (ER1 of shim/error.h).
 */
#ifndef TIDEMARK_MISUSE_H
#define TIDEMARK_MISUSE_H

#include "json.h"
#include "screen.h"
#include "symbol/symbol.h"

/* How many errors in all, each counted as often as it was seen. */
uint64_t misuse_total(const struct snapshot *s);
/* "double free of 0x55d0c2a0, 3 times" ...; to free. */
char *misuse_text(const struct snapshot *s, const struct tide_misuse *m);
/* The stacks of an error that are known, in the order in which they are shown. */
struct misuse_stack {
	const char *label, *member; /* "freed by"; name in JSON */
	uint32_t site;
};
#define MISUSE_STACKS 3u
size_t misuse_stacks(
	const struct snapshot *s, const struct tide_misuse *m, struct misuse_stack stack[MISUSE_STACKS]);
/* Every error with its places; `verbose`: with whole stacks. Nothing without errors. */
void misuse_screen(struct screen *screen, const struct snapshot *s, struct symbols *symbols,
	const char *source_root, bool verbose);
/* One line for each of the first errors, as `run` prints them. */
void misuse_lines(FILE *out, const struct snapshot *s);
/* The member "errors": an array, empty without any. */
void misuse_json(struct json *j, const struct snapshot *s, struct symbols *symbols);

#endif
