/* inject.c - system calls in a stopped thread: inject.h. */
#include <elf.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "inject.h"
#include "process.h"
#include "base/system.h"

#define CLONE_EVENTS (PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK)
#define LIMIT_NS 60000000000ull /* a clone of 100 GB takes two seconds */
#define POLL_LEAST 20000        /* ns between two looks; a sixteenth of the time that has gone is added */
#define POLL_MOST 1000000
#define POLL_SLOW (16ull * POLL_MOST)
#define SUSPEND_SECCOMP (1l << 21) /* PTRACE_O_SUSPEND_SECCOMP, Linux 4.3; takes CAP_SYS_ADMIN */
#define ERRORS_MAX 100
#define STEPS 100 /* stops in one system call: its events, signals that came first */

static int set_registers(int tid, const struct user_regs_struct *r)
{
	struct user_regs_struct copy = *r;
	struct iovec io = { &copy, sizeof copy };

	return (int)ptrace(PTRACE_SETREGSET, tid, NT_PRSTATUS, &io);
}

/* A thread that we leave in the middle of a step would be killed by its trap, so only the end of the thread
 * is a reason to give up. */
static int wait_for_status(int tid, int *status)
{
	uint64_t begun = clock_ns(), elapsed;
	unsigned errors = 0;

	for (;;) {
		pid_t got = waitpid(tid, status, __WALL | WNOHANG);

		if (got == tid)
			return WIFSTOPPED(*status) ? 0 : -1;
		if (got < 0 && errno != EINTR && (++errors == ERRORS_MAX || (kill(tid, 0) && errno == ESRCH)))
			return -1;
		elapsed = clock_ns() - begun;
		if (elapsed > LIMIT_NS)
			return -1;
		/* A clone of gigabytes takes longer, and each look takes the processor from it. */
		nanosleep(&(struct timespec){ 0,
				  POLL_LEAST + (long)(elapsed < POLL_SLOW ? elapsed / 16 : POLL_MOST) },
			NULL);
	}
}

/* A signal of the step itself, sent by no process: it would come again for ever. */
static bool signal_of_step(int tid, int number)
{
	siginfo_t info;

	return (number == SIGSEGV || number == SIGBUS || number == SIGILL || number == SIGFPE)
		&& !ptrace(PTRACE_GETSIGINFO, tid, 0, &info) && info.si_code > 0;
}

/* One system call; *child where it makes a process. `signal` takes a signal
 * that came in between. */
static int run_call(int tid, const struct user_regs_struct *from, uint64_t instruction, long number,
	const long *arguments, long *result, int *child, int *signal)
{
	struct user_regs_struct r = *from;
	struct iovec io = { &r, sizeof r };
	unsigned long message;
	int status;

	r.rax = (unsigned long long)number;
	r.orig_rax = ~0ull; /* or the kernel restarts the interrupted call first */
	r.rdi = (unsigned long long)arguments[0];
	r.rsi = (unsigned long long)arguments[1];
	r.rdx = (unsigned long long)arguments[2];
	r.r10 = r.r8 = r.r9 = 0;
	r.rip = instruction;
	if (set_registers(tid, &r))
		return -1;
	for (int step = 0;; step++) {
		if (step == STEPS || ptrace(PTRACE_SINGLESTEP, tid, 0, 0) || wait_for_status(tid, &status))
			return -1;
		switch (status >> 16) {
		case PTRACE_EVENT_CLONE:
		case PTRACE_EVENT_FORK:
		case PTRACE_EVENT_VFORK:
			if (child && !ptrace(PTRACE_GETEVENTMSG, tid, 0, &message))
				*child = (int)message;
			continue;
		case 0: break;
		default: continue; /* the interrupt of stop.c, if a signal had come first */
		}
		if (WSTOPSIG(status) == SIGTRAP)
			break;
		if (signal_of_step(tid, WSTOPSIG(status)))
			return -1;
		*signal = WSTOPSIG(status);
	}
	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io))
		return -1;
	*result = (long)r.rax;
	return r.rip == instruction + 2 ? 0 : -1;
}

/* What the kernel is to allow the thread while we make its calls: a sandboxed one would be ended, or get a signal, for a call
 * that its filter does not know. `options` are for PTRACE_SETOPTIONS. */
static int leave_sandbox(int tid, long *options, struct tide_error *e)
{
	long mode = process_status(tid, "Seccomp:"), filters = process_status(tid, "Seccomp_filters:");
	int self = getpid();

	*options = PTRACE_O_TRACEEXEC;
	if (mode <= 0)
		return 0;
	if (!ptrace(PTRACE_SETOPTIONS, tid, 0, PTRACE_O_TRACEEXEC | SUSPEND_SECCOMP)) {
		*options |= SUSPEND_SECCOMP;
		return 0;
	}
	/* A container has one filter for all its processes, us too; we have made such calls ourselves. */
	if (mode == SECCOMP_MODE_FILTER && process_status(self, "Seccomp:") == mode
		&& process_status(self, "Seccomp_filters:") >= filters)
		return 0;
	return error_set(e, EXIT_UNMEASURED,
		"no image was made of the process|thread %d has a sandbox (seccomp) that could end it for a system call of "
		"ours|run tidemark as root",
		tid);
}

int inject_image(
	struct stop *s, struct stop_thread *t, uint64_t instruction, int *image, struct tide_error *e)
{
	static const long clone_arguments[3] = { 0, 0, 0 };
	long result = -1, options;
	int child = 0, status, failed;

	if (leave_sandbox(t->tid, &options, e))
		return -1;

	ptrace(PTRACE_SETOPTIONS, t->tid, 0, CLONE_EVENTS | options);
	failed = run_call(
		t->tid, &t->registers, instruction, SYS_clone, clone_arguments, &result, &child, &t->signal);
	ptrace(PTRACE_SETOPTIONS, t->tid, 0, PTRACE_O_TRACEEXEC);
	/* Tried twice: with our registers it could not go on. */
	t->stepping = set_registers(t->tid, &t->registers) && set_registers(t->tid, &t->registers);
	if (failed || result < 0 || !child) {
		/* If released, it would run the program a second time. */
		if (child && !kill(child, SIGKILL))
			waitpid(child, &status, __WALL);
		return error_set(e, EXIT_UNMEASURED,
			"cannot make an image of process %d|%s|there may be no memory "
			"for it, or a limit on processes",
			s->pid,
			result < 0 && result > -4096 && !failed ? strerror((int)-result)
								: "the system call did not end");
	}
	if (wait_for_status(child, &status))
		return error_set(e, EXIT_UNMEASURED, "the image of process %d ended at once||", s->pid);
	ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_EXITKILL | (options & SUSPEND_SECCOMP));
	*image = child;
	return 0;
}

void inject_close(int image, uint64_t instruction)
{
	static const long close_arguments[3] = { 0, 0x7fffffff, 0 };
	struct user_regs_struct registers;
	struct iovec io = { &registers, sizeof registers };
	long result;
	int unused;

	if (!ptrace(PTRACE_GETREGSET, image, NT_PRSTATUS, &io))
		run_call(image, &registers, instruction, SYS_close_range, close_arguments, &result, NULL,
			&unused);
}

void inject_reap(struct stop_thread *t, uint64_t instruction, int child)
{
	long arguments[3] = { child, 0, (long)(__WALL | WNOHANG) }, result, options;
	struct tide_error ignored = { 0 };

	if (leave_sandbox(t->tid, &options, &ignored))
		return;
	run_call(t->tid, &t->registers, instruction, SYS_wait4, arguments, &result, NULL, &t->signal);
	ptrace(PTRACE_SETOPTIONS, t->tid, 0, PTRACE_O_TRACEEXEC);
	t->stepping = set_registers(t->tid, &t->registers) && set_registers(t->tid, &t->registers);
}
