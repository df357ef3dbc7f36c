/* dot.h - texts in graphs for Graphviz. */
#ifndef TIDEMARK_DOT_H
#define TIDEMARK_DOT_H

#include <stdio.h>

/* The inside of a quoted string: cleaned, with quotes and backslashes escaped. */
void dot_text(FILE *out, const char *text);

#endif
