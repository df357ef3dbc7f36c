/* mapping.h - memory that the program maps itself: the mapping domain.
 *
 * mmap, munmap and mremap of the program (not of libc or of the allocator,
 * which do not come through our symbols) are charged to sites of their own,
 * with LEDGER_SITE_MAPPING, and listed in LEDGER_MAPPINGS, where the collector
 * finds roots that the program made, such as coroutine stacks.
 *
 * MG1  Sites of mappings are never part of the heap's totals.
 *
 * Threads: all; one lock. Signals: nested entries are not recorded. Fork: the
 * list is inherited; mapping_after_fork sorts it again once it is copied.
 */
#ifndef TIDEMARK_MAPPING_H
#define TIDEMARK_MAPPING_H

#include "walk.h"

void mapping_start(void);
void mapping_after_fork(void);
void mapping_made(
	struct thread *t, uintptr_t address, uint64_t bytes, int protection, int flags, const uintptr_t *e);
void mapping_gone(struct thread *t, uintptr_t address, uint64_t bytes);
/* Is the address in memory that the program mapped itself? */
bool mapping_holds(uintptr_t address);

#endif
