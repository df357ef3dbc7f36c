/* container.h - nodes of the standard library's containers, and long strings, proved by what their headers say; and
 * capacity that containers do not use.
 *
 * Where neither a stack nor debug information tells a type, the shape does, as long as a header leaves no doubt:
 *
 *   std::map, std::set            the header has the root, the outermost node and a count; all nodes point back
 *   std::list                     a ring through the header, both ways, and a count
 *   std::unordered_map and _set   a chain of as many nodes as the header counts, and buckets of their number
 *   std::string                   the block is as long as the capacity, and has a NUL where the text ends
 *
 * Layouts: libstdc++ (bits/stl_tree.h, stl_list.h, hashtable.h, basic_string.h of GCC 5 and newer) and libc++ (__tree,
 * list, __hash_table, string of LLVM 3.7 and newer, ABI version 1).
 *
 * NC1 A container is typed as a whole or not at all: one node too many or too few, or one pointer that does not
 *     lead back, and none of its blocks gets a type. The template's arguments are not known.
 * NC2 All is read from an untrusted process: counts are bounded by the number of blocks, and all searches
 *     together by a multiple of the references.
 */
#ifndef TIDEMARK_CONTAINER_H
#define TIDEMARK_CONTAINER_H

#include "model/typing.h"
#include "process/remote.h"
#include "roots/references.h"

/* Types the nodes and buckets of containers that have no type yet, and adds capacity that is not used. Does nothing
 * where no C++ library is mapped, unless `classes` is set (the program has a library of its own in it), or unless the
 * program, whose path is `program`, is Rust's. */
void container_types(struct remote *memory, const struct references *graph, bool classes, const char *program,
	struct snapshot_writer *w, struct typing *typing);

#endif
