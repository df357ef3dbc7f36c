/* wipe.h - `run --wipe`: new blocks hold no old pointers.
 *
 * A block keeps its old contents where the program does not write: in the unused end of an
 * array, in padding. Such a word makes a lost block look alive, or held by a block that does
 * not hold it. Only words that point to where blocks are become zero.
 *
 * Not by default: a program that reads what it has not written may behave otherwise.
 */
#ifndef TIDEMARK_WIPE_H
#define TIDEMARK_WIPE_H

#include "state.h"

/* Wipes bytes [from, bytes) of the block p, which the program has not received yet. */
COLD void wipe_block(void *p, size_t from, size_t bytes);

#endif
