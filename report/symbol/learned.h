/* learned.h - functions of a snapshot that only allocate for the rest of their module.
 *
 * A program's own malloc wrapper has no name that wrappers.h could know, but the sites give it away: nearly
 * all sites of its module go through it, from many callers.
 *
 * LW1 A function is passed over when it is the innermost line of at least nine in ten of its module's sites,
 *     of LEARNED_SITES or more, and LEARNED_CALLERS different chains of three callers, or more, lead to it.
 * LW2 Wrappers in front of wrappers are learned in turn, LEARNED_ROUNDS deep.
 * LW3 At most LEARNED_LOOK sites are looked at, spread over all of them; the result depends on the
 *     snapshot alone.
 *
 * For views only: keys of sites (site_key.h) must not depend on which sites a run had.
 */
#ifndef TIDEMARK_LEARNED_H
#define TIDEMARK_LEARNED_H

#include "symbol.h"

#define LEARNED_SITES 24u
#define LEARNED_CALLERS 4u
#define LEARNED_ROUNDS 4u
#define LEARNED_LOOK 4096u

struct learned;
/* Never NULL. */
struct learned *learned_new(struct symbols *symbols, const struct snapshot *s);
void learned_free(struct learned *learned);
bool learned_has(const struct learned *learned, const struct symbol_line *line);
/* Each of them passes over what any of them does. */
void learned_unite(struct learned *const *learned, size_t count);

#endif
