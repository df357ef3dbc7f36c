/* python_private.h - what the files of python.h share: one lock, and a list of frames. */
#ifndef TIDEMARK_PYTHON_PRIVATE_H
#define TIDEMARK_PYTHON_PRIVATE_H

#include "state.h"

/* Guards the tables of code objects and new stacks. Taken before the lock of sites. */
void python_lock(void);
void python_unlock(void);

/* Native frames innermost first, as steps of the thread. *flags as those of a site. */
unsigned python_native_list(struct thread *t, const uintptr_t *e, unsigned *flags);

#endif
