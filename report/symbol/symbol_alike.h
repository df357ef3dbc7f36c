/* symbol_alike.h - sites whose stacks are shown with the same frames.
 *
 * An interpreter that specialises its code reaches one line of Python by several ways of its own: the first calls go
 * through functions that later ones do without. Where these are left out, nobody can tell their sites apart.
 *
 * SA1  Alike are sites of one kind (memory, mappings, tracked) with the same frames but for those left out. Native
 *      frames are the same by address: two calls of one line remain two sites, as they are in stacks without Python.
 */
#ifndef TIDEMARK_SYMBOL_ALIKE_H
#define TIDEMARK_SYMBOL_ALIKE_H

#include <stdint.h>
#include "symbol.h"

/* [sites] The first site that is alike: itself, unless only frames that are left out tell it from others. NULL where
 * nothing is left out. It lives as long as the symbols. */
const uint32_t *symbol_alike(struct symbols *);

#endif
