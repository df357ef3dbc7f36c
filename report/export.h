/* export.h - what every export format is written from.
 *
 *   views ──export_make──▶ struct export ──export_<format>──▶ a file
 *
 * E1  A site is in it once: of several snapshots the sites with one key
 *     (site_key.h) are added up, and shown with the stack of the largest.
 * E2  All formats are written from the same numbers: their sums agree to the byte.
 * E3  Stacks are whole, innermost first, inlined lines included; a site without a
 *     stack has one line that says what it stands for.
 * E4  Order: largest by the chosen measure first, then by name: equal input makes
 *     equal output.
 * E5  A comparison is two of these, each with its own sums: `base` is what the first is
 *     measured against. The views of the base follow those of the first in one array.
 *
 * A new format: one file, one prototype here, one line in the table of cmd_export.c.
 */
#ifndef TIDEMARK_EXPORT_H
#define TIDEMARK_EXPORT_H

#include <stdio.h>
#include "view.h"

/* The measures of view.h, and what the analysis of references adds. */
enum { EXPORT_LOST_BYTES = MEASURES, EXPORT_LOST_BLOCKS, EXPORT_MEASURES };

struct export_site {
	int64_t of[EXPORT_MEASURES];
	const struct view *view;	/* where the stack is from, and the site there */
	uint32_t site;
	uint32_t processes;		/* snapshots that have it */
	uint64_t key;
};

struct export {
	struct view *view;
	size_t view_count;
	struct export_site *site;
	size_t count;
	unsigned known;			/* bit of each measure that means something */
	unsigned measure;		/* the chosen one */
	int64_t total[EXPORT_MEASURES];
	size_t rows;			/* -n: what dot keeps; SIZE_MAX: its default */
	const struct export *base;	/* NULL: no comparison (E5) */
};

/* Lost bytes and blocks of each site of one view (arrays of site_count), or NULL. */
struct export_lost { int64_t *bytes, *blocks; };

/* The lines of a site, innermost first, made when asked for: all at once would be most of
 * the memory. The same struct serves site after site; free it in the end. */
struct export_stack {
	const struct symbol_line **line;
	size_t lines, room, caller;	/* caller: the first line that is no allocator's wrapper */
};
void export_stack(struct export_stack *stack, const struct export_site *site);
void export_stack_free(struct export_stack *stack);

int export_make(struct export *x, struct view *views, size_t count, const struct export_lost *lost,
	unsigned measure, struct tide_error *e);
void export_free(struct export *x);

int export_measure_parse(const char *text, unsigned *measure);
const char *export_measure_name(unsigned measure);
bool export_measure_is_bytes(unsigned measure);
/* "/x/y --option": command line of the first process. */
const char *export_command(const struct export *x);

/* Each writes a whole file to `out`; a write error is seen by the caller (ferror). */
int export_json(const struct export *x, FILE *out, struct tide_error *e);
int export_csv(const struct export *x, FILE *out, struct tide_error *e);
int export_jsonl(const struct export *x, FILE *out, struct tide_error *e);
int export_folded(const struct export *x, FILE *out, struct tide_error *e);
int export_pprof(const struct export *x, FILE *out, struct tide_error *e);
int export_speedscope(const struct export *x, FILE *out, struct tide_error *e);
int export_dot(const struct export *x, FILE *out, struct tide_error *e);
int export_massif(const struct export *x, FILE *out, struct tide_error *e);
int export_dhat(const struct export *x, FILE *out, struct tide_error *e);
/* SQLite writes by name: `path` must not exist. */
int export_sqlite(const struct export *x, const char *path, struct tide_error *e);

/* Numbers for texts, in order of first use from 0 on. */
struct intern {
	char **text;
	size_t count, room, slots;
	uint32_t *slot;
};
uint32_t intern_text(struct intern *n, const char *text);
void intern_free(struct intern *n);

#endif
