/* waste_copies.h - blocks of equal content: waste.h.
 *
 * WC1 A row is one content of one length; its sites are those of all its copies. Largest waste first.
 */
#ifndef TIDEMARK_WASTE_COPIES_H
#define TIDEMARK_WASTE_COPIES_H

#include "model/snapshot.h"

struct waste_content {
	uint64_t copies, bytes; /* of one */
	uint64_t wasted;        /* all copies but one */
	uint32_t *sites;        /* each once */
	size_t site_count;
};
struct waste_copies {
	struct waste_content *rows;
	size_t count, room;
	uint64_t wasted;
};

/* Of a snapshot that was verified. */
void waste_copies_find(struct waste_copies *c, const struct snapshot *s);
void waste_copies_free(struct waste_copies *c);

#endif
