/* oracle.h - see oracle.c. Calls vanish unless built with -DTIDEMARK_CHECK. */
#ifndef TIDEMARK_ORACLE_H
#define TIDEMARK_ORACLE_H

#ifdef TIDEMARK_CHECK
struct thread;

/* Is `site` that of the stack whose innermost frame is e? */
void oracle_check(struct thread *t, const uintptr_t *e, uint32_t site);
/* Is `site` that of the stack of native and Python frames? Called for a leaf of python_leaf.h. */
void oracle_check_python(struct thread *t, const uintptr_t *e, uint32_t site);
void oracle_end(void);
#else
#define oracle_check(t, e, site) ((void)0)
#define oracle_check_python(t, e, site) ((void)0)
#define oracle_end() ((void)0)
#endif

#endif
