/* types_keep.h - the types of blocks, stored in a snapshot: its readers need no debug information.
 *
 *   snapshot, debug information ──types_keep──▶ sections ──block_types_find──▶ types, layouts ──▶ all verbs
 *
 * TK1 What is read from the sections is what would be found without them, byte for byte: the types of blocks before
 *     and after typed_scan, and all that fields, and typed_scan itself, need of types.
 * TK2 Types that a snapshot has already are kept where the files of this machine say less.
 */
#ifndef TIDEMARK_TYPES_KEEP_H
#define TIDEMARK_TYPES_KEEP_H

#include "block_types.h"

/* Kinds of sections that types_keep writes, as bits. */
#define TYPES_KEEP_SECTIONS                                                                                  \
	(1ull << SECTION_NATIVE_TYPES | 1ull << SECTION_SCANNED_TYPES | 1ull << SECTION_LAYOUTS              \
		| 1ull << SECTION_MEMBERS | 1ull << SECTION_VARIABLES)

/* Writes the types of `old`, which is verified; how many blocks have one. `s` is the same snapshot without those sections,
 * and was not scanned. */
uint64_t types_keep(
	struct snapshot *s, const struct snapshot *old, struct symbols *symbols, struct snapshot_writer *w);

#endif
