/* stop.h - stopping the threads of another process, in layers.
 *
 * 1. ptrace (SEIZE + INTERRUPT): all registers, no signal. Waits that the
 *    kernel ends with EINTR although no signal came (epoll_wait and a few
 *    more) are started again with the same arguments: see stop_release.
 * 2. /proc/PID/task/TID/syscall of a thread that is blocked in the kernel:
 *    stack pointer and program counter; checked again after the image is made.
 * 3. Parked in a signal handler by the process itself (shim/park.h).
 * 4. Of all other threads only the stack is known to exist.
 *
 * T1  After stop_release no thread is traced or stopped by us, and a signal
 *     that came in between is delivered.
 * T2  The asking thread (`self`) is never touched: it waits for us.
 * T3  A thread that does not react within a bounded time is layer 2 or 4.
 */
#ifndef TIDEMARK_STOP_H
#define TIDEMARK_STOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>
#include "remote.h"

enum stop_how { STOP_UNKNOWN, STOP_SELF, STOP_TRACED, STOP_BLOCKED, STOP_PARKED, STOP_GONE };

struct stop_thread {
	int tid;
	enum stop_how how;
	char name[16];
	struct user_regs_struct registers; /* which of them: stop_general */
	uint8_t *vector;                   /* XSAVE area, or NULL */
	size_t vector_bytes;
	int signal; /* came first: delivered on release */
	bool seized;
	bool execs;            /* stopped in the middle of execve */
	bool stepping;         /* a call of inject.c may not have ended: its trap is not the program's */
	char system_call[160]; /* the `syscall` line */
	int64_t blocked_ns;    /* how long it had waited when stopped; -1 unknown */
};

struct stop {
	int pid;
	struct stop_thread *threads;
	size_t count, room;
	uint64_t begun_ns, ended_ns; /* CLOCK_MONOTONIC */
	bool refused;                /* ptrace was not allowed for some thread */
};

/* Stops all threads of `pid` but `self` (0: really all). Never fails. */
void stop_all(struct stop *s, int pid, int self);
/* The same, and again a moment later as long as `unfit` is true, a few times at most, because the process is
 * in the middle of something. `unfit` is also called once before, with `stopped` false, so that it can
 * prepare. NULL: any moment will do. */
void stop_when(struct stop *s, int pid, int self, bool (*unfit)(void *context, bool stopped), void *context);
/* Are any running threads left that layer 3 could stop? */
bool stop_wants_parking(const struct stop *s);
/* Layer 3: reads what the process has parked (ledger_header.freeze_place). */
void stop_parked(struct stop *s, struct remote *m, uint64_t place);
/* Reads the names of threads that have none yet. */
void stop_names(struct stop *s);
/* Layer 2 again: threads that moved since become STOP_UNKNOWN. */
void stop_verify(struct stop *s);
void stop_release(struct stop *s);
void stop_free(struct stop *s);

/* All general registers are known. */
bool stop_general(const struct stop_thread *t);

#endif
