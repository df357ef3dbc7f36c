/* Storms: ten thousand threads, at once and in turn, handlers that allocate,
 * forks from threads, programs that replace themselves. With --every 50ms
 * snapshots are taken all the while.
 * limit: 60
 */
#include "hostile.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <sys/wait.h>

static atomic_int done;
static pthread_rwlock_t gate = PTHREAD_RWLOCK_INITIALIZER;

static void *one_of_many(void *wait)
{
	char *p = malloc(500);
	CHECK(p);
	memset(p, 7, 500);
	p = realloc(p, 1500);
	CHECK(p && p[499] == 7);
	if (wait)
		CHECK(!pthread_rwlock_rdlock(&gate) && !pthread_rwlock_unlock(&gate));
	free(p);
	done++;
	return wait;
}

/* Returns how many there are: the system may not allow so many. */
static int start_many(pthread_t *t, int n, void *wait)
{
	pthread_attr_t a;
	int i = 0;

	CHECK(!pthread_attr_init(&a) && !pthread_attr_setstacksize(&a, 16384));
	while (i < n && !pthread_create(&t[i], &a, one_of_many, wait))
		i++;
	pthread_attr_destroy(&a);
	return i;
}

static void threads_at_once(void)
{
	static pthread_t t[10000];
	int n;

	CHECK(!pthread_rwlock_wrlock(&gate));
	n = start_many(t, 10000, t);
	CHECK(n >= 500);
	usleep(200000);
	CHECK(!pthread_rwlock_unlock(&gate));
	for (int i = 0; i < n; i++)
		CHECK(!pthread_join(t[i], NULL));
	CHECK(done == n);
}

static void threads_in_turn(void)
{
	pthread_t t[50];

	for (int round = 0; round < 200; round++) {
		CHECK(start_many(t, 50, NULL) == 50);
		for (int i = 0; i < 50; i++)
			CHECK(!pthread_join(t[i], NULL));
	}
	CHECK(done == 10000);
}

static volatile sig_atomic_t inside_malloc, handled;

/* malloc is not async-signal-safe: only where the program is not in it. */
static void on_signal(int n)
{
	int error = errno;

	if (!inside_malloc) {
		void *p = malloc((size_t)(n * 37));
		free(p);
	}
	handled++;
	errno = error;
}

static void signals(void)
{
	struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { { 0, 0 }, { 0, 0 } };
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	CHECK(!sigaction(SIGALRM, &a, NULL) && !setitimer(ITIMER_REAL, &often, NULL));
	while (handled < 2000) {
		inside_malloc = 1;
		exercise(200);
		inside_malloc = 0;
		for (volatile int i = 0; i < 20000; i++)
			;
	}
	CHECK(!setitimer(ITIMER_REAL, &never, NULL));
}

static void *forks(void *argument)
{
	for (int i = 0; i < 8; i++) {
		int status = 0;
		pid_t child = fork();
		if (!child) {
			exercise(300);
			_exit(i);
		}
		CHECK(child > 0 && waitpid(child, &status, 0) == child);
		CHECK(WIFEXITED(status) && WEXITSTATUS(status) == i);
		exercise(300);
	}
	return argument;
}

static void forks_of_threads(void)
{
	pthread_t t[4];

	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, forks, NULL));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], NULL));
}

static void execs(void)
{
	char *left = getenv("STORM_LEFT"), text[16];
	int n = left ? atoi(left) : 25;

	exercise(1000);
	if (!n)
		return;
	snprintf(text, sizeof(text), "%d", n - 1);
	CHECK(!setenv("STORM_LEFT", text, 1));
	execl("/proc/self/exe", "storms", "execs", NULL);
	CHECK(!"exec");
}

MAIN(CASE(threads_at_once), CASE(threads_in_turn), CASE(signals), CASE(forks_of_threads), CASE(execs))
