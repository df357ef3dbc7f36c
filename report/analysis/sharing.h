/* sharing.h - what several roots hold, and so none of them retains.
 *
 * Dominators charge such blocks to nobody: a program whose cache holds 8 MB reads as one whose cache retains 2 MB once a
 * second word, which may be stale, leads into the cache. Here these blocks are summed, with the roots that share them.
 *
 * SH1 A block counts once in the sum, and once for each of the roots that reach it.
 * SH2 Only the OWNERS_NAMED roots that are charged most are distinguished (owners.h, OW2).
 */
#ifndef TIDEMARK_SHARING_H
#define TIDEMARK_SHARING_H

#include "retained.h"

#define SHARING_ROOTS 3u

struct sharing {
	struct leak_sum sum;
	size_t count; /* of root and part: the largest parts first */
	uint32_t root[SHARING_ROOTS];
	struct leak_sum part[SHARING_ROOTS];
};

void sharing_find(struct sharing *s, const struct retained *r);

#endif
