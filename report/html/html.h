/* html.h - the report for browsers: what its parts share.
 *
 *   views, leaks, dominators ──html_*.c──▶ JSON in columns ──html_page.c──▶ one file
 *
 * The page (report/html/web) draws everything from two JSON texts: `head`, small, painted
 * first, and `data`, which is compressed when it is large. Texts are numbers into one table, lines of code (function, file,
 * line, module) numbers into another, stacks are leaves of one tree, and sites are
 * rows: everything else names a site by its row.
 *
 * HT1  Numbers are those of the other verbs: the measures of `stat`, the kinds of `leaks`,
 *      the sums of `retained`, the rows of `diff`.
 * HT2  What is left out for size is counted in the same place.
 * HT3  Nothing in it can end the script element: "<" is written as an escape. Control characters and those that
 *      turn the direction of writing are written as text.
 */
#ifndef TIDEMARK_HTML_H
#define TIDEMARK_HTML_H

#include "base/intern.h"
#include "print/json.h"
#include "print/options.h"
#include "symbol/symbol.h"
#include "view/leaks_view.h"
#include "analysis/retained.h"
#include "view/native_types.h"
#include "view/history.h"
#include "view/view.h"

/* Four numbers -> the order of their first use. */
struct html_set {
	struct html_key {
		uint32_t part[4];
	} * key;
	uint32_t count, capacity;
	struct index index;
};
uint32_t html_set_add(struct html_set *s, const struct html_key *key);
void html_set_free(struct html_set *s);

/* A site as the page knows it. */
struct html_row {
	uint32_t site; /* number in its snapshot */
	uint32_t node; /* innermost line, in `nodes` */
	uint32_t skip; /* lines of allocator wrappers before the caller */
	uint32_t
		name; /* lines before the one that names the row, and one more before the caller that tells it from
			* others (0: none): symbol_row.h */
	uint32_t tell;
	uint32_t
		library; /* lines before what a container did for it, and one more (0: nothing): symbol_row.h */
	uint8_t flags;   /* HTML_ROW_* */
};

struct html {
	const struct options *options;
	struct leaks_view leaks; /* also owns the snapshots and their symbols */
	struct view view, old;
	bool has_old, references; /* leaks and retained are there */
	char why[512];            /* no references: why */
	struct retained retained;
	struct history history;     /* of several snapshots of the process; no moments: there is one */
	struct native_types native; /* html_types_find; native.types.of NULL: `types_error` says why */
	struct tide_error types_error;
	bool has_memory; /* the parts of resident memory are known */
	uint64_t resident, resident_live;
	struct intern text;
	struct html_set lines; /* function, file, line, module << 3 | flags */
	struct html_set nodes; /* caller's node + 1 (0: outermost), line; callers come first */
	struct html_row *row;  /* first the kept sites of `view` */
	uint32_t rows, rows_capacity;
	uint32_t *row_of[2];                    /* [sites] of view and old: row + 1; 0 none yet */
	uint32_t *line_of[2], line_capacity[2]; /* by number of the symbols' line: in `lines`, + 1 */
	bool with_source;                       /* lines of source text are in the report */
	char **source;                          /* by text of a file: where it was built */
	uint32_t source_room;
	const struct symbol_line **stack; /* scratch */
	size_t stack_capacity;
	struct json json; /* escapes for HTML */
};
enum { HTML_ROW_OLD = 1, HTML_ROW_CUT = 2 }; /* of the old snapshot; the stack ends early */
enum { HTML_INLINED = 1, HTML_WRAPPER = 2, HTML_NO_SYMBOL = 4 };

/* html_names.c */
uint32_t html_row(struct html *h, uint32_t site, bool old);
void html_names(struct html *h); /* "text", "lines", "nodes", "rows": to be written last */
void html_names_free(struct html *h);
/* The member `name`: an array of numbers. */
void html_column(struct html *h, const char *name, const void *from, size_t count, size_t stride,
	int64_t (*get)(const void *));

/* Each writes members of the object `data`. */
void html_sites(struct html *h);       /* html_sites.c */
void html_leaks(struct html *h);       /* html_leaks.c */
void html_dominate(struct html *h);    /* html_dominate.c */
void html_diff(struct html *h);        /* html_diff.c */
void html_history(struct html *h);     /* html_history.c */
void html_details(struct html *h);     /* html_details.c */
void html_memory(struct html *h);      /* html_memory.c */
void html_memory_rest(struct html *h); /* a member of `head` */
void html_types_find(struct html *h);  /* html_types.c: before html_leaks, where there are references */
void html_types(struct html *h);       /* after all but html_names */
void html_referrers(struct html *h);   /* html_referrers.c: a part of html_types */
/* The field that two words are in, but for an index or key, to be freed; NULL: they have none in common. Frees both, which may be
 * NULL. */
char *html_field_of_both(char *first, char *last);
void html_source(struct html *h); /* html_source.c: after html_names */
void html_source_note(struct html *h, uint32_t text, const char *file);
void html_source_free(struct html *h);
void html_head(struct html *h); /* html_details.c: the object `head` */

/* html_pack.c: the script element with the data. -1: no memory. */
int html_pack(FILE *out, char *text, size_t bytes);

/* html_page.c: the whole file. -1 when this build has no pages in it. */
int html_page(struct html *h, struct tide_error *e);
bool html_page_known(void);

#endif
