/* typed_scan.h - words that read like references, where the type of what they lie in says that no pointer can be.
 *
 *   snapshot, names ──▶ types of blocks ──▶ s->unused ──▶ graph_new: leaks, refs, retained, html, gate
 *
 * A word counts as a reference wherever it lies, unless the type of the block proves that no pointer can be there:
 * a stale word in reused memory does not hide a leak then. Called between the opening of a snapshot and the first
 * graph of it, so that all verdicts about one snapshot agree.
 *
 * TS1 Proof is needed for each word: one of its bytes belongs to no member of the object, or lies behind the text of a
 *     std::string, or the word lies in memory of a std::vector or std::deque that has no elements. What is in a union,
 *     a bit-field, behind the end of a structure, or in a type that is not known as a whole counts.
 * TS2 The header of a container is believed where its words agree, nobody else points to what it does not use, no
 *     other header says anything about the same memory, and it does not lie itself where nothing is in use. Where a
 *     thread has the address of the end, or is not known, an element may be under way: one more counts.
 */
#ifndef TIDEMARK_TYPED_SCAN_H
#define TIDEMARK_TYPED_SCAN_H

#include "block_types.h"

/* Sets s->unused and s->typed. Does nothing where there are no references. */
void typed_scan(struct snapshot *s, struct symbols *symbols);
/* The same for a screen that may not wait, after snapshot_verify: false, and s is as it was, where the files that types
 * would be read from have more than *left bytes; else *left is reduced by these. Nothing is read where the snapshot holds
 * the types. A MiB of debug information takes about 5 ms. `symbols` may be NULL. */
bool typed_scan_within(struct snapshot *s, struct symbols *symbols, uint64_t *left);
#define TYPED_SCAN_QUICK (256u << 20) /* bytes: a second or two */
#define TYPED_SCAN_PLAIN "; `tidemark leaks` also looks at types, and may find more"
/* "padding", "text end", "spare"; NULL: the word is a reference. */
const char *typed_scan_why(const struct snapshot *s, uint64_t edge);

#endif
