/* remote_copy.h - memory of a small process, copied so that the process may end while it is read.
 *
 * RY1 What the process has in pages of its own is copied. What is as the files of its mappings have it comes from these
 *     files, which are held open. An address that cannot be read there reads as in /proc/PID/mem.
 * RY2 All or nothing: a file that is gone or another one, and more memory than asked for, leave the process's memory as
 *     it was, to be read in place.
 *
 * Called by image_leave, while the process is stopped.
 */
#ifndef TIDEMARK_REMOTE_COPY_H
#define TIDEMARK_REMOTE_COPY_H

#include "remote.h"

/* A mapping of `inode` and `device` is left out, as is what lies above all programs. True: `m` does not need its process
 * any more. */
bool remote_copy(struct remote *m, uint64_t most, uint64_t inode, uint32_t device);

#endif
