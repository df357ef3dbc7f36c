/* inject.h - a system call made by a stopped thread of another process.
 *
 * I1  The thread's registers are afterwards what stop.c saw: a wait that was
 *     interrupted is restarted by the kernel as if nothing had happened.
 * I2  A signal that arrives in between is kept for stop_release.
 */
#ifndef TIDEMARK_INJECT_H
#define TIDEMARK_INJECT_H

#include "stop.h"

/* Makes the image from a stopped thread: a copy-on-write clone with exit
 * signal 0, which stays stopped and dies with this process. `instruction` is the address of a `syscall` in the process. */
int inject_image(
	struct stop *s, struct stop_thread *t, uint64_t instruction, int *image, struct tide_error *e);
/* Closes all descriptors of the image. The process need not be stopped for that, but it may notice an open end
 * of a pipe: to be called soon. */
void inject_close(int image, uint64_t instruction);

/* Reaps a child of the process, which would otherwise remain its zombie: `child` is its number in the
 * process's own PID namespace. Does not wait for the child to end. */
void inject_reap(struct stop_thread *t, uint64_t instruction, int child);

#endif
