/* blind.h - a snapshot that says next to nothing about the memory of its process.
 *
 * An allocator that is linked into a program, or one that was preloaded before us, takes
 * the program's calls away. Nothing is lost in such a snapshot, because nothing was seen,
 * so no verdict may rest on it. Asked by the gate, by `run --leak-exit` and by summaries.
 *
 * A program that took no memory and of which no allocation was seen is not blind by
 * itself; a run of nothing but such programs has seen nothing, which its callers check.
 *
 * BL1 Evidence is the snapshot, and the program's file where that is still the same one.
 *     A program whose memory is mostly its own mappings counts as not seen, too.
 */
#ifndef TIDEMARK_BLIND_H
#define TIDEMARK_BLIND_H

#include "model/snapshot.h"

/* One sentence that begins with the program's name, to be freed; NULL: its memory was seen. */
char *blind_explain(const struct snapshot *s);
/* The same where another malloc is found before ours, in the program or in a library. */
char *blind_own_malloc(const struct snapshot *s);

#endif
