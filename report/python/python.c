/* python.c - the order in which the parts work: python.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "python_private.h"

struct python *python_find(struct remote *memory, const struct tide_block *blocks, uint64_t count)
{
	struct python *p = alloc_zeroed(1, sizeof(*p));

	p->memory = memory;
	p->cache = python_memory_new(memory);
	p->interned_keys = PYTHON_NONE;
	if (!python_runtime_find(p)) {
		python_free(p);
		return NULL;
	}
	if (p->layout)
		python_pools(p, blocks, count);
	python_blocks_join(p, blocks, count);
	if (!p->layout)
		return p;
	python_objects(p);
	python_gc(p);
	python_claims(p);
	python_interned(p);
	python_names(p);
	python_frames(p);
	return p;
}

bool python_reads_objects(const struct python *p) { return p->layout; }

void python_free(struct python *p)
{
	if (!p)
		return;
	python_types_free(p);
	python_memory_free(p->cache);
	index_free(&p->starts);
	free(p->blocks);
	free(p->slot);
	free(p->small);
	free(p->pools);
	free(p->arenas);
	free(p->arena_ranges);
	free(p->frames);
	free(p->chunks);
	free(p);
}
