/* What runs while calls of ours fail (tests/hostile/inject): sites, threads,
 * mappings, a child and a snapshot in the middle that make the library map, open
 * and grow, and the collector stop threads and copy. Its counts are the same in
 * each run. Alone it is one more test.
 *
 *   injected          all of it at once
 *   injected waits    says "ready", and goes on when a line comes
 *   injected ticks    works and rests for a fifth of a second
 * status: 7
 */
#include "hostile.h"
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>

static void *volatile kept[64];
static int gate[2];
static volatile int over;

static NOINLINE void *deep(int n, unsigned path)
{
	void *p;

	if (!n)
		return malloc(24);
	p = path & 1 ? deep(n - 1, path >> 1) : deep(n - 1, path >> 1);
	HIDE(p);
	return p;
}

static void *work(void *argument)
{
	for (unsigned i = 0; i < 512; i++)
		free(deep(9, i));
	exercise(2000);
	return argument;
}

/* Two that a snapshot has to stop: one in the kernel, one that runs. */
static void *blocked(void *argument)
{
	char c;
	CHECK(read(gate[0], &c, 1) == 1);
	return argument;
}

static void *running(void *argument)
{
	while (!over)
		sched_yield();
	return argument;
}

/* On a stack that nobody has heard of. */
static ucontext_t outside;

static void coroutine(void)
{
	free(deep(3, 5));
}

static void elsewhere(void)
{
	static char stack[65536];
	ucontext_t inside;

	CHECK(!getcontext(&inside));
	inside.uc_stack.ss_sp = stack;
	inside.uc_stack.ss_size = sizeof stack;
	inside.uc_link = &outside;
	makecontext(&inside, coroutine, 0);
	CHECK(!swapcontext(&outside, &inside));
}

static void snapshot(void)
{
	int (*take)(const char *) = (int (*)(const char *))dlsym(RTLD_DEFAULT, "tide_snapshot");
	char name[64];

	snprintf(name, sizeof name, "asked.%d.tide", (int)getpid());
	if (take)
		take(name);
}

static void begin(pthread_t *t)
{
	CHECK(!pipe(gate));
	CHECK(!pthread_create(&t[0], NULL, blocked, NULL) && !pthread_create(&t[1], NULL, running, NULL));
}

static void end(pthread_t *t)
{
	void *result;

	over = 1;
	CHECK(write(gate[1], "x", 1) == 1);
	CHECK(!pthread_join(t[0], &result) && !pthread_join(t[1], &result));
	puts("ran");
}

static int all(void)
{
	pthread_t t[3], held[2];
	int status = 0;
	pid_t child;
	char *m;

	for (int i = 0; i < 3; i++)
		CHECK(!pthread_create(&t[i], NULL, work, &t[i]));
	for (int i = 0; i < 3; i++)
		CHECK(!pthread_join(t[i], NULL));
	for (int i = 0; i < 64; i++)
		CHECK(kept[i] = malloc(i < 8 ? 300000 : 100));
	m = mmap(NULL, 40960, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(m != MAP_FAILED && !munmap(m + 8192, 4096));
	m[0] = m[40959] = 1;
	elsewhere();
	begin(held);
	snapshot();
	end(held);
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		exercise(2000);
		exit(3);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
	CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
	return 7;
}

static int waits(void)
{
	pthread_t held[2];
	char line[16];

	begin(held);
	kept[0] = malloc(1000);
	CHECK(write(1, "ready\n", 6) == 6);
	CHECK(read(0, line, sizeof line) > 0);
	exercise(2000);
	end(held);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	return 7;
}

static int ticks(void)
{
	struct timespec rest = { 0, 10000000 };
	pthread_t held[2];

	begin(held);
	for (int i = 0; i < 20; i++) {
		if (i % 10 < 5)
			exercise(200);
		nanosleep(&rest, NULL);
	}
	end(held);
	CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	return 7;
}

int main(int argc, char **argv)
{
	return argc < 2 ? all() : !strcmp(argv[1], "waits") ? waits() : ticks();
}
