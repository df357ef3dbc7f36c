/* spawn.h - starts the collector so that the program never has a child.
 *
 * A process that calls execve becomes an ordinary child of its parent, including
 * SIGCHLD. So the collector's parent is not the program but a reaper: a raw clone
 * with exit signal 0 that never calls execve, holds no descriptor but its lock,
 * has all signals blocked, waits for the collector and ends with its status.
 *
 *   program ──clone, exit signal 0──▶ reaper ──vfork, execve──▶ collector
 *
 * SP1  The reaper is seen only by a wait with __WALL or __WCLONE; the
 *     function that started it waits for it. A watcher lives as long as the program, so its
 *     reaper is not a child of the program at all.
 * SP2  Raw system calls only; nothing of libc, no thread-local memory.
 * SP3  From before the collector's start until after its end, the reaper holds a shared
 *     lock on the byte PID (of the program) of the file "lock" in the folder of the
 *     ledger: `run` waits for that (report/collect/session_lock.h). If the ledger is
 *     gone, the run is over, and no collector is started.
 *
 * Threads: one at a time, with all signals blocked.
 */
#ifndef TIDEMARK_SPAWN_H
#define TIDEMARK_SPAWN_H

#include <stdbool.h>
#include <stdint.h>

struct spawn {
	const char *argv[16];
	const char *path;
	const char *ledger; /* "": private memory */
	int32_t program;    /* whose ledger it is */
	uint32_t pid;       /* of the collector, once it runs; futex (shared memory only) */
};

/* Copies the part of the environment that the collector gets, at the first call. */
void spawn_environment(char *const *from);

/* Path of the command: TIDEMARK_COLLECTOR, or next to the library, or where `make
 * install` puts it relative to the library. NULL if it is not in any of these
 * places. */
const char *spawn_find_collector(void);

/* Starts the collector. Returns the reaper's process number, or -errno. The reaper runs in
 * our memory, so the caller must wait for its end. */
long spawn_start(struct spawn *s);
/* Starts the collector with a detached reaper, on a copy of our memory. Returns 0, -errno, or
 * the reaper's number where orphans become our children. */
long spawn_detached(struct spawn *s);

/* Runs `entry` in a new process with exit signal 0, on a static stack and in our memory:
 * its number, or -errno. The caller must wait for its end. */
long spawn_clone(void (*entry)(void *), void *argument);

/* Closes all descriptors from `first` on. */
void spawn_close(unsigned first);

#endif
