/* python.h - CPython's objects in the memory of a process, and which of their words count as
 * references.
 *
 *   blocks of the ledger ──python_find──▶ those, and the blocks that pymalloc has handed out
 *   references between them ──python_references──▶ which words are counted references
 *                           ──python_write──▶ sections of the snapshot
 *
 * Called by the collector; the snapshot holds no memory, so everything that a verb needs to know
 * about an object is found here. Its analysis is in analysis/python_heap.h.
 *
 * YM1  Everything read comes from an untrusted process and may be wrong: each address is looked
 *      up, each length is bounded by the block that holds it, each list by the number of
 *      blocks.
 * YM2  Each part checks its offsets against the process (python_runtime.c) and is switched off on
 *      its own, with its name in the list "python.off". Without Python nothing happens.
 * YM3  Nothing is removed from the graph except words in dead Python stack slots. A word that
 *      Python does not count keeps its edge, flagged EDGE_UNCOUNTED, or EDGE_STALE where it may
 *      be old.
 */
#ifndef TIDEMARK_PYTHON_H
#define TIDEMARK_PYTHON_H

#include "model/typing.h"
#include "process/remote.h"

struct python;

/* NULL: there is no Python in the process. `blocks` are sorted by address. */
struct python *python_find(struct remote *memory, const struct tide_block *blocks, uint64_t count);
void python_free(struct python *p); /* NULL is fine */
bool python_reads_objects(const struct python *p);

/* The given blocks and those of pymalloc, by address. The caller frees them and may set their flags. */
struct tide_block *python_blocks(struct python *p, uint64_t *count);
/* Memory in which only blocks hold references, pymalloc's arenas: from, to. */
const uint64_t (*python_arenas(const struct python *p, uint64_t *count))[2];

/* Strings keep their lengths but lose their characters; numbers lose their values. NULL is
 * fine. */
void python_hide_contents(struct python *p, bool hide);
/* The birth number of the last fork that left threads of Python behind; 0: none. NULL is fine. */
void python_left(struct python *p, uint32_t birth);

/* Between blocks and from roots, of the blocks above. */
struct python_graph {
	const struct tide_block *blocks;
	uint64_t block_count;
	const uint64_t *starts;
	struct tide_edge *edges;
	const struct tide_root *roots;
	uint64_t root_count;
	struct tide_root_edge *root_edges;
	uint64_t root_edge_count;
};
/* Sets EDGE_UNCOUNTED, EDGE_STALE and EDGE_EXPLAINED; finds which raw block belongs to which object. */
void python_references(struct python *p, struct python_graph *g);
/* A code object of the stacks, as the library noted it. */
struct python_code {
	uint64_t address;
	const char *name, *file;
	uint32_t first_line;
	bool shared;     /* others at other addresses were not told apart from it */
	char *qualified; /* set by python_qualify where the name is certain; the caller frees it */
};
/* Qualified names for versions whose code objects do not have them. */
void python_qualify(struct python *p, struct python_code *code, uint64_t count);
/* Adds the sections of objects and pymalloc, and types to `typing`, which has a place for each block. */
void python_write(struct python *p, struct snapshot_writer *w, struct typing *typing);

#endif
