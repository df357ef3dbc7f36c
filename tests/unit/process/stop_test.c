/* Threads of another process stand still, show their registers, and notice nothing. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/process/stop.h"

#define MARK 0x1122334455667788ull

struct shared {
	volatile uint64_t turns, failures, epoll_ms, handled;
	volatile int marked, idle;
};
static struct shared *shared;

static void *spins(void *unused)
{
	for (;;)
		shared->turns++;
	return unused;
}

static void failed(long result)
{
	if (result < 0)
		__atomic_fetch_add(&shared->failures, 1, __ATOMIC_RELAXED);
}

static void *waits_epoll(void *unused)
{
	struct epoll_event event;
	int fd = epoll_create1(0);

	for (;;)
		failed(epoll_wait(fd, &event, 1, -1));
	return unused;
}

static void *waits_epoll_for_a_time(void *unused)
{
	struct epoll_event event;
	int fd = epoll_create1(0);
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	failed(epoll_wait(fd, &event, 1, 1000));
	clock_gettime(CLOCK_MONOTONIC, &b);
	shared->epoll_ms = (uint64_t)((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000);
	pause();
	return unused;
}

static void *waits_poll(void *unused)
{
	for (;;)
		failed(poll(NULL, 0, -1));
	return unused;
}

static void *waits_signal(void *unused)
{
	siginfo_t info;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	for (;;)
		failed(sigwaitinfo(&all, &info) > 0 ? -1 : sigwaitinfo(&all, &info));
	return unused;
}

/* In the kernel, with a mark in a register that calls preserve and in a vector register. */
static void *holds_registers(void *unused)
{
	shared->marked = 1;
	__asm__ volatile(
		"mov %0, %%r13\n\tnot %%r13\n\tmovq %0, %%xmm9\n1:\tmov $34, %%eax\n\tsyscall\n\tjmp 1b"
		:
		: "r"(MARK)
		: "r13", "rax", "rcx", "r11", "memory", "xmm9");
	return unused;
}

static void on_signal(int number)
{
	(void)number;
	shared->handled++;
}

static int child_start(void)
{
	void *(*const start[])(void *) = { spins, waits_epoll, waits_epoll_for_a_time, waits_poll,
		waits_signal, holds_registers };
	pthread_t t;
	int pid = fork();

	if (pid)
		return pid;
	signal(SIGUSR1, on_signal);
	for (size_t i = 0; i < sizeof start / sizeof *start; i++)
		if (pthread_create(&t, NULL, start[i], NULL))
			_exit(1);
	shared->idle = 1;
	for (;;)
		pause();
}

static void sleep_ms(long n)
{
	struct timespec t = { n / 1000, n % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static int set_up(void **state)
{
	int *pid = malloc(sizeof *pid);

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*pid = child_start();
	for (int i = 0; i < 1000 && !(shared->marked && shared->idle && shared->turns); i++)
		sleep_ms(1);
	sleep_ms(50);
	*state = pid;
	return *pid < 0;
}

static int tear_down(void **state)
{
	int *pid = *state;

	kill(*pid, SIGKILL);
	waitpid(*pid, NULL, 0);
	free(pid);
	munmap(shared, sizeof *shared);
	return 0;
}

static void everything_stands_and_goes_on(void **state)
{
	int pid = *(int *)*state, marks = 0, vectors = 0;
	uint64_t turns, word;
	struct stop s;

	stop_all(&s, pid, 0);
	if (s.refused) {
		stop_release(&s);
		stop_free(&s);
		skip();
	}
	assert_int_equal(s.count, 7);
	turns = shared->turns;
	sleep_ms(30);
	assert_int_equal(shared->turns, turns);
	for (size_t i = 0; i < s.count; i++) {
		assert_int_equal(s.threads[i].how, STOP_TRACED);
		assert_non_null(s.threads[i].vector);
		memcpy(&word, s.threads[i].vector + 160 + 9 * 16, 8);
		marks += s.threads[i].registers.r13 == ~MARK;
		vectors += word == MARK;
	}
	assert_int_equal(marks, 1);
	assert_int_equal(vectors, 1);
	stop_release(&s);
	assert_true(s.ended_ns - s.begun_ns >= 30000000);
	stop_free(&s);
	sleep_ms(30);
	assert_true(shared->turns > turns);
}

/* Twenty stops in a row: no wait fails, and one of a second takes a second. */
static void nobody_notices(void **state)
{
	int pid = *(int *)*state;
	struct stop s;

	for (int i = 0; i < 20; i++) {
		stop_all(&s, pid, 0);
		stop_release(&s);
		stop_free(&s);
		sleep_ms(20);
	}
	assert_int_equal(shared->failures, 0);
	assert_int_equal(shared->handled, 0);
	for (int i = 0; i < 200 && !shared->epoll_ms; i++)
		sleep_ms(20);
	assert_true(shared->epoll_ms >= 999 && shared->epoll_ms <= 1500);
}

static void one_is_left_alone(void **state)
{
	int pid = *(int *)*state;
	size_t own = 0;
	struct stop s;

	stop_all(&s, pid, pid);
	for (size_t i = 0; i < s.count; i++)
		if (s.threads[i].how == STOP_SELF) {
			own++;
			assert_int_equal(s.threads[i].tid, pid);
			assert_false(s.threads[i].seized);
		}
	assert_int_equal(own, 1);
	/* Not stopped: it still handles signals. */
	kill(pid, SIGUSR1);
	for (int i = 0; i < 100 && !shared->handled; i++)
		sleep_ms(10);
	assert_int_equal(shared->handled, 1);
	stop_release(&s);
	stop_free(&s);
}

static void a_signal_is_delivered_after(void **state)
{
	int pid = *(int *)*state;
	uint64_t before = shared->handled;
	struct stop s;

	stop_all(&s, pid, 0);
	kill(pid, SIGUSR1);
	sleep_ms(20);
	assert_int_equal(shared->handled, before);
	stop_release(&s);
	stop_free(&s);
	for (int i = 0; i < 100 && shared->handled == before; i++)
		sleep_ms(10);
	assert_int_equal(shared->handled, before + 1);
}

/* Another tracer: what can be read of a waiting thread is read, nothing more. */
static void somebody_else_traces(void **state)
{
	int pid = *(int *)*state, tracer = fork(), blocked = 0;
	struct stop s;

	if (!tracer) {
		ptrace(PTRACE_SEIZE, pid, 0, 0);
		for (;;)
			pause();
	}
	sleep_ms(50);
	stop_all(&s, pid, 0);
	assert_true(s.refused);
	for (size_t i = 0; i < s.count; i++)
		if (s.threads[i].tid == pid) {
			assert_int_equal(s.threads[i].how, STOP_BLOCKED);
			assert_true(s.threads[i].registers.rsp != 0);
			assert_false(stop_general(&s.threads[i]));
			blocked++;
		}
	assert_int_equal(blocked, 1);
	stop_verify(&s);
	for (size_t i = 0; i < s.count; i++)
		if (s.threads[i].tid == pid)
			assert_int_equal(s.threads[i].how, STOP_BLOCKED);
	stop_release(&s);
	stop_free(&s);
	kill(tracer, SIGKILL);
	waitpid(tracer, NULL, 0);
}

static void nobody_there(void **state)
{
	struct stop s;

	(void)state;
	stop_all(&s, 0x3fffffff, 0);
	assert_int_equal(s.count, 0);
	stop_release(&s);
	stop_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_notices),
		cmocka_unit_test(everything_stands_and_goes_on),
		cmocka_unit_test(one_is_left_alone),
		cmocka_unit_test(a_signal_is_delivered_after),
		cmocka_unit_test(somebody_else_traces),
		cmocka_unit_test(nobody_there),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
