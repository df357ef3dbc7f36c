/* stop.c - stopping threads in layers: stop.h. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/alloc.h"
#include "base/array.h"
#include "base/system.h"
#include "shim/freeze.h"
#include "stop.h"

#define ROUNDS 30                /* new threads may appear while we stop the others */
#define REACTION_NS 300000000ull /* a thread that is stuck in the kernel does not stop */
#define VECTOR_MAX 16384
#define STAT_PROCESSOR 39 /* field of /proc/PID/stat, from 1 */

static bool read_task_file(int pid, int tid, const char *name, char *to, size_t bytes)
{
	char path[64];
	ssize_t got;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/task/%d/%s", pid, tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	got = read(fd, to, bytes - 1);
	close(fd);
	if (got <= 0)
		return false;
	to[got] = 0;
	to[strcspn(to, "\n")] = 0;
	return true;
}

static bool is_task_dead(int pid, int tid)
{
	char text[512], *end;

	if (!read_task_file(pid, tid, "stat", text, sizeof text))
		return true;
	end = strrchr(text, ')');
	return end && (end[2] == 'Z' || end[2] == 'X');
}

/* The scheduler's clock when the task last ran, in ns; -1 unknown. */
static int64_t read_last_ran(int pid, int tid)
{
	char path[64], line[256];
	double milliseconds = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/sched", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return -1;
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "se.exec_start : %lf", &milliseconds) == 1)
			break;
	fclose(f);
	return milliseconds < 0 ? -1 : (int64_t)(milliseconds * 1e6);
}

/* How long a blocked task has waited, in ns; -1 unknown. Each processor has
 * its own such clock: ours is read on the one that the task last ran on. */
static int64_t is_task_waited_for(int pid, int tid)
{
	int64_t then = read_last_ran(pid, tid), now = -1;
	char text[1024], *at;
	cpu_set_t before, one;
	int cpu = -1;

	if (then < 0 || !read_task_file(pid, tid, "stat", text, sizeof text) || !(at = strrchr(text, ')')))
		return -1;
	for (int field = 2; at && field < STAT_PROCESSOR; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%d", &cpu) != 1 || cpu < 0 || cpu >= CPU_SETSIZE
		|| sched_getaffinity(0, sizeof before, &before))
		return -1;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_setaffinity(0, sizeof one, &one))
		return -1;
	now = read_last_ran(getpid(), (int)syscall(SYS_gettid));
	sched_setaffinity(0, sizeof before, &before);
	return now >= then ? now - then : -1;
}

/* --- layer 2 ------------------------------------------------------------ */

/* "NR ARG0 .. ARG5 SP PC" while blocked; "running"; "-1 SP PC" stopped elsewhere. */
static bool parse_blocked(struct stop_thread *t)
{
	unsigned long long a[6], sp, pc;
	long long number;

	if (sscanf(t->system_call, "%lld %llx %llx %llx %llx %llx %llx %llx %llx", &number, &a[0], &a[1],
		    &a[2], &a[3], &a[4], &a[5], &sp, &pc)
		!= 9)
		return false;
	t->registers.orig_rax = (unsigned long long)number;
	t->registers.rdi = a[0];
	t->registers.rsi = a[1];
	t->registers.rdx = a[2];
	t->registers.r10 = a[3];
	t->registers.r8 = a[4];
	t->registers.r9 = a[5];
	t->registers.rsp = sp;
	t->registers.rip = pc;
	return true;
}

static void read_blocked(struct stop *s, struct stop_thread *t)
{
	if (!read_task_file(s->pid, t->tid, "syscall", t->system_call, sizeof t->system_call))
		return;
	if (parse_blocked(t))
		t->how = STOP_BLOCKED;
}

void stop_names(struct stop *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (!*s->threads[i].name)
			read_task_file(s->pid, s->threads[i].tid, "comm", s->threads[i].name,
				sizeof s->threads[i].name);
}

void stop_verify(struct stop *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct stop_thread *t = &s->threads[i];
		char now[sizeof t->system_call];

		if (t->how == STOP_BLOCKED
			&& (!read_task_file(s->pid, t->tid, "syscall", now, sizeof now)
				|| strcmp(now, t->system_call)))
			t->how = STOP_UNKNOWN;
	}
}

/* --- layer 1 -------------------------------------------------------------- */

static void seize(struct stop *s, struct stop_thread *t)
{
	unsigned long long limit = 0;
	long long number = -1;
	char line[160];

	if (read_task_file(s->pid, t->tid, "syscall", line, sizeof line)
		&& sscanf(line, "%lld %*s %*s %*s %llx", &number, &limit) == 2 && number == SYS_epoll_wait
		&& (int)limit > 0)
		t->blocked_ns = is_task_waited_for(s->pid, t->tid);
	/* The kernel reports an exec that has begun: stop_release. */
	if (ptrace(PTRACE_SEIZE, t->tid, 0, PTRACE_O_TRACEEXEC)) {
		s->refused |= errno != ESRCH;
		return;
	}
	t->seized = true;
	ptrace(PTRACE_INTERRUPT, t->tid, 0, 0);
}

static void get_registers(struct stop_thread *t)
{
	static uint8_t area[VECTOR_MAX];
	struct iovec io = { &t->registers, sizeof t->registers };

	if (ptrace(PTRACE_GETREGSET, t->tid, NT_PRSTATUS, &io))
		return;
	t->how = STOP_TRACED;
	io = (struct iovec){ area, sizeof area };
	if (!ptrace(PTRACE_GETREGSET, t->tid, NT_X86_XSTATE, &io) && io.iov_len >= 512) {
		t->vector = alloc_bytes(io.iov_len);
		t->vector_bytes = io.iov_len;
		memcpy(t->vector, area, io.iov_len);
	}
}

/* Waits for one seized thread until `limit`. */
static void wait_for_stop(struct stop_thread *t, uint64_t limit)
{
	struct timespec pause = { 0, 20000 };

	for (;;) {
		int status;
		pid_t got = waitpid(t->tid, &status, __WALL | WNOHANG);

		if (got == t->tid && WIFSTOPPED(status)) {
			/* A signal that came first is kept and delivered on release. */
			if (status >> 16 == 0)
				t->signal = WSTOPSIG(status);
			t->execs = status >> 16 == PTRACE_EVENT_EXEC;
			get_registers(t);
			return;
		}
		if (got == t->tid) {
			t->how = STOP_GONE;
			t->seized = false;
			return;
		}
		/* Most likely gone; if not, it is still ours to let go. */
		if (got < 0 && errno != EINTR)
			return;
		if (clock_ns() > limit)
			return;
		nanosleep(&pause, NULL);
	}
}

static struct stop_thread *add_thread(struct stop *s, int tid)
{
	for (size_t i = s->count; i-- > 0;)
		if (s->threads[i].tid == tid)
			return NULL;
	ARRAY_RESERVE(s->threads, s->room, s->count + 1);
	s->threads[s->count] = (struct stop_thread){ .tid = tid, .blocked_ns = -1 };
	return &s->threads[s->count++];
}

/* One pass over the task list; the number of threads not seen before. Threads
 * are listed in ascending order and new ones come at the end, so a pass over a
 * thousand known ones is the cost of add_thread's search from the end. */
static size_t stop_threads(struct stop *s, int self)
{
	char path[64];
	size_t first = s->count;
	struct dirent *entry;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/task", s->pid);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		int tid = atoi(entry->d_name);
		struct stop_thread *t = tid ? add_thread(s, tid) : NULL;

		if (!t)
			continue;
		if (tid == self)
			t->how = STOP_SELF;
		else
			seize(s, t);
	}
	if (d)
		closedir(d);
	for (size_t i = first; i < s->count; i++) {
		struct stop_thread *t = &s->threads[i];

		if (t->seized)
			wait_for_stop(t, clock_ns() + REACTION_NS);
		if (t->how == STOP_UNKNOWN && is_task_dead(s->pid, t->tid))
			t->how = STOP_GONE;
		if (t->how == STOP_UNKNOWN)
			read_blocked(s, t);
	}
	return s->count - first;
}

void stop_all(struct stop *s, int pid, int self)
{
	*s = (struct stop){ .pid = pid, .begun_ns = clock_ns() };
	for (int i = 0; i < ROUNDS && stop_threads(s, self); i++)
		;
}

/* --- layer 3 ------------------------------------------------------------ */

#define STOPS_MOST 8u /* pauses in between: 1 ms in all */

void stop_when(struct stop *s, int pid, int self, bool (*unfit)(void *context, bool stopped), void *context)
{
	if (unfit)
		unfit(context, false);
	for (unsigned i = 1;; i++) {
		struct timespec pause = { 0, 4000L << i };

		stop_all(s, pid, self);
		if (!unfit || i == STOPS_MOST || stop_wants_parking(s) || !unfit(context, true))
			return;
		stop_release(s);
		stop_free(s);
		nanosleep(&pause, NULL);
	}
}

bool stop_wants_parking(const struct stop *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->threads[i].how == STOP_UNKNOWN && !s->threads[i].seized)
			return true;
	return false;
}

/* ucontext_t of x86-64 Linux (arch/x86/include/uapi/asm/sigcontext.h): the
 * general registers at 40, the address of the XSAVE area at 224; its size in
 * the software part of the legacy area. */
static void read_parked(struct stop_thread *t, struct remote *m, uint64_t context)
{
	uint64_t g[24];
	uint32_t software[5];

	if (remote_read(m, context + 40, g, sizeof g) != sizeof g)
		return;
	t->registers = (struct user_regs_struct){ .r8 = g[0],
		.r9 = g[1],
		.r10 = g[2],
		.r11 = g[3],
		.r12 = g[4],
		.r13 = g[5],
		.r14 = g[6],
		.r15 = g[7],
		.rdi = g[8],
		.rsi = g[9],
		.rbp = g[10],
		.rbx = g[11],
		.rdx = g[12],
		.rax = g[13],
		.rcx = g[14],
		.rsp = g[15],
		.rip = g[16],
		.orig_rax = ~0ull };
	t->how = STOP_PARKED;
	if (!g[23] || remote_read(m, g[23] + 464, software, sizeof software) != sizeof software)
		return;
	t->vector_bytes = software[0] == 0x46505853u && software[4] >= 576 && software[4] <= VECTOR_MAX
		? software[4]
		: 512;
	t->vector = alloc_bytes(t->vector_bytes);
	remote_read(m, g[23], t->vector, t->vector_bytes);
}

void stop_parked(struct stop *s, struct remote *m, uint64_t place)
{
	struct freeze_place *p = alloc_bytes(sizeof *p);
	uint32_t n;

	remote_read(m, place, p, sizeof *p);
	n = p->parked_count < FREEZE_PARKED_MAX ? p->parked_count : FREEZE_PARKED_MAX;
	for (uint32_t k = 0; k < n; k++)
		for (size_t i = 0; p->parked[k].filled && i < s->count; i++)
			if (s->threads[i].tid == p->parked[k].tid && s->threads[i].how != STOP_TRACED)
				read_parked(&s->threads[i], m, p->parked[k].context);
	free(p);
}

/* --- letting go ----------------------------------------------------------- */

static bool is_signal_pending(const struct stop *s, const struct stop_thread *t)
{
	char path[64], line[256];
	unsigned long long own = 0, shared = 0, blocked = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/status", s->pid, t->tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f)) {
		sscanf(line, "SigPnd: %llx", &own);
		sscanf(line, "ShdPnd: %llx", &shared);
		sscanf(line, "SigBlk: %llx", &blocked);
	}
	if (f)
		fclose(f);
	return ((own | shared) & ~blocked) != 0;
}

/* Waits that end with EINTR when their thread was stopped and continued,
 * although no signal came (signal(7)): the system call is made again. A wait
 * of epoll with a time limit gets what is left of it. */
static void restore_wait(const struct stop *s, struct stop_thread *t)
{
	struct user_regs_struct *r = &t->registers;
	struct iovec io = { r, sizeof *r };

	if (t->how != STOP_TRACED || t->signal || (long long)r->orig_rax < 0 || (long long)r->rax != -EINTR)
		return;
	switch (r->orig_rax) {
	case SYS_epoll_wait:
		if ((int)r->r10 > 0 && t->blocked_ns > 0) {
			int64_t left = (int64_t)(int)r->r10 - t->blocked_ns / 1000000;

			r->r10 = left > 0 ? (unsigned long long)left : 0;
		}
		break;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_rt_sigtimedwait:
	case SYS_io_getevents:
	case SYS_io_pgetevents:
	case SYS_io_uring_enter:
	case SYS_read:
	case SYS_write:
	case SYS_readv:
	case SYS_writev:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_recvmmsg:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_accept:
	case SYS_accept4:
	case SYS_futex:
	case SYS_msgrcv:
	case SYS_msgsnd: break;
	default: return;
	}
	if (is_signal_pending(s, t))
		return;
	r->rax = r->orig_rax;
	r->orig_rax = ~0ull;
	r->rip -= 2; /* the syscall instruction */
	ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, &io);
}

/* A thread that never stopped while we waited cannot be detached before it does, and would then stay
 * stopped until this process ends. */
static void detach_late(const struct stop *s, struct stop_thread *t)
{
	struct timespec pause = { 0, 200000 };
	struct iovec io = { &t->registers, sizeof t->registers };
	uint64_t limit = clock_ns() + REACTION_NS;

	while (t->seized && clock_ns() < limit) {
		int status, signal;

		if (waitpid(t->tid, &status, __WALL | WNOHANG) == t->tid) {
			signal = WIFSTOPPED(status) && status >> 16 == 0 ? WSTOPSIG(status) : 0;
			if (t->stepping && signal == SIGTRAP)
				ptrace(PTRACE_SETREGSET, t->tid, NT_PRSTATUS, &io);
			else if (signal)
				t->signal = signal;
		}
		if (!ptrace(PTRACE_DETACH, t->tid, 0, (long)t->signal) || is_task_dead(s->pid, t->tid))
			t->seized = false;
		else
			nanosleep(&pause, NULL);
	}
}

/* A stopped thread causes no event. If we do see one, it was killed, or its number is
 * now that of a thread whose exec had begun before we came: the registers that we
 * know are no longer its own. */
static bool note_thread_change(struct stop_thread *t)
{
	int status;

	if (waitpid(t->tid, &status, __WALL | WNOHANG) != t->tid)
		return false;
	t->seized = WIFSTOPPED(status);
	if (t->seized && (t->how == STOP_TRACED || status >> 16 == 0))
		t->signal = status >> 16 ? 0 : WSTOPSIG(status);
	return true;
}

/* A thread that has called exec has taken the number of the first, which was not traced by us if it had
 * ended before. */
static void release_strangers(void)
{
	int status, tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
		if (WIFSTOPPED(status))
			ptrace(PTRACE_DETACH, tid, 0, status >> 16 ? 0L : (long)WSTOPSIG(status));
}

void stop_release(struct stop *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct stop_thread *t = &s->threads[i];

		if (!t->seized)
			continue;
		if (!note_thread_change(t))
			restore_wait(s, t);
		if (!ptrace(PTRACE_DETACH, t->tid, 0, (long)t->signal))
			t->seized = false;
	}
	for (size_t i = 0; i < s->count; i++)
		if (s->threads[i].seized)
			detach_late(s, &s->threads[i]);
	if (s->count && !s->ended_ns)
		release_strangers();
	if (!s->ended_ns)
		s->ended_ns = clock_ns();
}

void stop_free(struct stop *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->threads[i].vector);
	free(s->threads);
	*s = (struct stop){ 0 };
}

bool stop_general(const struct stop_thread *t)
{
	return t->how == STOP_TRACED || t->how == STOP_PARKED || t->how == STOP_SELF;
}
