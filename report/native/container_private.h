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

/* Memory near what was read before; outside [from, to) there are only zeros. */
#define CONTAINER_WINDOW 16384u
struct container_window {
	struct remote *memory;
	uint64_t from, to;
	uint64_t lo; /* 0: nothing yet */
	unsigned char bytes[CONTAINER_WINDOW];
};
/* `bytes` bytes, a few words at most. What cannot be read comes as zeros. */
void container_read(struct container_window *w, uint64_t address, void *to, size_t bytes);
uint64_t container_word(struct container_window *w, uint64_t address);

/* Has a block this many bytes, as far as is known? */
bool container_fits(const struct references *g, uint32_t block, uint64_t bytes);

/* Whose containers there may be. */
struct container_libraries {
	bool gnu, llvm, rust;
};

/* --- what leads to a block: container_words.c --- */

/* Types the texts of std::string that are too long for the object itself, and looks for capacity that is not used, by
 * the words beside all references to the start of a block. *text is the type of texts, and made when it is 0. */
void container_words(struct remote *memory, const struct references *g, struct snapshot_writer *w,
	struct typing *typing, uint32_t *text, const struct container_libraries *libraries);

/* Is the word at `address`, which points to the start of `block`, that of a string? Its capacity that is not used. */
bool container_is_string(struct container_window *words, struct container_window *texts,
	const struct container_libraries *libraries, const struct references *g, uint64_t address,
	uint32_t block, uint64_t *spare);
/* Other containers whose word that is: container_spare.c. */
void container_spare(struct container_window *words, struct container_window *tables,
	const struct references *g, struct typing *typing, uint64_t address, uint32_t block,
	const struct container_libraries *libraries);

#endif
