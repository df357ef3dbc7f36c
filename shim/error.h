/* error.h - errors of the program in its use of memory, as far as they are detected for free.
 *
 * A free or realloc of a pointer that is not in the block map is examined before the real
 * function gets it: the pointer may be to a block that was freed before, into a block, or
 * to memory that malloc never returned. For a block whose lifetime is measured
 * (event_timed), the library also checks that the function that frees it matches the one
 * that allocated it, and records the caller: in a double free that is the first one. Both
 * are slow paths already.
 *
 * ER1  What is recorded is certain: the block map, the allocator's own words and the loader
 *     agree. What is not certain is recorded only during the real call, and counts if the
 *     process dies in it.
 * ER2  The program's behaviour does not change: the real function is called as without the
 *     library.
 * ER3  An allocator other than glibc's has no words to compare, so only mismatches are detected;
 *     while sampling, and under a seccomp filter, nothing is.
 * ER4  Blocks that were made before the library was up, by __libc_malloc, or handed over by
 *     fork are in use in the allocator's view, and so are never an error.
 * ER5  Under `run`, a call that is about to end the process is preceded by a snapshot in the run's
 *     folder, which becomes the process's last one if it dies, and is removed if it does not.
 *
 * Threads: all; one lock for new entries. Signals: nested entries are not examined. Fork: the
 * child starts with an empty table.
 */
#ifndef TIDEMARK_ERROR_H
#define TIDEMARK_ERROR_H

#include "event.h"

enum error_call { ERROR_FREE, ERROR_REALLOC };

void error_start(void);
void error_after_fork(void);
/* p is about to be passed to the real free or realloc, and is not in the block map. `e`:
 * entry of the hook. The result is passed to error_survived after that call. */
struct ledger_error *error_unknown(struct thread *t, uintptr_t p, const uintptr_t *e, enum error_call call);
void error_survived(struct ledger_error *error);
/* The caller of e frees or resizes the block with this slot word, whose lifetime is measured. */
void error_timed(struct thread *t, uintptr_t p, uint64_t size, uint64_t slot, const uintptr_t *e,
	enum error_call call);

#endif
