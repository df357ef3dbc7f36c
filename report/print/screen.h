/* screen.h - text for people: width, colour, characters, bars.
 *
 * A verb opens a screen, prints to screen.out, and closes it:
 *
 *   struct screen s;
 *   screen_open(&s, &options);
 *   screen_print(&s, STYLE_HEADING, "%zu sites", n);
 *   return screen_close(&s) ? EXIT_UNMEASURED : EXIT_FINE;
 *
 * SR1  Nothing is wider than `width` (COLUMNS, else the terminal's, else 120) as
 *      long as text from a snapshot comes through screen_fit, place.h or table.h.
 * SR2  Text from a snapshot or program is hostile: screen_clean takes out control
 *      characters and bytes that the terminal's character set does not have.
 * SR3  Colour: the option, then NO_COLOR, then CLICOLOR_FORCE, then a terminal
 *      that is not dumb. Other characters than ASCII only in a UTF-8 locale.
 * SR4  On a terminal, output longer than the screen goes to PAGER (less -FRX).
 */
#ifndef TIDEMARK_SCREEN_H
#define TIDEMARK_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/error.h"
#include "options.h"

enum screen_style {
	STYLE_PLAIN,
	STYLE_HEADING, /* titles and column heads */
	STYLE_STRONG,  /* the number to look at first */
	STYLE_DIM,     /* places, hints, whatever can be skipped */
	STYLE_NAME,    /* functions */
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_WARNING,
	STYLE_BAR,
	STYLES
};

struct screen {
	FILE *out;
	unsigned width, height;
	bool color, unicode;
	bool quiet; /* -q: screen_hint prints nothing */
	char *text; /* what waits for the pager; NULL: out is stdout */
	size_t text_bytes;
};

void screen_open(struct screen *s, const struct options *o);
/* Shows what was printed. -1 after a message when it could not be written. */
int screen_close(struct screen *s);

/* Escape sequences, "" without colour; STYLE_PLAIN ends any style. */
const char *screen_style(const struct screen *s, enum screen_style style);
void screen_print(struct screen *s, enum screen_style style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Paragraphs, filled to the width. `lead` begins the first line ("warning: ") and
 * sets the indentation of the others. */
void screen_paragraph(struct screen *s, enum screen_style style, const char *lead, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A line that says what to type or to know next; not with -q. */
void screen_hint(struct screen *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Columns that `text` takes (0 for what has no width). */
unsigned screen_columns(const struct screen *s, const char *text);
/* Copies to free: without hostile characters, and without inline namespaces of the C++ library; and cut to `width` columns. */
char *screen_clean(const struct screen *s, const char *text);
enum fit { FIT_END, FIT_MIDDLE, FIT_START }; /* where "..." replaces text */
char *screen_fit(const struct screen *s, const char *text, unsigned width, enum fit fit);
const char *screen_ellipsis(const struct screen *s);

/* A bar of `cells` columns, filled to `share` (0..1) and padded with blanks. To free. */
char *screen_bar(const struct screen *s, double share, unsigned cells);
/* One column per value, scaled to the largest; zero is blank. To be freed. */
char *screen_sparkline(const struct screen *s, const double *values, size_t count);
/* Reduces `count` values to `cells` by their maximum. */
void screen_squeeze(const double *values, size_t count, double *cells, size_t cell_count);

#endif
