/* pointer_mask.h - bits that programs keep in pointers, and that are cleared before a word is looked up. */
#ifndef TIDEMARK_POINTER_MASK_H
#define TIDEMARK_POINTER_MASK_H

#include <stdint.h>
#include "base/error.h"

/* Bits of a word that tell which page of the address space it points to: without them, no reference is found. */
#define POINTER_MASK_ADDRESS 0x00007ffffffff000u

/* Reads the bits to clear. -1 after *e was filled (EXIT_USAGE): not a number, or bits of the address. */
int pointer_mask_parse(const char *text, uint64_t *mask, struct tide_error *e);

#endif
