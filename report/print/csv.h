/* csv.h - fields of CSV rows (RFC 4180).
 *
 * A text that a spreadsheet would take for a formula begins with an apostrophe.
 */
#ifndef TIDEMARK_CSV_H
#define TIDEMARK_CSV_H

#include <stdio.h>
#include "symbol/symbol.h"

/* One field, quoted where it must be; NULL: empty. */
void csv_text(FILE *out, const char *text);
/* Four fields: function, file, line, module; NULL: all empty. */
void csv_place(FILE *out, const struct symbol_line *line);
/* One field: the functions of a stack, innermost first: "a;b;c". */
void csv_stack(FILE *out, const struct symbol_line *const *line, size_t count);

#endif
