/* owners.h - one owner for each block, also where several hold it; and which roots those are.
 *
 * Dominators say exactly what would be freed with its owner, and charge nothing to anybody where a second reference
 * exists, be it a stale word on a stack. Here each block is charged to the steadiest root that reaches it.
 *
 * OW1  Roots are asked in the order of their kinds (enum tide_root_kind: globals first), those of one kind together; in
 *      each, the nearest to a root wins. What no root reaches belongs to its group of root leaks, the rest to the node
 *      that keeps without a root. So all that dominators have is in one place of the tree.
 * OW2  `holders` has a bit for each of the OWNERS_NAMED roots that are charged most, if they reach the block; the last
 *      bit is for all others.
 */
#ifndef TIDEMARK_OWNERS_H
#define TIDEMARK_OWNERS_H

#include "dominate.h"

#define OWNERS_NAMED 63u

struct owners {
	uint32_t count;
	uint32_t *node;    /* [count] as in dominate.h; 0 is the whole, parents come first */
	uint32_t *parent;  /* [count] index of the parent; of 0: 0 */
	uint64_t *holders; /* [blocks] */
	uint32_t named[OWNERS_NAMED];
	uint32_t named_count; /* roots */
};

void owners_find(struct owners *o, const struct dominate_graph *g, const struct snapshot *s, uint32_t roots);
void owners_free(struct owners *o);

#endif
