/* park.c - signal 33: see park.h. */
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>
#include "park.h"
#include "raw.h"
#include "state.h"

#define PARK_SIGNAL 33                  /* SIGSETXID of glibc, sysdeps/unix/sysv/linux/internal-signals.h */
#define PARK_MAGIC 0x7469646570726b21ul /* "tideprk!" */
#define PARK_TRIES 1000                 /* of a millisecond each */

#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000 /* arch/x86/include/uapi/asm/signal.h */
#endif

struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static struct kernel_action before;
static struct freeze_place *place;
static uint32_t parking; /* 1: handlers wait; 0: they return */
static uint32_t inside;  /* threads in the handler */

void park_return(void);
__asm__(".text\n.type park_return,@function\npark_return:\n\tmov $15, %eax\n\tsyscall\n");

static void park_handler(int number, siginfo_t *info, void *context)
{
	if (info->si_code != SI_QUEUE || (uint64_t)info->si_value.sival_ptr != PARK_MAGIC) {
		if (before.handler != (void *)SIG_DFL && before.handler != (void *)SIG_IGN)
			before.handler(number, info, context);
		return;
	}
	__atomic_fetch_add(&inside, 1, __ATOMIC_ACQ_REL);
	if (__atomic_load_n(&parking, __ATOMIC_ACQUIRE)) {
		uint32_t i = __atomic_fetch_add(&place->parked_count, 1, __ATOMIC_ACQ_REL);

		if (i < FREEZE_PARKED_MAX) {
			place->parked[i].tid = (int32_t)raw0(SYS_gettid);
			place->parked[i].context = (uint64_t)context;
			__atomic_store_n(&place->parked[i].filled, 1, __ATOMIC_RELEASE);
		}
		while (__atomic_load_n(&parking, __ATOMIC_ACQUIRE)) {
			struct timespec t = { 0, 50000000 };

			raw6(SYS_futex, &parking, FUTEX_WAIT_PRIVATE, 1, &t, 0, 0);
		}
	}
	__atomic_fetch_sub(&inside, 1, __ATOMIC_ACQ_REL);
}

static long open_task(const char *name, const char *rest)
{
	char path[64] = "/proc/self/task/", *to = path + 16;

	while (*name && to < path + 40)
		*to++ = *name++;
	while ((*to++ = *rest++))
		;
	return raw3(SYS_open, path, O_RDONLY | O_CLOEXEC, 0);
}

static long read_task(const char *name, const char *file, char *to, long bytes)
{
	long fd = open_task(name, file), got;

	if (raw_failed(fd))
		return 0;
	got = raw3(SYS_read, fd, to, bytes);
	raw1(SYS_close, fd);
	return got;
}

/* True if the thread is blocked in the kernel: the collector can read its stack
 * pointer, and a signal would end its wait. In a process that is not dumpable
 * we may not read `syscall`, but always the state of a thread. */
static bool is_task_waiting(const char *name)
{
	char text[512];
	long got = read_task(name, "/syscall", text, sizeof text);

	if (got > 0)
		return text[0] != 'r' && text[0] != '-';
	got = read_task(name, "/stat", text, sizeof text);
	while (got > 0 && text[got - 1] != ')')
		got--;
	return got > 0 && got + 1 < (long)sizeof text && (text[got + 1] == 'S' || text[got + 1] == 'D');
}

static void park_signal(int pid, int tid)
{
	siginfo_t info = { 0 };

	info.si_signo = PARK_SIGNAL;
	info.si_code = SI_QUEUE;
	info.si_pid = pid;
	info.si_value.sival_ptr = (void *)PARK_MAGIC;
	raw4(SYS_rt_tgsigqueueinfo, pid, tid, PARK_SIGNAL, &info);
}

void park_others(struct freeze_place *p)
{
	struct kernel_action ours = { park_handler, SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_RESTORER,
		park_return, ~0ull };
	struct timespec millisecond = { 0, 1000000 };
	int self = (int)raw0(SYS_gettid), pid = (int)raw0(SYS_getpid);
	char entries[4096];
	uint32_t sent = 0;
	long fd, got;

	if (parking)
		return;
	place = p;
	__atomic_store_n(&p->parked_count, 0, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < FREEZE_PARKED_MAX; i++)
		p->parked[i].filled = 0;
	if (raw_failed(raw4(SYS_rt_sigaction, PARK_SIGNAL, &ours, &before, 8)))
		return;
	__atomic_store_n(&parking, 1, __ATOMIC_RELEASE);
	fd = open_task("", "");
	while (!raw_failed(fd) && (got = raw3(SYS_getdents64, fd, entries, sizeof entries)) > 0) {
		struct directory_entry *e;

		for (long at = 0; at < got; at += e->length) {
			int tid = 0;

			e = (struct directory_entry *)(entries + at);
			for (const char *d = e->name; *d >= '0' && *d <= '9'; d++)
				tid = tid * 10 + *d - '0';
			if (tid && tid != self && sent < FREEZE_PARKED_MAX && !is_task_waiting(e->name)) {
				park_signal(pid, tid);
				sent++;
			}
		}
	}
	if (!raw_failed(fd))
		raw1(SYS_close, fd);
	for (int i = 0; i < PARK_TRIES && __atomic_load_n(&p->parked_count, __ATOMIC_ACQUIRE) < sent; i++)
		raw2(SYS_nanosleep, &millisecond, 0);
}

void park_release(void)
{
	struct timespec millisecond = { 0, 1000000 };

	if (!__atomic_exchange_n(&parking, 0, __ATOMIC_ACQ_REL))
		return;
	raw6(SYS_futex, &parking, FUTEX_WAKE_PRIVATE, INT_MAX, 0, 0, 0);
	/* A signal may still be pending for a thread that did not run, so the
	 * handler stays if a thread has not left it in time; it passes on other
	 * signals. */
	for (int i = 0; i < PARK_TRIES && __atomic_load_n(&inside, __ATOMIC_ACQUIRE); i++)
		raw2(SYS_nanosleep, &millisecond, 0);
	if (!__atomic_load_n(&inside, __ATOMIC_ACQUIRE))
		raw4(SYS_rt_sigaction, PARK_SIGNAL, &before, 0, 8);
}
