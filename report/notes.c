/* notes.c - see notes.h. */
#include "notes.h"

static struct tide_block *find(struct tide_block *blocks, uint64_t count, uint64_t address)
{
	uint64_t lo = 0, hi = count;
	while (lo < hi) {
		uint64_t middle = lo + (hi - lo) / 2;
		if (blocks[middle].address <= address)
			lo = middle + 1;
		else
			hi = middle;
	}
	if (!lo || address - blocks[lo - 1].address > blocks[lo - 1].bytes)
		return NULL;
	return &blocks[lo - 1];
}

void notes_apply(const struct ledger_copy *c, struct tide_block *blocks, uint64_t count)
{
	const struct ledger_tracked *n = c->table[LEDGER_TRACKED];
	for (uint64_t i = 0; n && i < c->count[LEDGER_TRACKED]; i++) {
		if (n[i].domain != TRACKED_IGNORED && n[i].domain != TRACKED_WEAK)
			continue;
		struct tide_block *b = find(blocks, count, n[i].address);
		if (b && b->birth <= n[i].birth)
			b->flags |= n[i].domain == TRACKED_WEAK ? BLOCK_WEAK : BLOCK_IGNORED;
	}
}
