/* spawn.c - starts the collector and its reaper; see spawn.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "config.h"
#include "object.h"
#include "raw.h"
#include "spawn.h"
#include "state.h"
#include "text.h"

#define KERNEL_SIGNALS 64
#define STACK_BYTES 16384

static char environment_text[4096];
static char *environment_list[64];
static char reaper_stack[STACK_BYTES] __attribute__((aligned(64)));
static char middle_stack[4096] __attribute__((aligned(64)));
static char exec_stack[STACK_BYTES] __attribute__((aligned(64)));

/* The collector's file, as it was at the start. The process may change its root and its folder, and someone
 * may replace the file; no other file is executed. */
static struct {
	char path[600];
	uint64_t device, inode;
	bool known;
} collector;

static bool is_collector(int fd)
{
	struct stat s;
	return !raw_failed(raw2(SYS_fstat, fd, &s)) && s.st_dev == collector.device
		&& s.st_ino == collector.inode;
}

static bool note_collector(const char *path)
{
	char *at = collector.path, *end = at + sizeof collector.path;
	struct stat s;
	if (raw_failed(raw2(SYS_access, path, X_OK)) || raw_failed(raw2(SYS_stat, path, &s)))
		return false;
	collector.device = s.st_dev;
	collector.inode = s.st_ino;
	if (path[0] != '/') {
		long n = raw2(SYS_getcwd, collector.path, sizeof collector.path / 2);
		if (n <= 0)
			return false;
		at += n - 1;
		text_append(&at, end, "/");
	}
	text_append(&at, end, path);
	return true;
}

/* Finds the collector: named by the environment, next to the library, or where `make install` puts
 * it relative to that. */
static bool find_collector(void)
{
	static const char *const beside[] = { "tidemark", "../bin/tidemark", "../../bin/tidemark" };
	struct object o;
	char path[600];
	if (config.collector[0])
		return note_collector(config.collector);
	const struct link_map *own = object_find((uintptr_t)find_collector, &o) ? object_link(&o) : NULL;
	if (!own)
		return false;
	for (unsigned i = 0; i < 3; i++) {
		char *at = path;
		text_append(&at, path + sizeof path, own->l_name);
		while (at > path && at[-1] != '/')
			at--;
		text_append(&at, path + sizeof path, beside[i]);
		if (note_collector(path))
			return true;
	}
	return false;
}

const char *spawn_find_collector(void)
{
	if (!collector.known)
		collector.known = find_collector();
	return collector.known ? collector.path : NULL;
}

/* Copies what the collector needs of the environment while it is still as the
 * kernel left it: programs overwrite that memory (setproctitle). */
void spawn_environment(char *const *from)
{
	static const char *const wanted[] = { "PATH=", "HOME=", "USER=", "LANG=", "LC_", "TMPDIR=", "XDG_",
		"DEBUGINFOD_", "NO_COLOR", "TZ=", "ASAN_OPTIONS=", NULL };
	size_t used = 0, n = 0;

	if (environment_list[0])
		return;
	for (; from && *from; from++)
		for (const char *const *w = wanted; *w; w++) {
			size_t length = 0;

			if (!text_after(*from, *w))
				continue;
			while ((*from)[length])
				length++;
			if (used + length + 1 > sizeof environment_text || n + 1 >= 64)
				return;
			environment_list[n++] = environment_text + used;
			for (size_t i = 0; i <= length; i++)
				environment_text[used++] = (*from)[i];
			environment_list[n] = NULL;
			break;
		}
}

/* Runs `entry` in a new process with exit signal 0, on a stack of its own: where
 * memory is shared it never touches what this thread has below its stack
 * pointer. CLONE_UNTRACED: a debugger of the program does not attach to it. */
static long start_process(long flags, char *stack_end, void (*entry)(void *), void *argument)
{
#ifdef TIDEMARK_FAIL
	long error = fail_now(SYS_clone, 0);
	if (error)
		return error;
#endif
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register void (*r12)(void *) __asm__("r12") = entry;
	register void *r13 __asm__("r13") = argument;
	long result;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "mov $127, %%edi\n\t"
			 "mov $60, %%eax\n\t" /* exit */
			 "syscall\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(flags | CLONE_UNTRACED), "S"(stack_end), "d"(0), "r"(r10),
			 "r"(r8), "r"(r12), "r"(r13)
			 : "rcx", "r11", "memory");
	return result;
}

/* The run is over: its folder is gone, or about to go. */
#define LOCK_REFUSED -2

/* A descriptor that holds the lock (SP3), or -1. */
static long take_lock(const struct spawn *s)
{
	static const char name[] = "lock";
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = s->program, .l_len = 1 };
	char path[512];
	unsigned used = 0, folder = 0;
	long fd, result;

	for (; s->ledger[used] && used + sizeof name < sizeof path; used++) {
		path[used] = s->ledger[used];
		if (path[used] == '/')
			folder = used + 1;
	}
	if (!folder || s->ledger[used])
		return -1;
	for (unsigned i = 0; i < sizeof name; i++)
		path[folder + i] = name[i];
	fd = raw3(SYS_open, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
	if (raw_failed(fd))
		return fd == -ENOENT && raw2(SYS_access, s->ledger, 0) == -ENOENT ? LOCK_REFUSED : -1;
	result = raw3(SYS_fcntl, fd, F_OFD_SETLK, &lock);
	return result == -EAGAIN || result == -EACCES ? LOCK_REFUSED : fd;
}

void spawn_close(unsigned first)
{
	if (raw_failed(raw3(SYS_close_range, first, ~0u, 0))) {
		struct rlimit limit = { 1024, 1024 };

		raw4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);
		for (unsigned i = first; i < limit.rlim_cur && i < 65536; i++)
			raw1(SYS_close, i);
	}
}

/* Runs in the vfork child, which has its own limits and signal handlers but shares our memory. */
static void exec_collector(void *p)
{
	static const int limits[] = { RLIMIT_AS, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_STACK, RLIMIT_NOFILE,
		RLIMIT_CPU };
	struct spawn *c = p;
	uint64_t none = 0;
	long null, file;

	for (unsigned i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct rlimit l;

		if (!raw_failed(raw4(SYS_prlimit64, 0, limits[i], 0, &l))) {
			l.rlim_cur = l.rlim_max;
			raw4(SYS_prlimit64, 0, limits[i], &l, 0);
		}
	}
	for (int i = 1; i <= KERNEL_SIGNALS; i++) {
		struct {
			void *handler;
			unsigned long flags;
			void *restorer;
			uint64_t mask;
		} a = { 0 };

		raw4(SYS_rt_sigaction, i, &a, 0, 8);
	}
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &none, 0, 8);
	null = raw3(SYS_open, "/dev/null", O_RDWR, 0);
	if (!raw_failed(null)) {
		raw2(SYS_dup2, null, 0);
		raw2(SYS_dup2, null, 1);
		if (!state.verbose)
			raw2(SYS_dup2, null, 2);
	}
	spawn_close(3);
	file = raw3(SYS_open, c->path, O_PATH, 0);
	if (!raw_failed(file) && is_collector((int)file))
		raw5(SYS_execveat, file, "", c->argv, environment_list, AT_EMPTY_PATH);
}

static void run_reaper(void *p)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		uint64_t mask;
	} usual = { 0 };
	struct spawn *s = p;
	long pid, got, lock;
	int status = 0;

	/* A program that ignores SIGCHLD does not get its children's status; we need it. */
	raw4(SYS_rt_sigaction, SIGCHLD, &usual, 0, 8);
	spawn_close(3);
	lock = take_lock(s);
	pid = lock == LOCK_REFUSED
		? -ENOENT
		: start_process(CLONE_VM | CLONE_VFORK, exec_stack + STACK_BYTES, exec_collector, s);
	raw5(SYS_prctl, PR_SET_NAME, "tidemark-reaper", 0, 0, 0);
	for (unsigned i = 0; lock >= 0 && i < (unsigned)lock; i++)
		raw1(SYS_close, i);
	spawn_close(lock >= 0 ? (unsigned)lock + 1 : 0);
	__atomic_store_n(&s->pid, pid > 0 ? (uint32_t)pid : ~0u, __ATOMIC_RELEASE);
	raw6(SYS_futex, &s->pid, FUTEX_WAKE, INT_MAX, 0, 0, 0);
	if (pid < 0)
		raw_end(127);
	while ((got = raw4(SYS_wait4, pid, &status, __WALL, 0)) == -EINTR)
		;
	raw_end(got != pid ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

long spawn_clone(void (*entry)(void *), void *argument)
{
	return start_process(CLONE_VM, reaper_stack + STACK_BYTES, entry, argument);
}

long spawn_start(struct spawn *s) { return spawn_clone(run_reaper, s); }

/* Runs in an intermediate process, whose end makes the reaper an orphan. */
static void run_middle(void *p) { raw_end(start_process(0, reaper_stack + STACK_BYTES, run_reaper, p) < 0); }

long spawn_detached(struct spawn *s)
{
	uint32_t reaper = 0;

	raw5(SYS_prctl, PR_GET_CHILD_SUBREAPER, &reaper, 0, 0, 0);
	/* A process that adopts orphans would get this one as an ordinary child. */
	if (reaper || raw0(SYS_getpid) == 1)
		return start_process(0, reaper_stack + STACK_BYTES, run_reaper, s);
	long middle = start_process(CLONE_VM, middle_stack + sizeof middle_stack, run_middle, s);
	return middle > 0 && raw4(SYS_wait4, middle, 0, __WALL, 0) == middle ? 0 : middle;
}
