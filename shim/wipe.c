/* wipe.c - see wipe.h. */
#include "block.h"
#include "wipe.h"

#define WIPE_MOST (1ul << 20) /* larger blocks are almost always fresh */
#define WIPE_LOWEST 65536ul   /* no block is below this (vm.mmap_min_addr) */

COLD void wipe_block(void *p, size_t from, size_t bytes)
{
	uintptr_t *word = p;
	if (!p || ((uintptr_t)p & 7) || bytes > WIPE_MOST)
		return;
	if (!state.foreign && word[-1] & CHUNK_MAPPED)
		return; /* a fresh mapping is all zero */
	for (size_t i = (from + 7) / 8; i < bytes / 8; i++)
		if (word[i] >= WIPE_LOWEST && !(word[i] >> BLOCK_ADDRESS_BITS) && block_leaf_of(word[i]))
			word[i] = 0;
}
