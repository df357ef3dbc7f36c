/* Has resident memory of the kind that its argument names; then says "ready PID" and waits for the end of its
 * input. Sizes are such that tests/programs/sums.bats sees in which part they are. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define M (1l << 20)
#define HUGE (2 * M)
#define PAGE 4096l

static const char *way;
static char globals[16 * M];
static volatile long sum;

static int is(const char *what) { return !strcmp(way, what); }

static char *map(long bytes, int flags, int fd)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

static char *anonymous(long bytes) { return map(bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1); }

static char *shared_memory(long bytes)
{
	int fd = memfd_create("shared", 0);

	return ftruncate(fd, bytes) ? NULL : map(bytes, MAP_SHARED, fd);
}

static void read_all(volatile char *p, long bytes)
{
	for (long i = 0; i < bytes; i += PAGE)
		sum += p[i];
}

/* A block with a mapping of its own, whose middle has other properties, so that it is three mappings. */
static char *advised_block(int advice)
{
	char *p = memset(malloc(20 * M + PAGE), 1, 20 * M + PAGE);

	madvise((char *)(((long)p + 5 * M) & -HUGE), 10 * M, advice);
	return p;
}

static void say_ready(void)
{
	char line[40], c;
	int n = snprintf(line, sizeof(line), "ready %d\n", getpid());

	if (write(1, line, n) != n)
		_exit(2);
	while (read(0, &c, 1) > 0)
		;
	_exit(0);
}

static void use_huge_pages(void)
{
	char *p = NULL;

	if (is("huge-block")) {
		p = memalign(HUGE, 20 * M);
		madvise(p, 20 * M, MADV_HUGEPAGE);
		memset(p, 1, 20 * M);
		return;
	}
	if (is("huge-globals")) {
		madvise((char *)(((long)globals + HUGE) & -HUGE), 12 * M, MADV_HUGEPAGE);
		memset(globals, 1, 12 * M);
		return;
	}
	p = is("huge-shared") ? shared_memory(16 * M) : anonymous(16 * M);
	madvise(p, 16 * M, MADV_HUGEPAGE);
	if (is("huge-zeros")) {
		read_all(p, 16 * M);
		memset(p, 1, 8 * M);
	} else {
		memset(p, 1, 9 * M + 5000);
	}
	for (long i = 0; is("huge-split") && i < 16 * M; i += HUGE)
		munmap(p + i + 10 * PAGE, 10 * PAGE);
}

static void use_files(void)
{
	int fd = open("memory_kinds.file", O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *p;

	if (fd < 0 || ftruncate(fd, 16 * M))
		exit(2);
	p = map(16 * M, is("file-shared") ? MAP_SHARED : MAP_PRIVATE, fd);
	memset(p, 1, 6 * M);
	read_all(p + 6 * M, 5 * M);
	unlink("memory_kinds.file");
}

/* Most of the child's memory is shared with its parent. */
static void use_fork(void)
{
	static char *blocks[200];
	pid_t child;

	for (int i = 0; i < 200; i++)
		blocks[i] = memset(malloc(60000), 1, 60000);
	child = fork();
	if (child) {
		waitpid(child, NULL, 0);
		_exit(0);
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; is("child-writes") && i < 200; i += 2)
		memset(blocks[i], 2, 60000);
}

static void use_mappings(void)
{
	char *p = anonymous(10 * M);

	memset(p, 1, 10 * M);
	if (is("protected"))
		mprotect(p, 10 * M, PROT_NONE);
	if (is("lazily-freed"))
		madvise(p, 10 * M, MADV_FREE);
	if (is("not-inherited"))
		madvise(p, 10 * M, MADV_DONTFORK);
}

static void use_system_v(void)
{
	int id = shmget(IPC_PRIVATE, 16 * M, 0600);
	char *p = shmat(id, NULL, 0);

	/* It goes with the process. */
	shmctl(id, IPC_RMID, NULL);
	memset(p, 1, 9 * M);
}

static void use_many_mappings(void)
{
	for (int i = 0; i < 4000; i++) {
		char *p = anonymous(2 * PAGE);

		p[0] = 1;
		mprotect(p + PAGE, PAGE, i % 2 ? PROT_READ : PROT_NONE);
	}
}

static void use_stack(void)
{
	volatile char here[5 * M];

	for (long i = 0; i < 5 * M; i += PAGE)
		here[i] = 1;
	sum += here[0];
	say_ready();
}

int main(int argc, char **argv)
{
	static char *held;

	way = argc > 1 ? argv[1] : "";
	held = memset(malloc(10000), 1, 10000);
	sum += held[5];
	if (!strncmp(way, "huge", 4))
		use_huge_pages();
	else if (!strncmp(way, "file", 4))
		use_files();
	else if (!strncmp(way, "child", 5))
		use_fork();
	else if (is("zeros"))
		read_all(anonymous(30 * M), 30 * M), read_all(calloc(1, 30 * M), 30 * M);
	else if (is("system-v"))
		use_system_v();
	else if (is("locked"))
		mlockall(MCL_CURRENT | MCL_FUTURE), anonymous(10 * M);
	else if (is("split-block"))
		advised_block(MADV_DONTDUMP);
	else if (is("many"))
		use_many_mappings();
	else if (is("sparse"))
		for (long i = 0, p = (long)map(1l << 36, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1);
			i < 1000; i++)
			*(char *)(p + i * (1l << 24)) = 1;
	else if (is("stack"))
		use_stack();
	else
		use_mappings();
	say_ready();
}
