/* raw.h - system calls without libc: no errno, no cancellation point, no hook.
 *
 * Each returns the kernel's value: >= 0, or -errno. Safe anywhere.
 */
#ifndef TIDEMARK_RAW_H
#define TIDEMARK_RAW_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

/* Newer than the headers of glibc 2.28. */
#ifndef SYS_close_range
#define SYS_close_range 436 /* Linux 5.9 */
#endif

static inline long raw_kernel(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#ifdef TIDEMARK_FAIL
/* fail.c: 0, or the error with which a test wants this call to fail. */
long fail_now(long call, long third);
void fail_read(char *const *environment);

static inline long raw_syscall6(long n, long a, long b, long c, long d, long e, long f)
{
	long error = fail_now(n, c);
	return error ? error : raw_kernel(n, a, b, c, d, e, f);
}
#else
#define raw_syscall6 raw_kernel
#endif

#define raw0(n) raw_syscall6((n), 0, 0, 0, 0, 0, 0)
#define raw1(n, a) raw_syscall6((n), (long)(a), 0, 0, 0, 0, 0)
#define raw2(n, a, b) raw_syscall6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define raw3(n, a, b, c) raw_syscall6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define raw4(n, a, b, c, d) raw_syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define raw5(n, a, b, c, d, e) raw_syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define raw6(n, a, b, c, d, e, f)                                                                            \
	raw_syscall6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#define RAW_ERRNO_MAX 4095 /* MAX_ERRNO of Linux, include/linux/err.h */
/* What getdents64 writes: getdents(2), struct linux_dirent64. The next entry begins `length` bytes later. */
struct directory_entry {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
} __attribute__((packed));

static inline int raw_failed(long result) { return result < 0 && result >= -RAW_ERRNO_MAX; }

/* Ends a process of ours. Under a tracer that filters system calls (strace --seccomp-bpf), an untraced clone
 * gets ENOSYS for some of them, and must not run for ever. */
static inline void __attribute__((noreturn)) raw_end(int status)
{
	raw1(SYS_exit_group, status);
	raw1(SYS_exit, status);
	for (;;)
		__asm__ volatile("hlt" ::: "memory");
}

/* mmap: NULL instead of an error value. */
static inline void *raw_mmap(void *at, size_t bytes, int protection, int flags, int fd, long offset)
{
	long r = raw6(SYS_mmap, at, bytes, protection, flags, fd, offset);
	return raw_failed(r) ? NULL : (void *)r;
}

#endif
