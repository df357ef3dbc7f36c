/* notes.c - see notes.h. */
#include "blockmap.h"
#include "notes.h"

void notes_apply(const struct ledger_copy *c, struct tide_block *blocks, uint64_t count)
{
	const struct ledger_tracked *n = c->table[LEDGER_TRACKED];
	for (uint64_t i = 0; n && i < c->count[LEDGER_TRACKED]; i++) {
		if (n[i].domain != TRACKED_IGNORED && n[i].domain != TRACKED_WEAK)
			continue;
		uint64_t at = snapshot_block_at(blocks, count, n[i].address);
		if (at != SNAPSHOT_NONE && blocks[at].birth <= n[i].birth)
			blocks[at].flags |= n[i].domain == TRACKED_WEAK ? BLOCK_WEAK : BLOCK_IGNORED;
	}
}
