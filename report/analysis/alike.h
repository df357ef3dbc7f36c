/* alike.h - where a block without a call stack may come from: the samples of its size.
 *
 * Of a sampled run most lost blocks have no stack. Those of their size that have one, first of all lost ones, say
 * where to look. That is a hint, and shown as one: sites of several sizes and sizes of several sites exist.
 */
#ifndef TIDEMARK_ALIKE_H
#define TIDEMARK_ALIKE_H

#include "leaks.h"

struct alike {
	uint32_t site;        /* of most samples */
	uint64_t samples, of; /* of that site; in all */
	bool lost;            /* only lost ones were counted */
};

/* For a site of all blocks of a size (SITE_OF_SIZE). False: the site is another one, or there are no samples. */
bool alike_find(const struct leaks *l, const struct snapshot *s, uint32_t site, struct alike *to);

#endif
