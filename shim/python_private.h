/* python_private.h - what the files of python.h share: one lock. */
#ifndef TIDEMARK_PYTHON_PRIVATE_H
#define TIDEMARK_PYTHON_PRIVATE_H

/* Around tables of code objects and new stacks. Taken before the lock of sites. */
void python_lock(void);
void python_unlock(void);

#endif
