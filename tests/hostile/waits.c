/* Calls that wait must not come back early because a snapshot is taken; signals
 * that a thread blocks or waits for are the program's own; timers go on.
 * limit: 60
 */
#include "hostile.h"
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

static int ends[2];
static atomic_int over, ready;

/* Busy enough that there is always an event. */
static void alive_for(int ms)
{
	for (int i = 0; i < ms; i++) {
		exercise(20);
		usleep(1000);
	}
}

#define WAITER(name, ...) \
static void *name##_main(void *unused) \
{ \
	atomic_fetch_add(&ready, 1); \
	while (!atomic_load(&over)) { errno = 0; __VA_ARGS__; CHECK(errno != EINTR); } \
	return unused; \
}
static sem_t never;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static struct timespec soon(void)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += 100000000;
	if (t.tv_nsec >= 1000000000)
		t.tv_sec++, t.tv_nsec -= 1000000000;
	return t;
}
WAITER(in_poll, struct pollfd f = { .fd = ends[0], .events = POLLIN }; poll(&f, 1, 100))
WAITER(in_select, fd_set s; FD_ZERO(&s); FD_SET(ends[0], &s); struct timeval t = { 0, 100000 };
	select(ends[0] + 1, &s, NULL, NULL, &t))
WAITER(in_sleep, struct timespec t = { 0, 100000000 }; nanosleep(&t, NULL))
WAITER(in_semaphore, struct timespec t = soon(); sem_timedwait(&never, &t))
WAITER(in_read, char c; CHECK(read(ends[0], &c, 1) == 1))
static void *in_condition_main(void *unused)
{
	atomic_fetch_add(&ready, 1);
	pthread_mutex_lock(&mutex);
	while (!atomic_load(&over)) {
		struct timespec t = soon();
		int r = pthread_cond_timedwait(&condition, &mutex, &t);
		CHECK(r == ETIMEDOUT || r == 0);
	}
	pthread_mutex_unlock(&mutex);
	return unused;
}

static void no_interruption(void)
{
	void *(*const f[])(void *) = { in_poll_main, in_select_main, in_sleep_main, in_semaphore_main, in_condition_main };
	pthread_t t[6];
	CHECK(!pipe(ends));
	sem_init(&never, 0, 0);
	for (int i = 0; i < 5; i++)
		pthread_create(&t[i], NULL, f[i], NULL);
	while (atomic_load(&ready) < 5)
		usleep(100);
	alive_for(400);
	atomic_store(&over, 1);
	for (int i = 0; i < 5; i++)
		pthread_join(t[i], NULL);
}

static void blocked_read(void)
{
	pthread_t t;
	CHECK(!pipe(ends));
	pthread_create(&t, NULL, in_read_main, NULL);
	alive_for(300);
	atomic_store(&over, 1);
	CHECK(write(ends[1], "x", 1) == 1);
	pthread_join(t, NULL);
}

/* A thread with every signal blocked, one that takes signals by waiting for them. */
static atomic_int taken, unexpected;
static void *waits_for_signals(void *unused)
{
	sigset_t all;
	sigfillset(&all);
	while (!atomic_load(&over)) {
		siginfo_t info;
		struct timespec t = { 0, 100000000 };
		int s = sigtimedwait(&all, &info, &t);
		if (s == SIGUSR1)
			atomic_fetch_add(&taken, 1);
		else if (s > 0)
			atomic_fetch_add(&unexpected, 1);
		else
			CHECK(errno == EAGAIN);
	}
	return unused;
}
static void *masked(void *unused)
{
	while (!atomic_load(&over))
		exercise(50);
	sigset_t pending;
	sigpending(&pending);
	for (int s = 1; s < 65; s++)
		if (s != SIGUSR1 && sigismember(&pending, s) == 1)
			atomic_fetch_add(&unexpected, 1);
	return unused;
}
static void signals_of_the_program(void)
{
	sigset_t all, old;
	pthread_t a, b;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_create(&a, NULL, waits_for_signals, NULL);
	pthread_create(&b, NULL, masked, NULL);
	for (int i = 0; i < 20; i++) {
		alive_for(15);
		/* One at a time: the kernel merges two that are pending together. */
		pthread_kill(a, SIGUSR1);
		for (int k = 0; k < 2000 && atomic_load(&taken) <= i; k++)
			usleep(1000);
	}
	alive_for(20);
	atomic_store(&over, 1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	printf("taken %d unexpected %d\n", atomic_load(&taken), atomic_load(&unexpected));
}

/* Masks, handlers and the alternate stack are what they were. */
static void dispositions(void)
{
	struct sigaction before[65], after[65];
	sigset_t m1, m2;
	stack_t s1, s2;
	for (int s = 1; s < 65; s++)
		if (sigaction(s, NULL, &before[s]))
			before[s].sa_handler = SIG_ERR;
	sigprocmask(SIG_SETMASK, NULL, &m1);
	sigaltstack(NULL, &s1);
	alive_for(200);
	for (int s = 1; s < 65; s++) {
		if (sigaction(s, NULL, &after[s]))
			after[s].sa_handler = SIG_ERR;
		CHECK(before[s].sa_handler == after[s].sa_handler);
	}
	sigprocmask(SIG_SETMASK, NULL, &m2);
	sigaltstack(NULL, &s2);
	CHECK(!memcmp(&m1, &m2, 8) && s1.ss_flags == s2.ss_flags);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int s) { (void)s; alarms++; }
static void timers(void)
{
	struct sigaction a = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	sigaction(SIGALRM, &a, NULL);
	struct itimerval i = { { 0, 20000 }, { 0, 20000 } }, now;
	setitimer(ITIMER_REAL, &i, NULL);
	while (alarms < 10)
		exercise(20);
	getitimer(ITIMER_REAL, &now);
	CHECK(now.it_interval.tv_usec == 20000);
	i = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &i, NULL);
	CHECK(getitimer(ITIMER_VIRTUAL, &now) == 0 && !now.it_value.tv_sec && !now.it_value.tv_usec);
	CHECK(alarm(0) == 0);
}

/* What the program can see of itself: threads, children, parent's death signal. */
static void seen_from_inside(void)
{
	for (int i = 0; i < 40; i++) {
		exercise(100);
		usleep(4000);
		FILE *f = fopen("/proc/self/status", "r");
		char line[256];
		int threads = 0;
		while (fgets(line, sizeof(line), f))
			sscanf(line, "Threads: %d", &threads);
		fclose(f);
		CHECK(threads == 1);
		CHECK(waitpid(-1, NULL, WNOHANG | __WALL) <= 0);
	}
}

MAIN(CASE(no_interruption), CASE(blocked_read), CASE(signals_of_the_program), CASE(dispositions), CASE(timers),
	CASE(seen_from_inside))
