/* waste_spare.h - capacity that containers do not use.
 *
 * WR1 What the collector read beside the pointers to a block (SECTION_SPARE): strings, hash tables and deques of C++,
 *     lists, dicts, sets and buffers of Python. Where blocks have stacks, those of Vec, String and VecDeque of Rust, whose
 *     functions must have allocated the block; where they have none, what looks like std::vector.
 * WR2 std::vector of libstdc++ and libc++ otherwise: memory that its functions have allocated, and to which three
 *     words lead as {start, end of what is used, ...}. The distance of the first two is what is used.
 * WR3 Where a block has no such words, or is full, nothing is said of it.
 */
#ifndef TIDEMARK_WASTE_SPARE_H
#define TIDEMARK_WASTE_SPARE_H

#include "model/snapshot.h"
#include "symbol/symbol.h"

struct waste_spare_row {
	uint32_t site, kind;          /* enum tide_spare_kind */
	uint64_t blocks, bytes, used; /* of containers with room to spare */
};
struct waste_spare {
	struct waste_spare_row *rows; /* the most to spare first */
	size_t count, room;
	uint64_t bytes; /* to spare, of all rows */
};

/* "std::vector" */
const char *waste_spare_name(uint32_t kind);
/* Of a snapshot that was verified. */
void waste_spare_find(struct waste_spare *p, const struct snapshot *s, struct symbols *symbols);
void waste_spare_free(struct waste_spare *p);

#endif
