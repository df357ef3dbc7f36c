/* session_lock.h - `run` does not end before the collectors of its session.
 *
 * Collectors are not children of `run`, so it cannot wait for them. Each takes a
 * shared lock on the byte PID (of its process) of the file "lock" in the folder of
 * the session, and holds it until it is done; `run` waits until no byte is locked but
 * those of processes that go on. The lock belongs to the open file (F_OFD_SETLK): a
 * child that a collector forks holds it, too, and the end of both releases it.
 *
 * Called by `collect` and run_session.c. Without `run` there is no such file, and no
 * process waits. The program takes no part in it: no descriptor, no lock.
 */
#ifndef TIDEMARK_SESSION_LOCK_H
#define TIDEMARK_SESSION_LOCK_H

#define SESSION_LOCK "lock"

/* For the life of this process, or until session_lock_drop. -1: `run` has ended, or is just about to: do nothing. */
int session_lock_hold(const char *ledger);
void session_lock_drop(void);
/* Until no collector of `pid` is left (0: of any process that has ended), for at
 * most `milliseconds`. 0, or -1 when there still is one. */
int session_lock_wait(const char *folder, int pid, int milliseconds);

#endif
