/* process.h - what /proc says about a process, where kill(pid, 0) is not enough: a
 * dead process stays in the table until its parent reaps it.
 *
 * Called by the collector, the watcher and `run`. Numbers may come from a ledger, so
 * any value is allowed.
 */
#ifndef TIDEMARK_PROCESS_H
#define TIDEMARK_PROCESS_H

#include <stdbool.h>

/* Some thread of it is alive. */
bool process_lives(int pid);
/* 0: there is no such process, or /proc does not say. */
int process_parent(int pid);
/* It may do everything that we may: its user ids are our effective one, it has all our capabilities, and it
 * shares our root and our mount, PID and user namespaces. False when /proc does not show that. */
bool process_ours(int pid);

/* The last number in the first line of /proc/PID/status that begins with `name`; -1 where there is none. */
long process_status(int pid, const char *name);

#endif
