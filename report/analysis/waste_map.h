/* waste_map.h - the pages of heaps in the order of addresses, in cells of equal size: for a picture of them.
 *
 * WM1 A cell does not cross the end of its region. Cells hold as many pages as keep their number below WASTE_MAP_CELLS
 *     (one more for each region).
 * WM2 Live bytes are those that were asked for, of the part of a block that lies in the cell.
 */
#ifndef TIDEMARK_WASTE_MAP_H
#define TIDEMARK_WASTE_MAP_H

#include "waste.h"

#define WASTE_MAP_CELLS 4096u
#define WASTE_MAP_SITES 3u

struct waste_cell {
	uint64_t address, bytes;
	uint64_t live, resident, swapped;
	uint32_t blocks;                /* that lie in it, wholly or in part */
	uint32_t site[WASTE_MAP_SITES]; /* most live bytes in the cell first; UINT32_MAX: no more */
};
struct waste_strip {
	uint32_t arena; /* UINT32_MAX: memory of another allocator, as of CPython's small objects */
	uint32_t cells;
};
struct waste_map {
	uint64_t cell_bytes;
	struct waste_cell *cells; /* strip after strip */
	size_t cell_count, cell_room;
	struct waste_strip *strips; /* one a region */
	size_t strip_count, strip_room;
};

/* Of a snapshot that was verified and that waste_find accepts. */
void waste_map_find(struct waste_map *m, const struct snapshot *s);
void waste_map_free(struct waste_map *m);

#endif
