/* python_blocks.c - pymalloc's blocks among those of the ledger: python_private.h.
 *
 * The ledger's blocks stay as they are, with their sites and requested sizes; a block of
 * pymalloc is added only when no block of the ledger lies in it.
 */
#include <stdlib.h>
#include "base/alloc.h"
#include "python_private.h"

void python_blocks_join(struct python *p, const struct tide_block *blocks, uint64_t count)
{
	uint64_t i = 0, k = 0, n = 0;
	struct tide_block *to = alloc_bytes((count + p->small_count + 1) * sizeof(*to));

	while (i < count || k < p->small_count) {
		const struct tide_block *b = i < count ? &blocks[i] : NULL,
					*s = k < p->small_count ? &p->small[k] : NULL;

		if (!s || (b && b->address < s->address + s->bytes)) {
			/* At most one small block holds it. */
			if (s && b->address >= s->address)
				k++;
			to[n++] = *b;
			i++;
		} else {
			to[n++] = *s;
			k++;
		}
	}
	free(p->small);
	p->small = NULL;
	p->blocks = to;
	p->block_count = n;
	p->slot = alloc_zeroed(n + 1, sizeof(*p->slot));
	for (uint64_t b = 0; b < n; b++) {
		p->slot[b].owner = PYTHON_NONE;
		index_add(&p->starts, index_hash(to[b].address), (uint32_t)b);
	}
}

uint32_t python_block_at(const struct python *p, uint64_t address)
{
	INDEX_EACH(&p->starts, index_hash(address), probe)
	if (p->blocks[probe.number].address == address)
		return probe.number;
	return PYTHON_NONE;
}

struct tide_block *python_blocks(struct python *p, uint64_t *count)
{
	struct tide_block *copy = alloc_bytes((p->block_count + 1) * sizeof(*copy));

	for (uint64_t i = 0; i < p->block_count; i++)
		copy[i] = p->blocks[i];
	*count = p->block_count;
	return copy;
}
