/* object.h - the loaded object at an address: its range, and its unwind table.
 *
 * glibc 2.35 and later answer this without a lock: _dl_find_object. It is looked
 * up at start-up, so that the library also loads where it is missing. In that case
 * objects are found by the loader's list and their program headers, and kept in a
 * table.
 *
 * OB1  The answer holds as long as the object is loaded: the caller has an address
 *     of its code on a stack, or is unloading it.
 * OB2  An entry of the table counts only if the headers and the unwind table that it
 *     was made from are still where they were, so unloading an object needs no
 *     notice.
 *
 * Threads, signals: all; no lock. Fork: object_after_fork in the child.
 */
#ifndef TIDEMARK_OBJECT_H
#define TIDEMARK_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

struct object {
	uintptr_t lo, hi;      /* from its first segment to the end of its last */
	const uint8_t *unwind; /* .eh_frame_hdr, or NULL */
};

/* Finds the loader's own function. Before that, and where it is missing, the table is used. */
void object_start(void);
bool object_find(uintptr_t address, struct object *out);
/* The loader's record of a loaded object; NULL if it is not in the program's namespace. */
const struct link_map *object_link(const struct object *object);
void object_after_fork(void);

#endif
