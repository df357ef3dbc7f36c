/* typed_known.h - what is inside the blocks whose types other evidence than pointers says. Private to view/;
 * typed_pointers.c begins with it.
 *
 * TN1 A name means the type that fits the size of the block.
 * TN2 A vtable proves nothing in memory that has not the size of its class: such a block loses its type.
 */
#ifndef TIDEMARK_TYPED_KNOWN_H
#define TIDEMARK_TYPED_KNOWN_H

#include "block_types.h"

/* Fills in t->inside, which is all 0. */
void typed_known_find(struct block_types *t, const struct snapshot *s);

#endif
