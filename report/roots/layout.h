/* layout.h - interior references that a known layout explains.
 *
 * An interior reference makes a block live in any case. Where none is to its
 * start, the block is `possible`, unless one of these layouts says that its
 * owner always points there (facts: C++ ABI, libstdc++, glibc):
 *
 *   array cookie      8 (16) bytes in; the word before = count, the rest divisible by it; a
 *                     count of 0 where there is no rest
 *   length prefix     8 bytes in; word 0 = bytes - 8
 *   COW string        24 bytes in; length <= capacity, capacity fits
 *   second base       the word there and word 0 are both tables of functions
 *   make_shared       16 bytes in; word 0 a table of functions, then two counts
 *   exception header  16, 96 or 128 bytes in; the class at 96 is "GNUCC++"
 *   DTV               16 bytes in; word 0 = slots, (bytes / 16) fits
 *   aligned by hand   16 to 64 bytes in; the word before or after what is pointed at is the block's own
 *                     address
 *   low-bit tag       1..7 bytes in
 *
 * A block's own first words are looked at once, while the heap is read
 * (layout_shape); what an offset means is then a question about that byte.
 */
#ifndef TIDEMARK_LAYOUT_H
#define TIDEMARK_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>
#include "process/remote.h"

struct layout_range {
	uint64_t lo, hi;
};

struct layout {
	struct remote *memory;
	struct layout_range *code; /* executable mappings, by address */
	size_t code_count;
	struct layout_range *files; /* mappings of modules, where tables of functions lie */
	size_t file_count;
	bool usable;     /* sizes of blocks are usable bytes, not those that the program has asked for */
	uint64_t *known; /* a small cache: table address | 1 when it is one */
};

#define LAYOUT_COOKIE 1u
#define LAYOUT_WIDE_COOKIE 2u
#define LAYOUT_LENGTH 4u
#define LAYOUT_STRING 8u
#define LAYOUT_TABLE 16u /* word 0 is a table of functions */
#define LAYOUT_SHARED 32u
#define LAYOUT_EXCEPTION 64u
#define LAYOUT_DTV 128u

void layout_begin(struct layout *l, struct remote *m);
void layout_end(struct layout *l);

/* What a block looks like: `words` are its first `count` words (up to 13). */
uint8_t layout_shape(struct layout *l, const uint64_t *words, size_t count, uint64_t bytes);
/* Does a layout explain a reference `offset` bytes into the block at `address`? */
bool layout_explains(struct layout *l, uint8_t shape, uint64_t address, uint64_t bytes, uint64_t offset);

#endif
