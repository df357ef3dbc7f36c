/* waste_python.h - CPython's arenas for small objects: how full they are, and what lies in those that are mostly free.
 *
 * WP1 An arena goes back to the system when no object lies in it, so each block in it keeps all of it.
 * WP2 A row is a type and a site, over all arenas that are less than half full; largest free memory beside its
 *     blocks first. What is free beside several rows counts in each of them.
 */
#ifndef TIDEMARK_WASTE_PYTHON_H
#define TIDEMARK_WASTE_PYTHON_H

#include "model/snapshot.h"

#define WASTE_PYTHON_STEPS 4u /* full to a quarter, to a half ... */

struct waste_python_step {
	uint64_t arenas, bytes, used;
};
struct waste_python_row {
	uint32_t type, site; /* type: as in block_types */
	uint64_t blocks, arenas, free;
	uint64_t last; /* the arena that was counted last, + 1 */
};
struct waste_python {
	struct waste_python_step step[WASTE_PYTHON_STEPS];
	struct waste_python_row *rows;
	size_t count, room;
};

/* `type_of` each block. Of a snapshot that was verified. */
void waste_python_find(struct waste_python *p, const struct snapshot *s, const uint32_t *type_of);
void waste_python_free(struct waste_python *p);

#endif
