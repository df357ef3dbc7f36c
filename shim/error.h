/* error.h - what the program does wrong with its memory, as far as it can be seen for nothing.
 *
 * A free or realloc of a pointer that is not in the block map is looked at before the real
 * function gets it: a block that was freed before, a place inside of a block, memory that
 * malloc never gave. A block whose lifetime is measured (event_timed) is also asked whether the
 * function that frees it belongs to the one that made it, and who frees it is remembered: of a
 * double free that is the first. Both are slow paths already.
 *
 * ER1  What is written down is certain: the block map, the allocator's own words and the loader
 *     agree. What is not certain is written down for the time of the real call only, and counts
 *     when the process dies in it.
 * ER2  Nothing is changed in what the program does: the real function is called as it would be.
 * ER3  Under an allocator that is not glibc's there are no words to agree, and only mismatches are
 *     seen; while sampling, and under a seccomp filter, nothing is.
 * ER4  Blocks that were made before the library was up, by __libc_malloc, or handed over by
 *     fork are in use for the allocator, and so never an error.
 * ER5  Under `run`, a call that is about to end the process is preceded by a snapshot in the run's
 *     folder, which becomes the process's last one if it dies, and is removed if it does not.
 *
 * Threads: all; one lock for new entries. Signals: nested entries are not looked at. Fork: the
 * child starts with an empty table.
 */
#ifndef TIDEMARK_ERROR_H
#define TIDEMARK_ERROR_H

#include "event.h"

enum error_call { ERROR_FREE, ERROR_REALLOC };

void error_start(void);
void error_after_fork(void);
/* p is about to be given to the real free or realloc, and is not in the block map. `e`: entry
 * of the hook. What it returns goes to error_survived after that call. */
struct ledger_error *error_unknown(struct thread *t, uintptr_t p, const uintptr_t *e, enum error_call call);
void error_survived(struct ledger_error *error);
/* The block with this slot word, whose lifetime is measured, is freed, or resized, by the caller of e. */
void error_timed(struct thread *t, uintptr_t p, uint64_t size, uint64_t slot, const uintptr_t *e,
	enum error_call call);

#endif
