/* child.h - children of the program that belong to the library: images and reapers.
 *
 * They have exit signal 0, so that only a wait with __WALL or __WCLONE sees them:
 * usually one by a tracer or a debugger. Those waits are hooked (hooks_wait.c) and
 * repeated when they returned one of these children.
 *
 * Threads: all, without locks. Fork: child_after_fork; a forked child has none of them.
 */
#ifndef TIDEMARK_CHILD_H
#define TIDEMARK_CHILD_H

#include <stdbool.h>
#include <stdint.h>

void child_made(int32_t pid);
/* We have waited for it. */
void child_over(int32_t pid);
/* A hooked wait returned `pid` with `status`: true when it is ours; its status is kept. */
bool child_met(int32_t pid, int status);
bool child_ours(int32_t pid);
/* The status that a hooked wait returned for our child; only once. */
bool child_status(int32_t pid, int *status);
void child_after_fork(void);

#endif
