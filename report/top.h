/* top.h - the live view: what is watched, its names, and the two ways to show it.
 *
 *   cmd_top ──▶ struct top ──top_session_look──▶ top_model ──▶ top_batch (text frames)
 *                                                        └──▶ top_screen (a terminal)
 *
 * W1  The process is never stopped nor written to: its ledger is read as a file. Only the
 *     snapshot key does what `tidemark snap` does.
 * W2  When the process has ended, or its ledger went, the last picture stays and `ended`
 *     says why. After exec the new program's ledger is taken up.
 * W3  Names are kept by site number; a snapshot is kept open for symbols until a site is
 *     asked for that it does not hold.
 */
#ifndef TIDEMARK_TOP_H
#define TIDEMARK_TOP_H

#include "options.h"
#include "screen.h"
#include "symbol.h"
#include "top_model.h"

struct top_name {
	struct symbol_line line;	/* its strings are kept by the session */
	uint32_t function, module;	/* numbers of texts */
};

struct top {
	struct options common;		/* rows, colour, source root, quiet */
	enum top_group group;
	enum top_sort sort;
	const char *search;		/* part of a function, file or module; NULL: all */
	double interval;		/* seconds */
	unsigned long batch;		/* frames; 0: the screen */
	int pid;			/* 0: a file */
	char *path;
	bool live;			/* may change */
	char ended[256];		/* "" while it runs */
	struct top_model model;
	struct snapshot latest;		/* of the last picture */
	bool has_latest;
	char *exe;
	/* Private to top_session.c. */
	struct snapshot named;		/* what `symbols` reads */
	struct symbols *symbols;
	struct top_name **name;		/* by site; NULL: not yet */
	size_t name_count;
	struct top_text *texts;		/* by content */
	char **text;			/* by number */
	size_t text_count;
	char **thread;			/* labels */
	size_t thread_count;
};

/* Finds the ledger (or file) and takes the first picture. */
int top_session_open(struct top *t, const char *target, struct tide_error *e);
/* Another picture. Never fails: see W2. */
void top_session_look(struct top *t);
void top_session_close(struct top *t);

/* Rows of the last picture, to be freed. */
struct top_row *top_session_rows(struct top *t, size_t *count);
/* What a row is called. A row of a site or function has a line; others only a text. */
const struct symbol_line *top_session_line(struct top *t, const struct top_row *row);
const char *top_session_text(struct top *t, const struct top_row *row);
/* Stack of the site that holds most of a row; NULL for threads. Valid until the next picture. */
const struct symbol_line *top_session_stack(struct top *t, const struct top_row *row, size_t *count);
/* What `snap` does: a line for the user, to be freed. */
char *top_session_snap(struct top *t);

/* Words of --by and --sort, and of the heads. */
const char *top_group_name(enum top_group group);
const char *top_sort_name(enum top_sort sort);
int top_group_parse(const char *text, enum top_group *group);
int top_sort_parse(const char *text, enum top_sort *sort);

int top_screen(struct top *t);		/* exit codes */

#endif
