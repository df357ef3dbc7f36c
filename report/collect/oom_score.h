/* oom_score.h - a collector that reads a process from outside must not cause the kernel to kill other
 * processes: where memory is short, it is killed first.
 */
#ifndef TIDEMARK_OOM_SCORE_H
#define TIDEMARK_OOM_SCORE_H

/* The value before; INT_MIN: unknown. */
int oom_score_raise(void);
void oom_score_restore(int before);

#endif
