/* proc_stat.h - the line of /proc/PID/stat, the one place that knows its fields (proc(5)).
 *
 * A process names itself, so the name may hold spaces, parentheses and newlines; the
 * fields are counted from the last `)`.
 */
#ifndef TIDEMARK_PROC_STAT_H
#define TIDEMARK_PROC_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct proc_stat {
	char state; /* R S D T t Z X ... */
	int parent, group, session;
	unsigned flags; /* PROC_STAT_KERNEL and others */
	int threads;
	uint64_t start_ticks; /* when it started, in clock ticks since boot */
	int exit_signal;      /* what its parent gets at its end; 0: nothing, as of our images */
	int processor;        /* the one it last ran on */
};

#define PROC_STAT_KERNEL 0x00200000u /* a thread of the kernel: PF_KTHREAD, linux/sched.h */

/* Of a process, or of its thread `tid` unless that is 0. 1: read. 0: there is no such process or thread.
 * -1: /proc does not say (it is not mounted, or hides the process). */
int proc_stat_read(int pid, int tid, struct proc_stat *s);

/* It has ended and waits for its parent. A process whose first thread has ended looks so, too, while other
 * threads run: see `threads`. */
static inline bool proc_stat_dead(const struct proc_stat *s) { return s->state == 'Z' || s->state == 'X'; }

#endif
