/* freeze.h - freezes the process while another process takes a snapshot.
 *
 * A thread that wants a snapshot calls freeze_snapshot. It starts the collector
 * (or answers the one that asked from outside), waits until the collector has
 * stopped all other threads, makes the image (a copy-on-write clone that is
 * invisible to the program), and waits until it may go on.
 *
 *   this thread                      collector
 *   ASKED ─────────────────────────▶ stops the other threads
 *        ◀───────────────────────── (PARK: cannot; signal them yourself)
 *   PARKED ────────────────────────▶
 *        ◀───────────────────────── STOPPED
 *   clone, IMAGE ──────────────────▶ copies the ledger, lets the threads go
 *        ◀───────────────────────── DONE (LEFT: end, the rest goes on without you)
 *
 * FZ1  Raw system calls only; errno, the signal mask and every handler are as
 *     before on return. All signals are blocked in between.
 * FZ2  No descriptor, child or signal that the program could notice is left.
 *     Clones have exit signal 0 and are reaped here with __WALL.
 * FZ3  A collector that dies, or whose last word is lost, never leaves a thread waiting.
 * FZ4  One snapshot at a time; others wait their turn.
 *
 * Threads: any. Signals: not from a handler while the thread is frozen (they
 * are blocked). Fork: freeze_forked() in the child.
 */
#ifndef TIDEMARK_FREEZE_H
#define TIDEMARK_FREEZE_H

#include <stdbool.h>
#include <stdint.h>
#include "ledger.h"

#define FREEZE_PARKED_MAX 1024u

/* A thread that waits in the handler of signal 33. */
struct freeze_parked {
	int32_t tid;
	uint32_t filled;
	uint64_t context; /* address of its ucontext_t */
};

/* In the target's memory at ledger_header.freeze_place; the collector reads it. */
struct freeze_place {
	struct ledger_registers registers; /* of the asking thread, inside freeze_snapshot */
	uint64_t entry_sp;                 /* stack pointer where the program left its own code; 0 unknown */
	uint64_t control_block;            /* of the asking thread */
	int32_t tid;                       /* of the asking thread; 0 = nobody asks */
	uint32_t reason, flags;
	uint32_t parked_count;
	struct freeze_parked parked[FREEZE_PARKED_MAX];
};

/* At start-up and in a forked child, once the ledger is there. The strings must
 * stay. `environment` is copied in part. If any is NULL, no snapshots are
 * taken. */
void freeze_setup(const char *ledger_path, const char *collector, char *const *environment);
void freeze_forked(void);

/* Takes a snapshot; returns 0 or an errno value. `path` may be NULL: the output
 * pattern of the run. Returns when the file is written. */
int freeze_snapshot(enum ledger_reason reason, const char *path, uint32_t flags);

/* True if the collector finishes the snapshot without us and removes the ledger: the process can just end. */
bool freeze_left(void);

/* The slow path of an event calls this when ledger->request is not REQUEST_NONE. */
void freeze_request(void);

/* Starts a watcher beside the process (report/collect/watch.h): through the server of the run, else by
 * executing one, which a forked child does not do. */
void freeze_watch(bool forked);

/* Reaps images that have ended; `all`: also ends those that have not (at exit). */
void freeze_reap(int all);

#endif
