/* hooks_process.c - hooks that are not about malloc: exits, exec, threads,
 * dlclose, mappings, seccomp. Each passes on what it was given and keeps errno.
 *
 * dlopen is not hooked (module.h), nor is anything that libc calls inside
 * itself: exit() is caught by handlers (life.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "birth.h"
#include "count.h"
#include "enter.h"
#include "life.h"
#include "mapping.h"
#include "python.h"
#include "raw.h"
#include "real.h"
#include "rule.h"
#include "server.h"
#include "text.h"
#include "unseen.h"
#include "walk.h"

extern char **environ;

void hooks_syscall_before(long number, const long *a);

#define ensure(f)                                                                                            \
	do {                                                                                                 \
		if (unlikely(!real.f))                                                                       \
			real_resolve();                                                                      \
	} while (0)

int dlclose(void *handle)
{
	ensure(dlclose);
	if (unlikely(!real.dlclose))
		return -1;
	int r = real.dlclose(handle);
	struct thread *t = ENTER();
	if (t) {
		rule_forget_closed();
		thread_leave(t);
	}
	return r;
}

int pthread_create(
	pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
	ensure(pthread_create);
	if (unlikely(!real.pthread_create))
		return EAGAIN;
	struct thread *t = ENTER();
	if (t) {
		count_go_threaded(t);
		thread_leave(t);
	}
	return real.pthread_create(thread, attributes, start, argument);
}

/* An interpreter that is being finalized restores the signal handlers before it collects its garbage. */
int sigaction(int number, const struct sigaction *to, struct sigaction *before)
{
	ensure(sigaction);
	if (unlikely(!real.sigaction))
		return -1;
	const uintptr_t *e = walk_entry(__builtin_frame_address(0));
	struct thread *t = unlikely(python_end_is_due()) ? ENTER() : NULL;
	if (t) {
		python_end(t, e);
		thread_leave(t);
	}
	return real.sigaction(number, to, before);
}

pid_t fork(void)
{
	ensure(fork);
	/* From a handler that interrupted the shim: the child returns into the
	 * interrupted code and must find its thread in working order. */
	bool inside = thread_current->busy > THREAD_IDLE;
	pid_t pid = real.fork();
	if (pid == 0 && inside)
		enter_slow((uintptr_t)__builtin_frame_address(0));
	return pid;
}

void _exit(int status)
{
	ensure(_exit);
	life_end(LEDGER_REASON_EXIT, status);
	real._exit(status);
	__builtin_unreachable();
}

void _Exit(int status) { _exit(status); }

void abort(void)
{
	ensure(abort);
	life_end(LEDGER_REASON_ABORT, -1);
	real.abort();
	__builtin_unreachable();
}

/* libc's internal call of abort cannot be hooked, so the assertion is the last chance. */
void __assert_fail(const char *expression, const char *file, unsigned int line, const char *function)
{
	ensure(__assert_fail);
	life_assertion(expression, file, line, function);
	life_end(LEDGER_REASON_ABORT, -1);
	real.__assert_fail(expression, file, line, function);
	__builtin_unreachable();
}

/* exec either does not return, or has failed. */
#define EXEC(file, search, environment, call)                                                                \
	do {                                                                                                 \
		unseen_note(file, search, environment);                                                      \
		life_exec(false);                                                                            \
		int result = (call), error = errno;                                                          \
		life_exec(true);                                                                             \
		errno = error;                                                                               \
		return result;                                                                               \
	} while (0)

int execve(const char *path, char *const argv[], char *const environment[])
{
	ensure(execve);
	EXEC(path, false, environment, real.execve(path, argv, environment));
}

int execv(const char *path, char *const argv[])
{
	ensure(execve);
	EXEC(path, false, environ, real.execve(path, argv, environ));
}

int execvpe(const char *file, char *const argv[], char *const environment[])
{
	ensure(execvpe);
	EXEC(file, true, environment, real.execvpe(file, argv, environment));
}

int execvp(const char *file, char *const argv[]) { return execvpe(file, argv, environ); }

int fexecve(int fd, char *const argv[], char *const environment[])
{
	char path[48] = "", *at = path;
	ensure(fexecve);
	if (fd >= 0) {
		text_append(&at, path + sizeof path, "/proc/self/fd/");
		text_append_number(&at, path + sizeof path, (uint64_t)fd);
	}
	EXEC(path, false, environment, real.fexecve(fd, argv, environment));
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const environment[])
{
	ensure(posix_spawn);
	unseen_note(path, false, environment);
	return real.posix_spawn(pid, path, actions, attributes, argv, environment);
}

int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
	const posix_spawnattr_t *attributes, char *const argv[], char *const environment[])
{
	ensure(posix_spawnp);
	unseen_note(file, true, environment);
	return real.posix_spawnp(pid, file, actions, attributes, argv, environment);
}

static size_t count_arguments(va_list list)
{
	size_t n = 1;
	va_list more;
	va_copy(more, list);
	while (va_arg(more, char *))
		n++;
	va_end(more);
	return n;
}

static void collect_arguments(char **to, const char *first, va_list *list)
{
	size_t n = 0;
	to[n++] = (char *)first;
	while (first && (to[n++] = va_arg(*list, char *)))
		;
}

int execl(const char *path, const char *arg, ...)
{
	va_list list;
	va_start(list, arg);
	char **argv = __builtin_alloca((count_arguments(list) + 1) * sizeof *argv);
	collect_arguments(argv, arg, &list);
	va_end(list);
	return execv(path, argv);
}

int execlp(const char *file, const char *arg, ...)
{
	va_list list;
	va_start(list, arg);
	char **argv = __builtin_alloca((count_arguments(list) + 1) * sizeof *argv);
	collect_arguments(argv, arg, &list);
	va_end(list);
	return execvp(file, argv);
}

int execle(const char *path, const char *arg, ...)
{
	va_list list;
	va_start(list, arg);
	char **argv = __builtin_alloca((count_arguments(list) + 1) * sizeof *argv);
	collect_arguments(argv, arg, &list);
	char *const *environment = va_arg(list, char *const *);
	va_end(list);
	return execve(path, argv, environment);
}

int prctl(int option, ...)
{
	unsigned long a[4];
	va_list list;
	ensure(prctl);
	va_start(list, option);
	for (unsigned i = 0; i < 4; i++)
		a[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_SECCOMP) {
		if (a[0] == SECCOMP_MODE_STRICT)
			birth_tsc_switch(true);
		life_seccomp();
	}
	if (option == PR_SET_PTRACER)
		state.ptracer = a[0];
	if (option == PR_SET_CHILD_SUBREAPER && a[0])
		server_note_reaper();
	if (option == PR_SET_TSC)
		birth_tsc_switch(a[0] != PR_TSC_ENABLE);
	return real.prctl(option, a[0], a[1], a[2], a[3]);
}

/* syscall(SYS_execveat, descriptor, path, arguments, environment, flags): fexecve is built on it, too. */
static void note_execveat(long fd, const char *path, char *const *environment)
{
	char name[PATH_MAX / 4] = "", *at = name, *end = name + sizeof name;
	if (path && fd != AT_FDCWD && *path != '/') {
		text_append(&at, end, "/proc/self/fd/");
		text_append_number(&at, end, (uint64_t)fd);
		text_append(&at, end, *path ? "/" : "");
	}
	text_append(&at, end, path ? path : "");
	if (at < end - 1)
		unseen_note(name, false, environment);
}

__attribute__((used, visibility("hidden"))) void hooks_syscall_before(long number, const long *a)
{
	const long operation = a[0];
	if (number == SYS_execve)
		unseen_note((const char *)a[0], false, (char *const *)a[2]);
	if (number == SYS_execveat)
		note_execveat(a[0], (const char *)a[1], (char *const *)a[3]);
	if (number == SYS_seccomp && operation != SECCOMP_GET_ACTION_AVAIL
		&& operation != SECCOMP_GET_NOTIF_SIZES) {
		if (operation == SECCOMP_SET_MODE_STRICT)
			birth_tsc_switch(true);
		life_seccomp();
	}
}

/* Passed on by a jump: some callers make clones here, which return twice. */
__asm__(".text\n.globl syscall\n.type syscall, @function\nsyscall:\n"
	"\t.cfi_startproc\n"
	"\tcmp $317, %rdi\n" /* SYS_seccomp */
	"\tje 1f\n"
	"\tcmp $59, %rdi\n" /* SYS_execve */
	"\tje 1f\n"
	"\tcmp $322, %rdi\n" /* SYS_execveat */
	"\tje 1f\n"
	"\tjmp *real_syscall(%rip)\n"
	"1:\tpush %rdi\n\t.cfi_adjust_cfa_offset 8\n"
	"\tpush %r9\n\t.cfi_adjust_cfa_offset 8\n"
	"\tpush %r8\n\t.cfi_adjust_cfa_offset 8\n"
	"\tpush %rcx\n\t.cfi_adjust_cfa_offset 8\n"
	"\tpush %rdx\n\t.cfi_adjust_cfa_offset 8\n"
	"\tpush %rsi\n\t.cfi_adjust_cfa_offset 8\n"
	"\tmov %rsp, %rsi\n"
	"\tpush %rdi\n\t.cfi_adjust_cfa_offset 8\n" /* aligns */
	"\tcall hooks_syscall_before\n"
	"\tpop %rdi\n\t.cfi_adjust_cfa_offset -8\n"
	"\tpop %rsi\n\t.cfi_adjust_cfa_offset -8\n"
	"\tpop %rdx\n\t.cfi_adjust_cfa_offset -8\n"
	"\tpop %rcx\n\t.cfi_adjust_cfa_offset -8\n"
	"\tpop %r8\n\t.cfi_adjust_cfa_offset -8\n"
	"\tpop %r9\n\t.cfi_adjust_cfa_offset -8\n"
	"\tpop %rdi\n\t.cfi_adjust_cfa_offset -8\n"
	"\tjmp *real_syscall(%rip)\n"
	"\t.cfi_endproc\n\t.size syscall, .-syscall\n.previous");

HOT_INLINE void *mapped(void *p, size_t bytes, int protection, int flags, void *frame)
{
	if (p == MAP_FAILED)
		return p;
	int error = errno;
	struct thread *t = enter_whole(frame);
	if (t) {
		mapping_made(t, (uintptr_t)p, bytes, protection, flags, walk_entry(frame));
		thread_leave(t);
	}
	errno = error;
	return p;
}

void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	ensure(mmap);
	void *p = real.mmap(at, bytes, protection, flags, fd, offset);
	return mapped(p, bytes, protection, flags, __builtin_frame_address(0));
}

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
	ensure(mmap64);
	void *p = real.mmap64(at, bytes, protection, flags, fd, offset);
	return mapped(p, bytes, protection, flags, __builtin_frame_address(0));
}

int munmap(void *at, size_t bytes)
{
	/* Leaves the list first: another thread may get the range at once. */
	struct thread *t = ENTER();
	if (t) {
		if (!((uintptr_t)at % LEDGER_PAGE) && bytes)
			mapping_gone(t, (uintptr_t)at, bytes);
		thread_leave(t);
	}
	ensure(munmap);
	return real.munmap(at, bytes);
}

void *mremap(void *at, size_t old_bytes, size_t bytes, int flags, ...)
{
	va_list list;
	va_start(list, flags);
	void *fixed = flags & MREMAP_FIXED ? va_arg(list, void *) : NULL;
	va_end(list);
	ensure(mremap);
	void *p = real.mremap(at, old_bytes, bytes, flags, fixed);
	if (p == MAP_FAILED)
		return p;
	int error = errno;
	struct thread *t = ENTER();
	if (t) {
		if (old_bytes)
			mapping_gone(t, (uintptr_t)at, old_bytes);
		mapping_made(t, (uintptr_t)p, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			walk_entry(__builtin_frame_address(0)));
		thread_leave(t);
	}
	errno = error;
	return p;
}

int sigaltstack(const stack_t *new_stack, stack_t *old_stack)
{
	ensure(sigaltstack);
	int r = real.sigaltstack(new_stack, old_stack), error = errno;
	if (r == 0 && new_stack) {
		struct thread *t = ENTER();
		if (t) {
			bool off = new_stack->ss_flags & SS_DISABLE;
			if (t->record) {
				t->record->signal_stack_lo = off ? 0 : (uintptr_t)new_stack->ss_sp;
				t->record->signal_stack_hi =
					off ? 0 : (uintptr_t)new_stack->ss_sp + new_stack->ss_size;
			}
			thread_leave(t);
		}
	}
	errno = error;
	return r;
}

static void limit_changes(int resource, const void *limit)
{
	if (resource == RLIMIT_AS && limit && ((const struct rlimit *)limit)->rlim_cur != RLIM_INFINITY)
		life_limit(((const struct rlimit *)limit)->rlim_cur);
}

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	ensure(setrlimit);
	limit_changes((int)resource, limit);
	return real.setrlimit(resource, (const struct rlimit *)limit);
}

int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	ensure(setrlimit);
	limit_changes((int)resource, limit);
	return real.setrlimit(resource, (const struct rlimit *)limit);
}

int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
	ensure(prlimit);
	if (pid == 0 || (state.ledger && pid == state.ledger->pid))
		limit_changes((int)resource, limit);
	return real.prlimit(pid, resource, limit, old);
}

int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit, struct rlimit64 *old)
{
	return prlimit(pid, resource, (const struct rlimit *)limit, (struct rlimit *)old);
}

int mlockall(int flags)
{
	ensure(mlockall);
	life_limit(0);
	return real.mlockall(flags);
}
