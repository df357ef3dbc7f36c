/* retained.h - what every root object, root leak and block keeps alive.
 *
 * Dominators of the whole graph: a node for each root object (so that "retained by global X" comes
 * for free), one for each group of root leaks (leaks.h), one for what is live without a root.
 *
 * RD1  Retained by a block that is held by two roots: what only goes when the block goes; it belongs
 *     to neither root alone.
 *     Words that Python does not count keep nothing.
 * RD2  Dropping a set: what is freed when all its blocks go is what no root reaches without them;
 *     counted among the live blocks, and among the lost ones by what no root leak reaches.
 */
#ifndef TIDEMARK_RETAINED_H
#define TIDEMARK_RETAINED_H

#include "dominate.h"
#include "leaks.h"
#include "owners.h"

struct retained {
	const struct snapshot *s;
	const struct leaks *l;
	struct dominate d;
};

/* `l` must have groups (not totals_only). */
void retained_find(struct retained *r, const struct snapshot *s, const struct leaks *l);
void retained_free(struct retained *r);

/* Each block charged to its steadiest owner, over the same graph (owners.h). */
void retained_owners(const struct retained *r, struct owners *o);

struct leak_sum retained_block(const struct retained *r, uint32_t block);
struct leak_sum retained_root(const struct retained *r, uint32_t root);

/* One entry per site: blocks and bytes of the site, and what its blocks retain (each block counted once).
 * [s->site_count], to free. */
struct retained_site {
	struct leak_sum own, retained;
};
struct retained_site *retained_sites(const struct retained *r);
/* The same for any groups of blocks: group_of[block] is below `groups`, or GRAPH_NONE. */
struct retained_site *retained_by(const struct retained *r, const uint32_t *group_of, size_t groups);

/* RD2, for the blocks with drop[b] != 0. Exact: by search, not by dominators. */
struct leak_sum retained_drop(const struct snapshot *s, const struct leaks *l, const uint8_t *drop);

#endif
