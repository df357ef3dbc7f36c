/* root_kinds.h - the kinds of roots: their names, their order, and lists of them.
 *
 * --roots=-mapping,-register says which kinds of roots count. `run` and `snap` do not look at
 * the others; for `leaks` they keep nothing alive. A list of kinds with a minus means all but
 * these, one without means only these.
 */
#ifndef TIDEMARK_ROOT_KINDS_H
#define TIDEMARK_ROOT_KINDS_H

#include "base/error.h"
#include "format.h"

/* "global" ...; "unknown" for a number that is not an enum tide_root_kind. */
const char *root_kind_name(uint32_t kind);
/* 0 for the steadiest kind; roots of weak evidence come after all others. Below ROOT_RANKS. */
#define ROOT_RANKS 16u
unsigned root_kind_rank(const struct tide_root *root);

/* *skip: 1 << enum tide_root_kind of those left out. -1: a word that is not a kind, or both forms mixed. */
int root_kinds_parse(const char *list, uint32_t *skip, struct tide_error *e);
/* "mapping, register": those left out, in `to`. */
const char *root_kinds_text(uint32_t skip, char *to, size_t bytes);

#endif
