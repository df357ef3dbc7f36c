/* freeze.c - the frozen thread's half of a snapshot; see freeze.h. */
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "child.h"
#include "freeze.h"
#include "park.h"
#include "raw.h"
#include "server.h"
#include "spawn.h"
#include "state.h"
#include "timeline.h"

#define IMAGES 16

struct freeze_place freeze_place;

static const char *ledger_path, *collector_path;
static uint32_t freeze_lock;   /* tid of the thread that is frozen, or waits to be */
static int32_t images[IMAGES]; /* image processes not yet reaped */
static bool left;              /* the collector finishes the last snapshot without us */

static uint32_t get_word(const uint32_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }

static void set_word(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
	raw6(SYS_futex, p, FUTEX_WAKE, INT_MAX, 0, 0, 0);
}

static void wait_for_word(uint32_t *p, uint32_t v, long milliseconds)
{
	struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000 };

	raw6(SYS_futex, p, FUTEX_WAIT, v, &t, 0, 0);
}

static char *put_number(char *end, uint64_t n)
{
	*--end = 0;
	do
		*--end = (char)('0' + n % 10);
	while (n /= 10);
	return end;
}

void freeze_setup(const char *path, const char *collector, char *const *environment)
{
	ledger_path = path; /* "": private memory, where the collector finds it */
	collector_path = collector;
	spawn_environment(environment);
	state.ledger->freeze_place = (uint64_t)&freeze_place;
}

void freeze_forked(void)
{
	child_after_fork();
	freeze_lock = 0;
	left = false;
	freeze_place.tid = 0;
	for (int i = 0; i < IMAGES; i++)
		images[i] = 0;
}

/* --- processes ---------------------------------------------------------- */

/* Uses signal 0 and the process table: zombies that have not been reaped are dead, too. */
static bool is_process_dead(int pid)
{
	char path[32] = "/proc/", text[512];
	char number[24], *n = put_number(number + sizeof number, (uint64_t)pid), *to = path + 6;
	long fd, got, i;

	if (raw2(SYS_kill, pid, 0) == -ESRCH)
		return true;
	while (*n)
		*to++ = *n++;
	for (const char *rest = "/stat"; (*to++ = *rest); rest++)
		;
	fd = raw3(SYS_open, path, O_RDONLY | O_CLOEXEC, 0);
	if (raw_failed(fd))
		return false;
	got = raw3(SYS_read, fd, text, sizeof text);
	raw1(SYS_close, fd);
	for (i = got - 1; i > 0 && text[i] != ')'; i--)
		;
	return i > 0 && i + 2 < got && (text[i + 2] == 'Z' || text[i + 2] == 'X');
}

/* The image: a copy of the process that does nothing, and ends with the
 * collector. It is the first process that the kernel kills when memory runs
 * out. */
static void __attribute__((noreturn)) image_stand(void)
{
	struct timespec t = { 0, 100000000 };
	int32_t reader = state.ledger->collector_pid;
	long fd;

	/* Keeps it out of signals to the program's process group, and out of counts of its members. */
	raw0(SYS_setsid);
	spawn_close(0);
	/* The dumpable flag is inherited: a process that may not read the program may not read its image. */
	if (reader > 0)
		raw5(SYS_prctl, PR_SET_PTRACER, reader, 0, 0, 0);
	raw5(SYS_prctl, PR_SET_NAME, "tidemark-image", 0, 0, 0);
	fd = raw3(SYS_open, "/proc/self/oom_score_adj", O_WRONLY, 0);
	if (!raw_failed(fd)) {
		raw3(SYS_write, fd, "1000", 4);
		raw1(SYS_close, fd);
	}
	while (!is_process_dead(reader))
		raw2(SYS_nanosleep, &t, 0);
	raw_end(0);
}

static long make_image(void)
{
	/* Not clone's libc wrapper, not fork: no atfork handlers, no SIGCHLD. */
	long pid = raw5(SYS_clone, CLONE_UNTRACED, 0, 0, 0, 0);

	if (pid == 0)
		image_stand();
	child_made((int32_t)pid);
	if (pid > 0)
		for (int i = 0; i < IMAGES; i++)
			if (!images[i]) {
				images[i] = (int32_t)pid;
				break;
			}
	return pid;
}

void freeze_reap(int all)
{
	if (state.no_syscalls)
		return;
	for (int i = 0; i < IMAGES; i++) {
		int32_t pid = __atomic_load_n(&images[i], __ATOMIC_RELAXED);

		if (!pid)
			continue;
		if (all)
			raw2(SYS_kill, pid, SIGKILL);
		if (raw4(SYS_wait4, pid, 0, __WALL | (all ? 0 : WNOHANG), 0) != 0) {
			child_over(pid);
			images[i] = 0;
		}
	}
	/* Images that the collector made: only those that really are our children are waited for. */
	for (unsigned i = 0; state.ledger && i < LEDGER_ENDED_IMAGES; i++) {
		int32_t *slot = &state.ledger->ended_images[i];
		int32_t pid = __atomic_load_n(slot, __ATOMIC_ACQUIRE);

		/* 0: it has not ended yet. */
		if (pid > 0 && raw4(SYS_wait4, pid, 0, __WALL | WNOHANG, 0) != 0)
			__atomic_compare_exchange_n(slot, &pid, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	}
}

static void finish_image(int32_t pid)
{
	for (int i = 0; i < IMAGES && pid > 0; i++)
		if (images[i] == pid) {
			raw2(SYS_kill, pid, SIGKILL);
			raw4(SYS_wait4, pid, 0, __WALL, 0);
			child_over(pid);
			images[i] = 0;
		}
}

/* Forgets an image that outlives this process and belongs to the collector. */
static void image_forget(int32_t pid)
{
	for (int i = 0; i < IMAGES && pid > 0; i++)
		if (images[i] == pid) {
			child_over(pid);
			images[i] = 0;
		}
}

/* --- the conversation ----------------------------------------------------- */

/* Which collector answers: one started here, one of the run's server, or one that asked from outside. */
enum collector { COLLECTOR_OURS, COLLECTOR_SERVED, COLLECTOR_OUTSIDE };

/* True if the collector is gone. Reaps its reaper if we started it, and waits
 * for it if it is `ending`. */
static bool is_collector_gone(int pid, bool ours, bool ending, int *result)
{
	int status = 0;
	long r;

	*result = ESRCH;
	if (!ours)
		return is_process_dead(pid);
	r = raw4(SYS_wait4, pid, &status, __WALL | (ending ? 0 : WNOHANG), 0);
	if (r == pid || (r == -ECHILD && child_status(pid, &status)))
		*result = WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EIO;
	if (r == pid || r == -ECHILD)
		child_over(pid);
	return r == pid || r == -ECHILD;
}

#define LOST_LOOKS 40 /* two seconds */

static int follow_collector(int pid, enum collector whose)
{
	struct ledger_header *l = state.ledger;
	bool ours = whose == COLLECTOR_OURS, ending = false;
	unsigned finished = 0;
	long wait = 1;
	int result;

	for (;;) {
		uint32_t now = get_word(&l->freeze);

		switch (now) {
		case FREEZE_PARK:
			park_others(&freeze_place);
			set_word(&l->freeze, FREEZE_PARKED);
			continue;
		case FREEZE_STOPPED:
			l->image_pid = (int32_t)make_image();
			set_word(&l->freeze, FREEZE_IMAGE);
			continue;
		case FREEZE_OVER: return (int)l->request_result;
		case FREEZE_LEFT: left = true; return 0;
		case FREEZE_DONE:
			park_release();
			if (whose == COLLECTOR_OUTSIDE)
				return 0;
			ending = true;
		}
		if (is_collector_gone(pid, ours, ending, &result))
			return result;
		/* A collector of the server lives on. Its last word is lost when another one, which asks from outside,
		 * writes at the same time. */
		if (whose == COLLECTOR_SERVED && get_word(&l->request_result) != EIO
			&& ++finished > LOST_LOOKS)
			return (int)l->request_result;
		wait_for_word(&l->freeze, now, wait);
		if (wait < 50)
			wait *= 2;
	}
}

/* Saves the registers of the function that this is inlined into: its frame must
 * outlive the snapshot, since the collector unwinds from here. */
static inline __attribute__((always_inline)) void save_registers(struct ledger_registers *r)
{
	__asm__ volatile("mov %%rbx, 0(%0)\n\t"
			 "mov %%rbp, 8(%0)\n\t"
			 "mov %%r12, 16(%0)\n\t"
			 "mov %%r13, 24(%0)\n\t"
			 "mov %%r14, 32(%0)\n\t"
			 "mov %%r15, 40(%0)\n\t"
			 "mov %%rsp, 48(%0)\n\t"
			 "lea 1f(%%rip), %%rax\n"
			 "1:\n\t"
			 "mov %%rax, 56(%0)"
			 :
			 : "D"(r)
			 : "rax", "memory");
}

static void make_command(struct spawn *c, char numbers[4][24], const char *path)
{
	int n = 0;

	c->argv[n++] = "tidemark";
	c->argv[n++] = "collect";
	c->argv[n++] = "--ledger";
	c->argv[n++] = ledger_path;
	c->argv[n++] = "--serial";
	c->argv[n++] = put_number(numbers[0] + 24, state.ledger->request_serial);
	c->argv[n++] = "--reason";
	c->argv[n++] = put_number(numbers[1] + 24, freeze_place.reason);
	c->argv[n++] = "--flags";
	c->argv[n++] = put_number(numbers[2] + 24, freeze_place.flags);
	if (path) {
		c->argv[n++] = "--output";
		c->argv[n++] = path;
	}
	c->argv[n] = NULL;
	c->path = collector_path;
	c->ledger = ledger_path;
	c->program = state.ledger->pid;
	c->pid = 0;
}

static int __attribute__((noinline)) freeze_stand(int32_t outside, const char *path)
{
	struct ledger_header *l = state.ledger;
	uint64_t base = 0;
	enum collector whose = outside ? COLLECTOR_OUTSIDE : COLLECTOR_OURS;
	long pid = outside;
	int result;

	save_registers(&freeze_place.registers);
	raw2(SYS_arch_prctl, ARCH_GET_FS, &base);
	freeze_place.control_block = base;
	freeze_place.entry_sp =
		thread_current && thread_current->busy > THREAD_IDLE ? thread_current->busy : 0;
	freeze_place.parked_count = 0;
	l->request_serial++;
	l->image_pid = 0;
	l->requested_by = thread_current ? thread_current->number : ~0u;
	__atomic_store_n(&l->freeze, FREEZE_ASKED, __ATOMIC_RELEASE);
	/* A path that the program gave is written with the program's rights. */
	if (!outside && !path && !(freeze_place.flags & REQUEST_FLAG_QUERY)) {
		pid = server_ask(SERVER_SNAPSHOT, ledger_path, freeze_place.reason, freeze_place.flags,
			l->request_serial);
		if (pid > 0)
			whose = COLLECTOR_SERVED;
	}
	if (whose == COLLECTOR_SERVED) {
		l->request_result = EIO; /* until the collector sets another result */
		set_word((uint32_t *)&l->collector_pid, (uint32_t)pid);
	} else if (whose == COLLECTOR_OURS && !collector_path) {
		return ENOSYS;
	} else if (whose == COLLECTOR_OURS) {
		static struct spawn command;
		static char numbers[4][24];

		make_command(&command, numbers, path);
		pid = spawn_start(&command);
		if (pid < 0)
			return (int)-pid;
		child_made((int32_t)pid);
		while (!get_word(&command.pid) && raw2(SYS_kill, pid, 0) == 0)
			wait_for_word(&command.pid, 0, 10);
		l->collector_pid = (int32_t)get_word(&command.pid);
	} else {
		set_word(&l->freeze, FREEZE_ASKED);
	}
	if (l->collector_pid > 0)
		raw5(SYS_prctl, PR_SET_PTRACER, l->collector_pid, 0, 0, 0);
	result = follow_collector((int)pid, whose);
	park_release();
	if (l->collector_pid > 0)
		raw5(SYS_prctl, PR_SET_PTRACER, state.ptracer, 0, 0, 0);
	if (left)
		image_forget(l->image_pid);
	else if (whose != COLLECTOR_OUTSIDE)
		finish_image(l->image_pid); /* it is not read any more */
	return result;
}

static int freeze_begin(uint32_t reason, uint32_t flags, int32_t outside, const char *path)
{
	uint64_t all = ~0ull, before;
	uint32_t tid, owner = 0;
	int result;

	if (!state.ledger || !ledger_path)
		return ENOSYS;
	if (state.no_syscalls) {
		missed_add(MISSED_SNAPSHOTS, 1);
		return EPERM;
	}
	tid = (uint32_t)raw0(SYS_gettid);
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8);
	while (!__atomic_compare_exchange_n(
		&freeze_lock, &owner, tid, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
		if (owner == tid) {
			raw4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
			return EDEADLK;
		}
		wait_for_word(&freeze_lock, owner, 50);
		owner = 0;
	}
	freeze_place.reason = reason;
	freeze_place.flags = flags;
	freeze_place.tid = (int32_t)tid;
	result = freeze_stand(outside, path);
	freeze_place.tid = 0;
	__atomic_store_n(&state.ledger->freeze, FREEZE_NONE, __ATOMIC_RELEASE);
	if (result)
		missed_add(MISSED_SNAPSHOTS, 1);
	set_word(&freeze_lock, 0);
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
	return result;
}

void freeze_watch(bool forked)
{
	static struct spawn command = { .argv = { "tidemark", "collect", "--watch", "--ledger" } };
	uint64_t all = ~0ull, before;

	if (!state.ledger || !ledger_path || state.no_syscalls)
		return;
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8);
	if (server_ask(SERVER_WATCH, ledger_path, 0, 0, 0) <= 0 && !forked && collector_path) {
		command.argv[4] = ledger_path;
		command.argv[5] = NULL;
		command.path = collector_path;
		command.ledger = ledger_path;
		command.program = state.ledger->pid;
		child_made((int32_t)spawn_detached(&command));
	}
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8);
}

bool freeze_left(void) { return left; }

int freeze_snapshot(enum ledger_reason reason, const char *path, uint32_t flags)
{
	return freeze_begin(reason, flags, 0, path);
}

void freeze_request(void)
{
	struct ledger_header *l = state.ledger;
	uint32_t want = get_word(&l->request);
	int32_t outside;

	if (want == REQUEST_NONE
		|| !__atomic_compare_exchange_n(
			&l->request, &want, REQUEST_NONE, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return;
	if (want != REQUEST_SNAPSHOT)
		freeze_reap(0);
	outside = l->collector_pid;
	/* Blocks survive a snapshot that was requested from outside, as they survive tide_snapshot. */
	if (want == REQUEST_MARK
		|| (want == REQUEST_SNAPSHOT && outside > 0
			&& !freeze_begin(l->request_reason, l->request_flags, outside, NULL)))
		timeline_mark("snapshot", LEDGER_MARK_SNAPSHOT);
}
