/* life.h - start and end of the profiled process.
 *
 * Threads, signals, fork: as described at each function.
 */
#ifndef TIDEMARK_LIFE_H
#define TIDEMARK_LIFE_H

#include <stdbool.h>
#include <stdint.h>
#include "ledger.h"

/* Keeps what an assertion is about to say. */
void life_assertion(const char *expression, const char *file, unsigned line, const char *function);
/* The process is ending for this reason (enum ledger_reason): takes the exit
 * snapshot, once. `status` is that given to exit. */
void life_end(enum ledger_reason reason, int status);
/* exec is about to replace the image, or has failed. */
void life_exec(bool failed);
/* Address space is about to be limited to this many bytes, or locked (0): gives
 * back what is reserved and not used. */
void life_limit(uint64_t addresses);
/* A seccomp filter is about to be installed: we make no system calls from now on. */
void life_seccomp(void);

#endif
