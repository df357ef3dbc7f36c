/* oracle.h - see oracle.c. Calls vanish unless built with -DTIDEMARK_CHECK. */
#ifndef TIDEMARK_ORACLE_H
#define TIDEMARK_ORACLE_H

#ifdef TIDEMARK_CHECK
struct thread;

void oracle_check(struct thread *t, const uintptr_t *e);
void oracle_end(void);
#else
#define oracle_check(t, e) ((void)0)
#define oracle_end() ((void)0)
#endif

#endif
