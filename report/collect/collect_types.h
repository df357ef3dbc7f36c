/* collect_types.h - what the blocks of a snapshot are: those of Python by their headers, native ones by their vtables. */
#ifndef TIDEMARK_COLLECT_TYPES_H
#define TIDEMARK_COLLECT_TYPES_H

#include "model/snapshot.h"
#include "python/python.h"
#include "roots/references.h"

/* Adds the sections. `python` may be NULL. */
void collect_types(struct python *python, struct remote *memory, const struct references *graph,
	const char *program, struct snapshot_writer *w);

#endif
