/* notes.h - what the program said about its blocks (TRACKED_* of shim/ledger.h):
 * __lsan_ignore_object, __lsan_disable, tide_ignore, tide_weak.
 */
#ifndef TIDEMARK_NOTES_H
#define TIDEMARK_NOTES_H

#include "model/ledger.h"

/* Sets BLOCK_IGNORED and BLOCK_WEAK. Blocks are sorted by address. A note applies to the block that lived
 * at its address at the time: one born later is another block. */
void notes_apply(const struct ledger_copy *c, struct tide_block *blocks, uint64_t count);

#endif
