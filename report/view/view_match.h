/* view_match.h - the patterns of --filter and --exclude, for view.c alone.
 *
 *   fn:GLOB  file:GLOB  module:GLOB  thread:GLOB  FILE:LINE  GLOB (any of fn, file, module)
 *
 * A file matches by its whole path, its last parts, or its name; a module by its
 * path, its name, or its name before ".so"; a function with or without parameters.
 */
#ifndef TIDEMARK_VIEW_MATCH_H
#define TIDEMARK_VIEW_MATCH_H

#include "model/snapshot.h"
#include "selection.h"
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

struct match;
struct match *match_new(
	const struct snapshot *s, struct symbols *symbols, const struct selection *o, struct tide_error *e);
void match_free(struct match *m);
bool match_site(struct match *m, uint32_t site);
bool match_threads(const struct match *m); /* thread: patterns were given */
bool match_thread(const struct match *m, uint32_t thread);

#endif
