/* Storms: ten thousand threads, at once and in turn, handlers that allocate,
 * forks from threads, programs that replace themselves, 20,000 mappings. With --every 50ms
 * snapshots are taken all the while.
 * limit: 60
 */
#include "hostile.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
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
	CHECK(n >= 1000);
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

static char *map(void *at, size_t bytes, int flags)
{
	char *p = mmap(at, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	CHECK(p != MAP_FAILED);
	return p;
}

/* Whole, in parts, over one another, moved: and each page is what was last written there. */
static void mappings(void)
{
	enum { MANY = 20000, PAGE = 4096 };
	static char *at[MANY];

	for (int i = 0; i < MANY; i++) {
		at[i] = map(NULL, 3 * PAGE, 0);
		at[i][2 * PAGE] = (char)i;
		CHECK(!mprotect(at[i], PAGE, PROT_READ));	/* so that neighbours stay two */
	}
	for (int i = 0; i < MANY; i += 3)
		CHECK(!munmap(at[i] + PAGE, PAGE));
	for (int i = 1; i < MANY; i += 3)
		CHECK(map(at[i] + PAGE, PAGE, MAP_FIXED) == at[i] + PAGE && !at[i][PAGE]);
	for (int i = 2; i < MANY; i += 300) {
		char *p = mremap(at[i] + PAGE, 2 * PAGE, 40 * PAGE, MREMAP_MAYMOVE);
		CHECK(p != MAP_FAILED && p[PAGE] == (char)i);
		CHECK(!munmap(p, 40 * PAGE));
		at[i] = NULL;
	}
	for (int i = MANY - 1; i >= 0; i--)
		if (at[i]) {
			CHECK(at[i][2 * PAGE] == (char)i);
			CHECK(!munmap(at[i], 3 * PAGE));
		}
}

MAIN(CASE(threads_at_once), CASE(threads_in_turn), CASE(signals), CASE(forks_of_threads), CASE(execs),
	CASE(mappings))
