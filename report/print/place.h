/* place.h - "function file:line" of one frame, made to fit a column.
 *
 * PC1  With little room, in this order: folders of the file go, then parameters
 *      and template arguments, then the middle of the function's name.
 * PC2  A frame without file shows its library: "malloc_thing [libfoo.so.1]".
 */
#ifndef TIDEMARK_PLACE_H
#define TIDEMARK_PLACE_H

#include "screen.h"
#include "symbol/symbol.h"

struct place {
	char *function;
	char *where; /* "" when the function says it all */
};

/* In at most `width` columns, a blank between the two included. */
struct place place_fit(
	const struct screen *s, const struct symbol_line *line, const char *source_root, unsigned width);
void place_free(struct place *p);
/* Prints it with colours. */
void place_print(struct screen *s, const struct symbol_line *line, const char *source_root, unsigned width);

/* A file of the tree at `root` (source_root.h) relative to it; another path as it is. The
 * string lives until another root is asked for. */
const char *place_source(const char *file, const char *root);

#endif
