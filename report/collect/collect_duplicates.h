/* collect_duplicates.h - which blocks have the content of another one. */
#ifndef TIDEMARK_COLLECT_DUPLICATES_H
#define TIDEMARK_COLLECT_DUPLICATES_H

#include "model/snapshot.h"

/* SECTION_DUPLICATES, from a digest per block (0: none). Linear in the blocks. */
void collect_duplicates(const uint64_t *digests, uint64_t count, struct snapshot_writer *w);

#endif
