/* export.h - what every export format is written from.
 *
 *   views ──export_make──▶ struct export ──export_<format>──▶ a file
 *
 * EX1  A site is in it once: of several snapshots the sites with one key
 *      (site_key.h) are added up, and shown with the stack of the largest.
 * EX2  All formats are written from the same numbers: their sums agree to the byte.
 * EX3  Stacks are whole, innermost first, inlined lines included; a site without a
 *      stack has one line that names its kind.
 * EX4  Order: largest by the chosen measure first, then by name: equal input makes
 *      equal output.
 * EX5  A comparison is two of these, each with its own sums: `base` is what the first is
 *      measured against. The views of the base follow those of the first in one array.
 *
 * A new format: one file, one prototype here, one row in the table of export_format.c.
 */
#ifndef TIDEMARK_EXPORT_H
#define TIDEMARK_EXPORT_H

#include <stdio.h>
#include "view/view.h"

struct export_site {
	int64_t of[MEASURES];
	const struct view *view; /* where the stack is from, and the site there */
	uint32_t site;
	uint32_t processes; /* snapshots that have it */
	uint64_t key;
};

struct export
{
	struct view *view;
	size_t view_count;
	struct export_site *site;
	size_t count;
	unsigned known;            /* bit of each measure that means something */
	enum view_measure measure; /* the chosen one */
	int64_t total[MEASURES];
	size_t rows;               /* -n: what dot keeps; SIZE_MAX: its default */
	const struct export *base; /* NULL: no comparison (EX5) */
};

/* The lines of a site, innermost first, made when asked for: all at once would be most of
 * the memory. The same struct serves site after site; free it in the end. */
struct export_stack {
	const struct symbol_line **line;
	size_t lines, room, caller; /* caller: the first line outside of allocator wrappers */
};
void export_stack(struct export_stack *stack, const struct export_site *site);
void export_stack_free(struct export_stack *stack);

int export_make(
	struct export *x, struct view *views, size_t count, enum view_measure measure, struct tide_error *e);
void export_free(struct export *x);

/* Number of the module that a line of the view's symbols is in; 0: none. */
size_t export_module(const struct view *v, const struct symbol_line *line);

/* "/x/y --option": command line of the first process. */
const char *export_command(const struct export *x);

/* export_format.c: the formats, in the order of the help; the last has no name. */
struct export_format {
	const char *name;
	/* Writes a whole file to `out`; the caller finds write errors (ferror). NULL: export_sqlite. */
	int (*write)(const struct export *x, FILE *out, struct tide_error *e);
	bool binary, compares;         /* compares: it can hold a comparison with `base` */
	const char *extension, *alias; /* of files: ".pb.gz" */
	const char *prefix;            /* of their names: "massif.out"; NULL: any */
};
extern const struct export_format export_formats[];

const struct export_format *export_format_find(const char *name);    /* NULL: unknown */
const struct export_format *export_format_of_file(const char *path); /* by its name; NULL: unknown */
/* Calls `write`; where `path` ends in ".gz", text is compressed. */
int export_format_write(const struct export_format *format, const struct export *x, const char *path,
	FILE *out, struct tide_error *e);
char *export_format_names(void); /* "pprof, ..."; to free */

int export_json(const struct export *x, FILE *out, struct tide_error *e);
int export_csv(const struct export *x, FILE *out, struct tide_error *e);
int export_jsonl(const struct export *x, FILE *out, struct tide_error *e);
int export_folded(const struct export *x, FILE *out, struct tide_error *e);
int export_pprof(const struct export *x, FILE *out, struct tide_error *e);
int export_perfetto(const struct export *x, FILE *out, struct tide_error *e);
int export_speedscope(const struct export *x, FILE *out, struct tide_error *e);
int export_dot(const struct export *x, FILE *out, struct tide_error *e);
int export_massif(const struct export *x, FILE *out, struct tide_error *e);
int export_dhat(const struct export *x, FILE *out, struct tide_error *e);
/* SQLite writes by name: `path` is an empty file, or there is none. */
int export_sqlite(const struct export *x, const char *path, struct tide_error *e);

#endif
