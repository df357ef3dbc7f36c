/* What runs while calls of ours fail (tests/hostile/inject): sites, threads,
 * mappings and a child that make the library map, open and grow. Its counts are
 * the same in each run. Alone it is one more test.
 * status: 7
 */
#include "hostile.h"
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>

static void *volatile kept[64];

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

int main(void)
{
	pthread_t t[3];
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
	child = fork();
	CHECK(child >= 0);
	if (!child) {
		exercise(2000);
		exit(3);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 3);
	CHECK(waitpid(-1, &status, 0) == -1 && errno == ECHILD);
	puts("ran");
	return 7;
}
