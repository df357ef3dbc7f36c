/* process.h - what /proc says of a process, where kill(pid, 0) says too little:
 * a process that is dead stays in the table until its parent has asked for it.
 *
 * Called by the collector, the watcher and `run`. Numbers may come out of a
 * ledger: any are allowed.
 */
#ifndef TIDEMARK_PROCESS_H
#define TIDEMARK_PROCESS_H

#include <stdbool.h>

/* Some thread of it is alive. */
bool process_lives(int pid);
/* 0: there is no such process, or /proc does not tell. */
int process_parent(int pid);
/* All its user ids are our effective one; also when /proc does not tell. */
bool process_ours(int pid);

#endif
