/* Limits are the program's: what it may have with them, it has.
 * limit: 60
 * snapshots[start_without_files]: any
 */
#include "hostile.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

static void limit(int what, rlim_t value)
{
	struct rlimit l = { value, value };
	CHECK(!setrlimit(what, &l));
}

/* Memory runs out, comes back, runs out. */
static void exhaust(void)
{
	for (int round = 0; round < 5; round++) {
		static void *p[100000];
		int n = 0;
		while (n < 100000 && (p[n] = malloc(20000)))
			memset(p[n++], 1, 100);
		CHECK(n > 1000 && n < 100000 && errno == ENOMEM);
		for (int i = 0; i < 1000; i++) {
			void *none = malloc(200000000);
			HIDE(none);
			CHECK(!none);
		}
		while (n > 0)
			free(p[--n]);
		exercise(1000);
	}
}

static void address_space(void) { limit(RLIMIT_AS, 256 << 20); exhaust(); }
static void data(void) { limit(RLIMIT_DATA, 128 << 20); exhaust(); }

/* So little that no table can grow: the program still runs. */
static void hardly_any(void)
{
	limit(RLIMIT_AS, 24 << 20);
	exercise(3000);
	void *p[50];
	for (int i = 0; i < 50; i++)
		p[i] = malloc(1000);
	for (int i = 0; i < 50; i++) {
		CHECK(p[i]);
		free(p[i]);
	}
}

/* A program started under such limits, by exec. */
static void again(const char *name, int what, rlim_t value)
{
	if (getenv("HOSTILE_AGAIN")) {
		exercise(3000);
		return;
	}
	setenv("HOSTILE_AGAIN", "1", 1);
	limit(what, value);
	execl("/proc/self/exe", "limits", name, (char *)NULL);
	CHECK(0);
}
static void start_in_little(void) { again("start_in_little", RLIMIT_AS, 64 << 20); }
static void start_without_files(void) { again("start_without_files", RLIMIT_FSIZE, 0); }
static void start_with_small_stack(void) { again("start_with_small_stack", RLIMIT_STACK, 64 << 10); }

static volatile sig_atomic_t size_signals;
static void on_size(int s) { (void)s; size_signals++; }
/* SIGXFSZ is the program's own, and comes for its own writes only. */
static void file_size(void)
{
	signal(SIGXFSZ, on_size);
	limit(RLIMIT_FSIZE, 4096);
	for (int i = 0; i < 200; i++)
		exercise(200);
	static void *p[20000];
	for (int i = 0; i < 20000; i++)
		p[i] = malloc(100);
	CHECK(!size_signals);
	int f = open("hostile-file", O_CREAT | O_RDWR | O_TRUNC, 0600);
	char text[4096] = "";
	CHECK(write(f, text, 4096) == 4096);
	CHECK(write(f, text, 1) == -1 && errno == EFBIG && size_signals == 1);
	unlink("hostile-file");
	for (int i = 0; i < 20000; i++)
		free(p[i]);
	CHECK(size_signals == 1);
}

static void locked(void)
{
	struct rlimit l;
	getrlimit(RLIMIT_MEMLOCK, &l);
	int r = mlockall(MCL_CURRENT | MCL_FUTURE);
	(void)r;
	exercise(3000);
	void *big = malloc(30 << 20);
	CHECK(big);
	free(big);
	munlockall();
}

static void locked_little(void)
{
	limit(RLIMIT_MEMLOCK, 1 << 20);
	mlockall(MCL_FUTURE | MCL_ONFAULT);
	exercise(3000);
}

static void *never(void *unused) { return unused; }
static void no_processes(void)
{
	if (!getuid() && setresuid(65534, 65534, 65534))
		CHECK(0);
	limit(RLIMIT_NPROC, 0);
	errno = 0;
	CHECK(fork() == -1 && errno == EAGAIN);
	exercise(1000);
	pthread_t t;
	CHECK(pthread_create(&t, NULL, never, NULL) == EAGAIN);
	exercise(1000);
}

static void no_core(void) { limit(RLIMIT_CORE, 0); exercise(100); }

static void cpu_time(void)
{
	struct rlimit l = { 1, 2 };
	setrlimit(RLIMIT_CPU, &l);
	exercise(1000);
	_exit(0);
}

MAIN(CASE(address_space), CASE(data), CASE(hardly_any), CASE(start_in_little), CASE(start_without_files),
	CASE(start_with_small_stack), CASE(file_size), CASE(locked), CASE(locked_little), CASE(no_processes), CASE(no_core),
	CASE(cpu_time))
