/* system.h - what the headers of older systems lack: numbers of system calls, which
 * are those of x86-64, and names of signals (sigabbrev_np of glibc 2.32). */
#ifndef TIDEMARK_SYSTEM_H
#define TIDEMARK_SYSTEM_H

#include <stddef.h>
#include <sys/syscall.h>

#ifndef SYS_io_uring_enter
#define SYS_io_uring_enter 426 /* Linux 5.1 */
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434 /* Linux 5.3 */
#endif
#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9 */
#endif
#ifndef SYS_openat2
#define SYS_openat2 437 /* Linux 5.6 */
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438 /* Linux 5.6 */
#endif
#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441 /* Linux 5.11 */
#endif

/* "SEGV"; NULL: the number has no name. */
const char *system_signal(int number);

#endif
