/* freed.h - which call freed a block, while that is worth remembering.
 *
 * Only frees of blocks whose lifetime is measured (event_timed) come here: they take a slow path already. Each is
 * kept with its stack until four later ones have been of addresses in the same set.
 *
 * FD1  Other frees are not recorded, and a later one may have been of the same address: what the block map still
 *      holds for the address must agree.
 *
 * Threads: all; an entry that another thread is using is passed over. Signals: nested entries never come here.
 * Fork: freed_after_fork.
 */
#ifndef TIDEMARK_FREED_H
#define TIDEMARK_FREED_H

#include "state.h"

/* The block at p, with this slot word, is freed by the call whose hook has the entry e. */
void freed_note(struct thread *t, uintptr_t p, uint64_t slot, const uintptr_t *e);
/* The stack of the call that freed the last block at p, as a site; 0: unknown. */
uint32_t freed_site(uintptr_t p);
void freed_after_fork(void);

#endif
