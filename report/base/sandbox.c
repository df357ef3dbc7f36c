/* sandbox.c - a seccomp filter: sandbox.h. */
#include <fcntl.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sandbox.h"
#include "system.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)
#define X32 0x40000000u /* calls of the x32 interface are other numbers for the same */
#define CODE_MOST 128u

/* linux/seccomp.h before 4.17: without it a filter makes kernels up to 5.15 switch off speculation. */
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4
#endif

static const int others[] = { SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_getfd,
	SYS_io_uring_setup, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_mount, SYS_setns,
	SYS_unshare };
static const int programs[] = { SYS_execve, SYS_execveat };
static const int files[] = { SYS_creat, SYS_openat2, SYS_truncate, SYS_rename, SYS_renameat, SYS_renameat2,
	SYS_unlink, SYS_unlinkat, SYS_link, SYS_linkat, SYS_symlink, SYS_symlinkat, SYS_mkdir, SYS_mkdirat,
	SYS_rmdir, SYS_mknod, SYS_mknodat, SYS_chmod, SYS_fchmodat, SYS_chown, SYS_lchown, SYS_fchownat,
	SYS_setxattr, SYS_lsetxattr, SYS_removexattr, SYS_lremovexattr };

struct filter {
	struct sock_filter code[CODE_MOST];
	unsigned short count;
};

static void add(struct filter *f, struct sock_filter step)
{
	if (f->count < CODE_MOST)
		f->code[f->count++] = step;
}

#define LOAD(field)                                                                                          \
	((struct sock_filter)BPF_STMT(                                                                       \
		BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field)))
#define SKIP_UNLESS(test, value, steps)                                                                      \
	((struct sock_filter)BPF_JUMP(BPF_JMP | (test) | BPF_K, (uint32_t)(value), 0, (steps)))
#define RETURN(result) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (uint32_t)(result)))
#define REFUSE RETURN(SECCOMP_RET_ERRNO | EPERM)

static void refuse(struct filter *f, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		add(f, SKIP_UNLESS(BPF_JEQ, calls[i], 1));
		add(f, REFUSE);
	}
}

/* `flags` is the low half of an argument; the number of the call is loaded again behind it. */
static void refuse_writing(struct filter *f, int call, struct sock_filter load_flags)
{
	add(f, SKIP_UNLESS(BPF_JEQ, call, 4));
	add(f, load_flags);
	add(f, SKIP_UNLESS(BPF_JSET, WRITES, 1));
	add(f, REFUSE);
	add(f, RETURN(SECCOMP_RET_ALLOW));
}

static void make_filter(struct filter *f, enum sandbox sandbox)
{
	add(f, LOAD(arch));
	add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	add(f, REFUSE);
	add(f, LOAD(nr));
	add(f, SKIP_UNLESS(BPF_JGE, X32, 1));
	add(f, REFUSE);
	refuse(f, others, COUNT(others));
	add(f, SKIP_UNLESS(BPF_JEQ, SYS_socket, 4));
	add(f, LOAD(args[0]));
	add(f, SKIP_UNLESS(BPF_JEQ, AF_UNIX, 1));
	add(f, RETURN(SECCOMP_RET_ALLOW));
	add(f, REFUSE);
	if (sandbox != SANDBOX_PAGER)
		refuse(f, programs, COUNT(programs));
	if (sandbox == SANDBOX_READ) {
		refuse(f, files, COUNT(files));
		refuse_writing(f, SYS_open, LOAD(args[1]));
		refuse_writing(f, SYS_openat, LOAD(args[2]));
	}
	add(f, RETURN(SECCOMP_RET_ALLOW));
}

void sandbox_enter(enum sandbox sandbox)
{
	struct filter f = { .count = 0 };
	struct sock_fprog program = { .filter = f.code };

#ifdef __SANITIZE_ADDRESS__
	return; /* its check for leaks traces the process */
#endif
	if (sandbox == SANDBOX_NONE || getenv("LD_PRELOAD"))
		return;
	make_filter(&f, sandbox);
	program.len = f.count;
	if (f.count == CODE_MOST || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
}
