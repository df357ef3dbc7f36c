/* session_lock.h - `run` does not end before the collectors of its session.
 *
 * Collectors are not children of `run`, so it cannot wait for them. Each takes a
 * shared lock on the byte PID (of its process) of the file "lock" in the folder of
 * the session, and holds it for its life; `run` waits until no byte is locked but
 * those of processes that go on. The lock belongs to the open file (F_OFD_SETLK): a
 * child that a collector forks holds it, too, and neither has to release it.
 *
 * Called by `collect` and run_session.c. Without `run` there is no such file, and no
 * process waits. The program takes no part in it: no descriptor, no lock.
 */
#ifndef TIDEMARK_SESSION_LOCK_H
#define TIDEMARK_SESSION_LOCK_H

#define SESSION_LOCK "lock"

/* For the life of this process. -1: `run` has ended, or is just about to: do nothing. */
int session_lock_hold(const char *ledger);
/* Until no collector of `pid` is left (0: of any process that has ended), for at
 * most `milliseconds`. 0, or -1 when there still is one. */
int session_lock_wait(const char *folder, int pid, int milliseconds);

#endif
