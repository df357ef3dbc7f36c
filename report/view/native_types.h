/* native_types.h - the blocks of native code by type: the native half of `types`.
 *
 * NY1 A row is a type by name. Rows add up to what is typed, the evidence of a row to its blocks.
 * NY2 Objects of Python are not here, and neither is what belongs to them (python_heap.h): types_view.h has both, and the
 *     two halves add up to all blocks.
 */
#ifndef TIDEMARK_NATIVE_TYPES_H
#define TIDEMARK_NATIVE_TYPES_H

#include "analysis/leaks.h"
#include "block_types.h"

#define NATIVE_TYPES_SITES 10u /* of a row */
#define NATIVE_TYPES_EVIDENCE 7u

struct native_types_site {
	uint64_t blocks;
	uint32_t site;
};

#define NATIVE_TYPES_FIELDS 10u /* of a row */
struct native_types_field {
	const char *field; /* "net::Server::sessions_", "app.cache.head" */
	uint64_t blocks;
};

struct native_types_row {
	const char *type, *language; /* "c++", "c", "rust" */
	uint64_t blocks, bytes, retained_bytes, lost_blocks;
	uint64_t evidence[NATIVE_TYPES_EVIDENCE];               /* blocks, by enum tide_evidence */
	struct native_types_site site[NATIVE_TYPES_SITES];      /* most blocks first; blocks 0: no more */
	struct native_types_field held_by[NATIVE_TYPES_FIELDS]; /* as these */
};

struct native_types {
	struct block_types types;
	struct intern fields;
	bool *python;                 /* [blocks] an object of Python, or of one */
	struct native_types_row *row; /* most bytes first */
	size_t row_count;
	uint64_t blocks, bytes, typed_blocks, typed_bytes; /* without those of Python */
};

/* The snapshot holds references and is verified. */
int native_types_find(
	struct native_types *n, const struct snapshot *s, struct symbols *symbols, struct tide_error *e);
void native_types_free(struct native_types *n);

#endif
