/* waste_spare.h - capacity that containers do not use.
 *
 * WR1 std::vector only, of libstdc++ and libc++: memory that its functions have allocated, and to which three words
 *     lead as {start, end of what is used, ...}. The distance of the first two is what is used. Where a block has no
 *     such words, or is full, nothing is said of it.
 */
#ifndef TIDEMARK_WASTE_SPARE_H
#define TIDEMARK_WASTE_SPARE_H

#include "model/snapshot.h"
#include "symbol/symbol.h"

struct waste_spare_row {
	uint32_t site;
	uint64_t blocks, bytes, used; /* of vectors with room to spare */
};
struct waste_spare {
	struct waste_spare_row *rows; /* the most to spare first */
	size_t count;
	uint64_t bytes; /* to spare, of all rows */
};

/* Of a snapshot that was verified. */
void waste_spare_find(struct waste_spare *p, const struct snapshot *s, struct symbols *symbols);
void waste_spare_free(struct waste_spare *p);

#endif
