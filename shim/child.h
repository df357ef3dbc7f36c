/* child.h - children of the program that belong to the library: images and reapers.
 *
 * Their exit signal is 0, so only a wait with __WALL or __WCLONE sees them, which
 * is usually called by a tracer or a debugger. Those waits are hooked
 * (hooks_wait.c) and repeated when they return one of these children.
 *
 * Threads: all, without locks. Fork: child_after_fork; a forked child does not have
 * these children.
 */
#ifndef TIDEMARK_CHILD_H
#define TIDEMARK_CHILD_H

#include <stdbool.h>
#include <stdint.h>

void child_made(int32_t pid);
/* Forgets a child that was reaped, or that is left to the collector. */
void child_over(int32_t pid);
/* A hooked wait returned `pid` with `status`. True if the child is ours; its status is then kept. */
bool child_met(int32_t pid, int status);
bool child_ours(int32_t pid);
/* The status that a hooked wait returned for our child; can be read once. */
bool child_status(int32_t pid, int *status);
void child_after_fork(void);

#endif
