/* types_private.h - the parts of types_view.h.
 *
 *   types_view.c    rows, sums, attributes
 *   types_once.c    which lost references cannot become more
 *   types_tops.c    commonest sites and values
 *   types_repr.c    values as text
 *   types_parts.c   strings, arenas
 */
#ifndef TIDEMARK_TYPES_PRIVATE_H
#define TIDEMARK_TYPES_PRIVATE_H

#include "types_view.h"

/* Finds v->once; called before anything that needs excess. */
void types_once(struct types_view *v);
void types_tops(struct types_view *v, struct symbols *symbols);
void types_parts_strings(struct types_view *v, const char *prefix);
void types_parts_shared(struct types_view *v);
void types_parts_arenas(struct types_view *v);

/* The row of an object. */
static inline uint32_t types_row_of(const struct types_view *v, size_t object)
{
	const struct snapshot *s = v->snapshot;
	uint32_t block = s->python_objects[object].block;

	return v->row_of[s->block_type_count ? s->block_types[block].type : 0];
}

#endif
