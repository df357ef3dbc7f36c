/* references.h - from the memory of a stopped process to the references between its blocks.
 *
 *   image ──roots_collect──▶ roots, references from roots
 *         ──scan_heap──────▶ references between blocks
 *         ──scan_explain───▶ which interior references a known layout explains
 *
 * Called by the collector. The image stays the caller's.
 */
#ifndef TIDEMARK_REFERENCES_H
#define TIDEMARK_REFERENCES_H

#include "model/ledger.h"
#include "process/image.h"
#include "roots.h"

struct count_notes;

/* What addresses outside the heap are for. Ranges may overlap: the greater rank is right. But REGION_MAPPING and
 * REGION_FOREIGN are what the program has mapped, and arenas of Python, whatever has become of them. */
struct roots_range {
	uint64_t lo, hi;
	uint32_t kind; /* enum tide_region_kind */
	uint32_t rank;
};

struct references {
	/* From the caller. */
	struct tide_block *blocks; /* sorted by address; flags may be set */
	uint64_t block_count;
	bool usable;                      /* their bytes are usable bytes */
	const struct ledger_copy *ledger; /* of the moment */
	struct roots_names names;
	struct count_notes *notes; /* the caller's, or NULL: count_notes.h */
	/* Memory of an allocator above malloc: only blocks in it hold references. `lo`, then `hi`. */
	const uint64_t (*pools)[2];
	uint64_t pool_count;
	/* Results; freed by references_free. */
	struct tide_root *roots;
	uint64_t root_count;
	struct tide_root_edge *root_edges; /* by root, then address */
	uint64_t root_edge_count;
	uint64_t *edge_starts; /* block_count + 1 */
	struct tide_edge *edges;
	uint64_t edge_count;
	uint64_t *digests; /* of each block's content; 0 unknown, or nothing but zeros */
	struct roots_range *ranges;
	uint64_t range_count;
	char doubts[512]; /* what could not be determined; "" = nothing */
};

void references_find(struct references *g, struct image *im);
/* For a process that makes many: what all of them ask of libc and the loader is read once, for it and for
 * its children. */
void references_prepare(void);
/* The same for libstdc++, whose symbols take longer: worth it when a child says that it had to read them. */
void references_prepare_cxx(void);
bool references_met_cxx(void);
void references_free(struct references *g);

#endif
