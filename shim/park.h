/* park.h - stopping threads by signal 33, where the collector may not ptrace.
 *
 * glibc keeps signal 33 for itself and never lets a program block it. Our
 * handler is put in by a raw system call just before, passes on what is not
 * ours, and is taken out after. Threads that wait in the kernel are left alone:
 * a signal would end some waits with EINTR (FZ2 of freeze.h).
 */
#ifndef TIDEMARK_PARK_H
#define TIDEMARK_PARK_H

#include "freeze.h"

/* Parks all other running threads that react within a second; fills parked[]. */
void park_others(struct freeze_place *place);
/* Lets them go, waits until they have left, restores the handler. May be called
 * when nothing is parked. */
void park_release(void);

#endif
