/* blockmap.h - all live blocks of a process, out of its block map
 * (shim/blockmap.h), and how they spread over the intervals between marks.
 *
 * K1  Blocks come sorted by address. Nothing in the map is trusted: a site or a thread
 *     that does not exist becomes 0 or UINT32_MAX. No more of it is read than the
 *     process has memory, so leaves that are named repeatedly cannot go on without
 *     end.
 * K2  A map that another thread changes during the reading gives blocks that existed at
 *     some moment of it.
 */
#ifndef TIDEMARK_COLLECT_BLOCKMAP_H
#define TIDEMARK_COLLECT_BLOCKMAP_H

#include "model/ledger.h"
#include "process/remote.h"

struct blockmap {
	struct tide_block *blocks;
	uint64_t count, room;
	uint64_t site_count, thread_count; /* bounds (K1) */
	uint64_t without_size;             /* blocks whose size could not be read: 0 then */
	uint64_t left;                     /* pages of the map that may still be read */
	bool cut;                          /* there were more */
};

/* `touched`: bytes of private memory of the process that are resident or swapped out. */
void blockmap_read(struct blockmap *b, struct remote *m, const struct ledger_copy *c, uint64_t touched);
void blockmap_free(struct blockmap *b);

/* SECTION_BIRTHS, and live_bytes of threads (`threads` may be NULL). */
void blockmap_births(const struct blockmap *b, const struct ledger_copy *c, struct snapshot_writer *w,
	struct tide_thread *threads, uint64_t thread_count);

#endif
