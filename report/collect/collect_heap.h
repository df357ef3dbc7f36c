/* collect_heap.h - the part of the heap outside blocks: the walk of glibc's heap as sections of a snapshot.
 *
 * CH1 SECTION_CHUNKS and the blocks of the snapshot together cover each segment of the heap without a gap: what
 *     the walk found in use, and the list of blocks does not have, appears as CHUNK_UNLISTED; what is neither a
 *     block nor free as CHUNK_OWN.
 */
#ifndef TIDEMARK_COLLECT_HEAP_H
#define TIDEMARK_COLLECT_HEAP_H

#include "blockmap.h"
#include "heap/heap.h"
#include "model/ledger.h"

/* A walked heap, and the blocks of it that are in use; empty where no heap was found. */
struct collect_heap {
	const struct heap *heap;
	const struct tide_block *used; /* by address; usable bytes */
	uint64_t used_count;
};

/* SECTION_ARENAS, SECTION_CHUNKS and SECTION_THREAD_ARENAS; `blocks` are those of the snapshot, `ledger` has its
 * threads. */
void collect_heap(const struct collect_heap *c, struct remote *memory, const struct ledger_copy *ledger,
	const struct blockmap *blocks, struct snapshot_writer *w);

#endif
