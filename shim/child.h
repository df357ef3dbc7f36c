/* child.h - children of the program that are ours: images and reapers.
 *
 * They have exit signal 0, so that only a wait with __WALL or __WCLONE sees them:
 * one of a tracer or a debugger, mostly. Those waits are hooked (hooks_wait.c) and
 * asked again when they got one of these.
 *
 * Threads: all, without locks. Fork: child_after_fork, the child has none.
 */
#ifndef TIDEMARK_CHILD_H
#define TIDEMARK_CHILD_H

#include <stdbool.h>
#include <stdint.h>

void child_made(int32_t pid);
/* We have waited for it. */
void child_over(int32_t pid);
/* A hooked wait got `pid` with `status`: true when it is ours, and then it is kept. */
bool child_met(int32_t pid, int status);
bool child_ours(int32_t pid);
/* The status that a hooked wait got of our child, once. */
bool child_status(int32_t pid, int *status);
void child_after_fork(void);

#endif
