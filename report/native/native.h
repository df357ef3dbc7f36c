/* native.h - what the blocks of native code are, as far as memory proves it.
 *
 *   blocks ──first words──▶ vtables ──type_info──▶ names of classes
 *          ──references───▶ headers of containers ──▶ their nodes (container.h)
 *
 * Called by the collector while it has the image.
 *
 * NV1 A type is never a guess. A block is an object of a class when its first word is an address point of a
 *     vtable: before it are an offset to top of 0 and a pointer to a type_info whose own class is one of the
 *     three of the ABI (Itanium C++ ABI, 2.9.5). All of it is read from the image; no symbol is needed.
 * NV2 Memory from malloc may still hold what its last owner left: code that knows the stack of a block takes
 *     the type only where `new` is in it (view/block_types.h).
 * NV3 Everything read is untrusted: names are bounded, each vtable is looked at once, and there are no more
 *     types than vtables that were seen.
 */
#ifndef TIDEMARK_NATIVE_H
#define TIDEMARK_NATIVE_H

#include "model/typing.h"
#include "process/remote.h"
#include "roots/references.h"

/* Types the blocks that have no type yet. `program`: the path of the executable. */
void native_types(struct remote *memory, const struct references *graph, const char *program,
	struct snapshot_writer *w, struct typing *typing);

#endif
