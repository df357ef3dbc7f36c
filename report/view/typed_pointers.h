/* typed_pointers.h - types of blocks by what points to them. Private to view/; block_types.h calls it.
 *
 *   variables ──▶ blocks ──members──▶ blocks ...
 *
 * TP1 A block has the type that pointers to its start are declared with, where its size is that of one such object, or
 *     of several, and no other type of that size begins with this one. Where it is not, and one type alone that begins
 *     with this one has the size, the block is of that type.
 * TP2 void, bytes, unions and what a compiler cannot say for sure prove nothing; but a block that nothing else says
 *     anything of, that holds no pointer, and whose start a `char *` points to, is text.
 * TP3 Where pointers disagree the block has no type, and nothing follows from what it holds. A pointer to what the
 *     block's type begins with agrees with it.
 * TP4 Variables of functions count last: a slot of a frame may hold an old word, so that they take no type from a
 *     block that other pointers have typed, and where they disagree among each other there is none.
 * TP5 What pointers prove does not depend on the order in which they are met, but where two of them prove different types
 *     of one block: then the first one counts, as a breadth-first search from the roots meets them.
 * TP6 What other evidence says stays, but a vtable proves nothing in memory that has not the size of its class.
 */
#ifndef TIDEMARK_TYPED_POINTERS_H
#define TIDEMARK_TYPED_POINTERS_H

#include "block_types.h"

/* Fills in t->inside, which is all 0,, and the types of blocks that have none. */
void typed_pointers_find(struct block_types *t, const struct snapshot *s);

#endif
