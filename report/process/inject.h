/* inject.h - a system call made by a stopped thread of another process.
 *
 * I1  The thread's registers are afterwards what stop.c saw: a wait that was
 *     interrupted is restarted by the kernel as if nothing had been.
 * I2  A signal that arrives on the way is kept for stop_release.
 */
#ifndef TIDEMARK_INJECT_H
#define TIDEMARK_INJECT_H

#include "stop.h"

/* Makes the image from a stopped thread: a copy-on-write clone with exit
 * signal 0 and no descriptors, which stays stopped and dies with this process.
 * `instruction` is the address of a `syscall` in the process. */
int inject_image(
	struct stop *s, struct stop_thread *t, uint64_t instruction, int *image, struct tide_error *e);

/* Takes the end of a child of the process off its hands, which it would otherwise keep as a zombie: `child` is
 * its number in the process's own PID namespace. It is not waited for. */
void inject_reap(struct stop_thread *t, uint64_t instruction, int child);

#endif
