/* ini.h - the lines of an INI file, each with its number.
 *
 * Why not libinih: as distributions build it, it cuts a line at 200 bytes and a
 * command at " ;", joins an indented key to the one before, and does not say in
 * which line a bad value stands. A gate file must do none of these in silence.
 *
 * IN1  `#` and `;` begin a comment at the start of a line only; what follows a
 *      section's `]` may be a comment too. ini_value_end() finds a trailing
 *      " ; comment" for the values that cannot contain one.
 * IN2  The strings given to the callback live until it returns.
 */
#ifndef TIDEMARK_INI_H
#define TIDEMARK_INI_H

#include <stddef.h>
#include "error.h"

struct ini_line {
	const char *path;    /* of the file, as errors name it */
	int line;            /* from 1 */
	const char *section; /* "limits" of [limits login]; "" before the first */
	const char *name;    /* "login"; "" when there is none */
	const char *key;     /* NULL: the section itself begins here */
	const char *value;   /* trimmed; may be "" */
};

/* Returns 0 to go on, -1 after it has filled *e. */
typedef int ini_each(void *context, const struct ini_line *line, struct tide_error *e);

int ini_parse_text(const char *text, size_t bytes, const char *path, ini_each *each, void *context,
	struct tide_error *e);

/* The whole of a text file, to free; NULL after *e was filled. `what`: "the gate file"; `missing`: what
 * to do when there is none. */
char *ini_read(const char *path, const char *what, const char *missing, size_t *bytes, struct tide_error *e);

/* Fills *e with "PATH:LINE: what", why and hint, for EXIT_USAGE; returns -1. */
int ini_error(struct tide_error *e, const char *path, int line, const char *what, const char *why,
	const char *hint);

/* Length of `value` without a trailing comment: blank, `;`, rest. */
size_t ini_value_end(const char *value);

#endif
