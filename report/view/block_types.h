/* block_types.h - what each block of a snapshot is, by the best available evidence.
 *
 * BT1 In this order: the object's own header (Python), the frame of an allocator that was made for a type, a
 *     vtable, what the compiler or an unambiguous line of source says of the call, the shape of a container,
 *     typed pointers to it. A block without evidence has no type.
 * BT2 A vtable or a shape counts where the block's stack has `new` in it, or where the stack is unknown: memory
 *     from malloc may hold what its last owner left, and C has containers of its own.
 * BT3 Where the snapshot has the types of its blocks (types_keep.h) they are what it says, and nothing else is read.
 */
#ifndef TIDEMARK_BLOCK_TYPES_H
#define TIDEMARK_BLOCK_TYPES_H

#include "base/intern.h"
#include "members/members.h"
#include "model/snapshot.h"
#include "symbol/symbol.h"

struct block_types {
	struct intern names;     /* of types */
	uint32_t *of;            /* [blocks] 1 + the number of the name; 0: no type */
	uint8_t *evidence;       /* [blocks] enum tide_evidence */
	struct members *members; /* of the symbols */
	uint32_t *inside;        /* [blocks] the type in `members`; 0: what is inside is not known */
};

/* `s` has been verified (snapshot_verify): types that it has stored are taken as they are. */
void block_types_find(struct block_types *t, const struct snapshot *s, struct symbols *symbols);
void block_types_free(struct block_types *t);
/* The name of a block's type; NULL: it has none. */
const char *block_types_name(const struct block_types *t, size_t block);
const char *block_types_evidence(enum tide_evidence evidence); /* "vtable" ... */

#endif
