/* declared.h - reference counts that blocks hold themselves, found by statistics.
 *
 * A word at the same offset in the blocks that one line allocates (on whosever behalf) that equals the references found in the healthy ones is
 * their reference count. Where it exceeds what is found in lost ones, a reference was forgotten.
 *
 * DE1  By statistics: at least four live blocks, nine in ten agree, and the counts are not all the same
 *     (a constant says nothing). --refcount-at OFFSET names it instead.
 */
#ifndef TIDEMARK_DECLARED_H
#define TIDEMARK_DECLARED_H

#include "leaks.h"

struct declared_site {
	uint32_t site, offset; /* one of the sites of that line */
	uint64_t live, agree;  /* live blocks; of them, with as many references as they say */
	uint64_t lost, exceed; /* lost blocks; of them, that say more than were found */
	uint64_t excess;       /* references missing, in all */
};

struct declared {
	struct declared_site *site;
	size_t count;
	int16_t *value; /* [blocks] -1: not known; 254: that or more */
};

/* `at` < 0: by statistics. */
void declared_find(struct declared *d, const struct snapshot *s, const struct leaks *l,
	struct symbols *symbols, int64_t at);
void declared_free(struct declared *d);

#endif
