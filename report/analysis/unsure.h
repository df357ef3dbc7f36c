/* unsure.h - what is held by nothing but words that may be stale.
 *
 * A block whose memory was another's before may still have the other's pointers in it. Such a word holds what it points
 * to, like any other. Here the search is done again without the words that may be stale; what is not found then hangs
 * on them.
 *
 * US1 A word may be stale when the type of its block says nothing about it, when the block it points to is older than
 *     the block it lies in, and when most blocks of the same site have no reference at its offset.
 * US2 Nothing is said where it would be a guess: births are not known, or memory was wiped (the caller knows).
 * US3 No verdict depends on this.
 */
#ifndef TIDEMARK_UNSURE_H
#define TIDEMARK_UNSURE_H

#include "leaks.h"

struct unsure {
	bool known;          /* what follows is */
	bool matters;        /* it is a hundredth or more of what is reachable */
	struct leak_sum sum; /* reachable blocks that hang on such words, of those that are selected */
	uint32_t holder;     /* the block whose words hold most of these; GRAPH_NONE: no block */
};

void unsure_find(struct unsure *u, const struct snapshot *s, const struct leaks *l);

#endif
