/* container_private.h - what container.c and container_string.c share. */
#ifndef TIDEMARK_CONTAINER_PRIVATE_H
#define TIDEMARK_CONTAINER_PRIVATE_H

#include "container.h"

#define CONTAINER_NO_BLOCK UINT32_MAX

enum container_kind {
	CONTAINER_TREE,
	CONTAINER_LIST,
	CONTAINER_HASH,
	CONTAINER_BUCKETS,
	CONTAINER_LLVM_TREE,
	CONTAINER_LLVM_LIST,
	CONTAINER_LLVM_HASH,
	CONTAINER_LLVM_BUCKETS,
	CONTAINER_TEXT,
	CONTAINER_KINDS
};

/* The number of the new type. */
uint32_t container_add_type(struct snapshot_writer *w, struct typing *typing, enum container_kind kind);

/* Types the texts of std::string that are too long for the object itself. *type is made when it is 0. */
void container_strings(struct remote *memory, const struct references *g, struct snapshot_writer *w,
	struct typing *typing, uint32_t *type);

#endif
