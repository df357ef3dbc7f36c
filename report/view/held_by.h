/* held_by.h - the fields that hold the blocks of each type. Private to view/; native_types.h has the result.
 *
 * HD1 A block counts once for each field that points to it, however many words of that name do. Elements of an array
 *     are one field: "Session::slots_[]".
 */
#ifndef TIDEMARK_HELD_BY_H
#define TIDEMARK_HELD_BY_H

#include "native_types.h"

/* Fills in what holds the rows, which are in the order of the numbers of their types. */
void held_by_find(struct native_types *n, const struct snapshot *s, struct symbols *symbols);

#endif
