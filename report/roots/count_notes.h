/* count_notes.h - which words of blocks may be reference counts: noted by the collector, while it reads
 * the heap (SECTION_COUNTS). What they mean is found later, by declared.h.
 *
 * N1  Bounded: the first 64 bytes of a block; of each site at most COUNT_NOTES_COLUMNS offsets, chosen from its first blocks; one byte per block and offset.
 * N2  No content but numbers below 254 is kept.
 */
#ifndef TIDEMARK_COUNT_NOTES_H
#define TIDEMARK_COUNT_NOTES_H

#include "model/snapshot.h"

#define COUNT_NOTES_COLUMNS 4u

struct count_notes;
struct count_notes *count_notes_new(const struct tide_block *blocks, uint64_t count);
/* Each block once, in order; `bytes` of `data` are its beginning (0: it was not read). */
void count_note(struct count_notes *n, uint64_t block, const char *data, uint64_t bytes);
/* Adds the sections. */
void count_notes_write(struct count_notes *n, struct snapshot_writer *w);
void count_notes_free(struct count_notes *n);

#endif
