/* ordinary.h - opens what strangers name, and only if it is a file.
 *
 * OR1  A FIFO, a device, a folder, or a file of the kernel's own file systems (/proc, /sys, tracefs) is not opened: to
 *      open or read one may wait, or do something. What was looked at is what is opened.
 */
#ifndef TIDEMARK_ORDINARY_H
#define TIDEMARK_ORDINARY_H

/* A descriptor for reading; -1 and errno, which is EINVAL where it is another kind of file. */
int ordinary_open(const char *path);
/* The same below a folder (a descriptor, O_PATH will do), which links and ".." do not leave. ENOSYS: before Linux 5.6. */
int ordinary_open_below(int folder, const char *path);

#endif
