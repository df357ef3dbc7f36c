/* park.h - stopping threads by signal 33, where the collector may not ptrace.
 *
 * glibc keeps signal 33 for itself and never lets a program block it. Our
 * handler is installed by a raw system call just before, passes on signals that
 * are not ours, and is removed afterwards. Threads that wait in the kernel are
 * left alone: a signal would end some waits with EINTR (FZ2 of freeze.h).
 */
#ifndef TIDEMARK_PARK_H
#define TIDEMARK_PARK_H

#include "freeze.h"

/* Parks all other running threads that react within a second; fills parked[]. */
void park_others(struct freeze_place *place);
/* Releases them, waits until they have left, and restores the handler. May be
 * called when no thread is parked. */
void park_release(void);

#endif
