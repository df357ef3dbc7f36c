/* csv.h - fields of CSV rows (RFC 4180).
 *
 * A text that a spreadsheet would take for a formula begins with an apostrophe.
 * A field has at most CSV_FIELD_MOST bytes, so that every reader takes it: of a longer text the
 * middle is left out, and said to be.
 */
#ifndef TIDEMARK_CSV_H
#define TIDEMARK_CSV_H

#include <stdio.h>
#include "symbol/symbol.h"

/* Python's csv module refuses fields of more than 131,072 characters. */
#define CSV_FIELD_MOST 131000u

/* One field, quoted where it must be; NULL: empty. */
void csv_text(FILE *out, const char *text);
/* Four fields: function, file, line, module; NULL: all empty. */
void csv_place(FILE *out, const struct symbol_line *line);
/* One field: the functions of a stack, innermost first: "a;b;c". */
void csv_stack(FILE *out, const struct symbol_line *const *line, size_t count);

#endif
