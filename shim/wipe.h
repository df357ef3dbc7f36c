/* wipe.h - `run --wipe`: new blocks hold no old pointers.
 *
 * What a block held before lies in it until the program writes there: in the unused end of an
 * array, in padding. Such a word keeps alive what is lost, or makes it look held by what is not
 * its holder. Only words that point to where blocks are become zero.
 *
 * Not by default: a program that reads what it has not written may behave otherwise.
 */
#ifndef TIDEMARK_WIPE_H
#define TIDEMARK_WIPE_H

#include "state.h"

/* Bytes [from, bytes) of the block p, which the program does not know yet. */
COLD void wipe_block(void *p, size_t from, size_t bytes);

#endif
