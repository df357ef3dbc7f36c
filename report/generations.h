/* generations.h - how many marks a block has survived, and selection by marks.
 *
 * A block's birth is a number of a clock that every mark advances (shim/ledger.h): born
 * after a mark means a greater number. Generation 0: no mark since its birth.
 */
#ifndef TIDEMARK_GENERATIONS_H
#define TIDEMARK_GENERATIONS_H

#include "options.h"
#include "snapshot.h"

uint32_t generation_of(const struct snapshot *s, uint32_t birth);

/* --since, --until and --min-age as births: blocks in (*since, *until] are meant; *until 0: no end. */
int generations_select(const struct snapshot *s, const struct options *o, uint32_t *since, uint32_t *until,
	struct tide_error *e);

#endif
