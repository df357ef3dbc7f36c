/* pattern.h - a pattern of --filter, --exclude or `find`.
 *
 *   fn:GLOB  file:GLOB  module:GLOB  thread:GLOB  FILE:LINE  GLOB (any of fn, file, module)
 *
 * PA1  A file matches by its whole path, its last parts, or its name; a module by its
 *      path, its name, or its name before ".so"; a function with or without parameters.
 * PA2  A thread pattern matches no frame: match.h applies it to threads.
 */
#ifndef TIDEMARK_PATTERN_H
#define TIDEMARK_PATTERN_H

#include <stdbool.h>
#include "symbol/symbol.h"

enum pattern_kind {
	PATTERN_ANY,
	PATTERN_FUNCTION,
	PATTERN_FILE,
	PATTERN_MODULE,
	PATTERN_THREAD,
	PATTERN_LINE
};

struct pattern {
	enum pattern_kind kind;
	char *glob;
	unsigned line; /* PATTERN_LINE */
};

/* To be freed with pattern_free. */
struct pattern pattern_parse(const char *text);
void pattern_free(struct pattern *p);
bool pattern_matches(const struct pattern *p, const struct symbol_line *line);

#endif
