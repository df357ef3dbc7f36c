/* top.h - the live view: the watched process, its names, and the two ways to show it.
 *
 *   cmd_top ──▶ struct top ──top_session_look──▶ top_model ──▶ top_batch (text frames)
 *                                                        └──▶ top_screen (a terminal)
 *
 * TW1  The process is neither stopped nor written to: its ledger is read as a file. Only the
 *      snapshot key does what `tidemark snap` does.
 * TW2  When the process has ended, or its ledger is gone, the last state stays on the screen and
 *      `ended` says why. After exec, the view follows the ledger of the new program.
 * TW3  Names are cached by site number; the snapshot that symbols come from stays open until a
 *      site is needed that it does not have.
 * TW4  What malloc holds is measured at most for a hundredth of the time (held.h), and is missing where the
 *      memory of the process cannot be read.
 */
#ifndef TIDEMARK_TOP_H
#define TIDEMARK_TOP_H

#include "base/intern.h"
#include "collect/held.h"
#include "print/options.h"
#include "print/screen.h"
#include "symbol/symbol.h"
#include "top_model.h"

struct top_name {
	struct symbol_line line;   /* its strings are kept by the session */
	uint32_t function, module; /* numbers of texts */
};

struct top {
	struct options common; /* rows, colour, source root, quiet */
	enum top_group group;
	enum top_sort sort;
	const char *search;  /* part of a function, file or module; NULL: all */
	double interval;     /* seconds */
	unsigned long batch; /* frames; 0: the screen */
	int pid;             /* 0: a file */
	char *path;
	bool live;       /* may change */
	char ended[256]; /* "" while it runs */
	struct top_model model;
	struct snapshot latest; /* of the last update */
	bool has_latest;
	char *exe;
	struct held held; /* as it was last measured; all 0: it was not */
	/* Private to top_session.c. */
	uint64_t held_ns;      /* when it is measured next; UINT64_MAX: never */
	struct snapshot named; /* what `symbols` reads */
	struct symbols *symbols;
	struct top_name **name; /* by site; NULL: not yet */
	size_t name_count;
	struct intern texts;
	char **thread; /* labels */
	size_t thread_count;
};

/* Finds the ledger (or file) and reads it for the first time. */
int top_session_open(struct top *t, const char *target, struct tide_error *e);
/* Reads it again. Never fails: see TW2. */
void top_session_look(struct top *t);
void top_session_close(struct top *t);

/* Rows of the last update, to be freed. */
struct top_row *top_session_rows(struct top *t, size_t *count);
/* The name of a row. A row of a site or function has a line; others only a text. */
const struct symbol_line *top_session_line(struct top *t, const struct top_row *row);
const char *top_session_text(struct top *t, const struct top_row *row);
/* Stack of the site that holds most of a row; NULL for threads. Valid until the next update. */
const struct symbol_line *top_session_stack(struct top *t, const struct top_row *row, size_t *count);
/* Takes a snapshot as `snap` does; returns a line for the user, to be freed. */
char *top_session_snap(struct top *t);

/* Words of --by and --sort, and of the heads. */
const char *top_group_name(enum top_group group);
const char *top_sort_name(enum top_sort sort);
int top_group_parse(const char *text, enum top_group *group);
int top_sort_parse(const char *text, enum top_sort *sort);

int top_screen(struct top *t); /* exit codes */

#endif
