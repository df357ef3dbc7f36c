/* root_kinds.h - --roots=-mapping,-register: which kinds of roots count.
 *
 * Used by `run`, `snap` (these are not looked at) and `leaks` (these keep nothing
 * alive). A list of kinds, each with a minus: all but these. Without: only these.
 */
#ifndef TIDEMARK_ROOT_KINDS_H
#define TIDEMARK_ROOT_KINDS_H

#include "error.h"

/* *skip: 1 << enum tide_root_kind of those left out. -1: a word that is no kind, or both forms mixed. */
int root_kinds_parse(const char *list, uint32_t *skip, struct tide_error *e);
/* "mapping, register": those left out, in `to`. */
const char *root_kinds_text(uint32_t skip, char *to, size_t bytes);

#endif
