/* fork in all its forms. A program counts its children and their signals: ours
 * must not be among them.
 * limit: 120
 * with: HOSTILE_MARK=1
 */
#include "hostile.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static int wait_for(pid_t child)
{
	int status = -1;
	pid_t r;
	while ((r = waitpid(child, &status, 0)) < 0 && errno == EINTR)
		;
	CHECK(r == child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void plain(void)
{
	for (int i = 0; i < 20; i++) {
		void *before = malloc(100);
		pid_t child = fork();
		if (!child) {
			free(before);
			exercise(500);
			_exit(i);
		}
		exercise(100);
		CHECK(wait_for(child) == i);
		free(before);
	}
}

static void *busy(void *unused) { for (;;) exercise(50); return unused; }

static void of_threads(void)
{
	pthread_t t;
	for (int i = 0; i < 3; i++)
		pthread_create(&t, NULL, busy, NULL);
	for (int i = 0; i < 50; i++) {
		pid_t child = fork();
		if (!child) {
			exercise(300);
			pthread_t own;
			if (i % 10 == 0)
				pthread_create(&own, NULL, busy, NULL);
			exercise(50);
			_exit(3);
		}
		CHECK(wait_for(child) == 3);
	}
}

static void *forker(void *unused)
{
	pid_t child = fork();
	if (!child) {
		exercise(300);
		exit(0);
	}
	CHECK(wait_for(child) == 0);
	return unused;
}
static void in_thread(void)
{
	for (int i = 0; i < 10; i++) {
		pthread_t t;
		pthread_create(&t, NULL, forker, NULL);
		pthread_join(t, NULL);
	}
}

static void storm(void)
{
	for (int round = 0; round < 10; round++) {
		pid_t child[20];
		for (int i = 0; i < 20; i++)
			if (!(child[i] = fork())) {
				free(malloc((size_t)i));
				_exit(i);
			}
		for (int i = 0; i < 20; i++)
			CHECK(wait_for(child[i]) == i);
	}
}

static void generations(void)
{
	for (int depth = 0; depth < 8; depth++) {
		exercise(50);
		pid_t child = fork();
		if (child) {
			int r = wait_for(child);
			if (depth)
				_exit(r + 1);
			printf("%d generations\n", r);
			return;
		}
	}
	_exit(0);
}

static void by_vfork(void)
{
	for (int i = 0; i < 20; i++) {
		volatile int seen = 0;
		pid_t child = vfork();
		if (!child) {
			seen = 1;
			void *p = malloc(100);
			free(p);
			if (i & 1)
				_exit(7);
			execl("/bin/true", "true", (char *)NULL);
			_exit(8);
		}
		CHECK(seen);
		CHECK(wait_for(child) == (i & 1 ? 7 : 0));
		exercise(50);
	}
}

static void by_spawn(void)
{
	char *arguments[] = { "sh", "-c", "exit 6", NULL };
	for (int i = 0; i < 10; i++) {
		pid_t child;
		CHECK(!posix_spawn(&child, "/bin/sh", NULL, NULL, arguments, environ));
		CHECK(wait_for(child) == 6);
		CHECK(posix_spawn(&child, "/there/is/no/such", NULL, NULL, arguments, environ) == ENOENT);
	}
}

static void by_clone(void)
{
	for (int i = 0; i < 20; i++) {
		long child = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (!child) {
			exercise(100);
			_exit(9);
		}
		CHECK(wait_for((pid_t)child) == 9);
	}
}

static int clone_body(void *argument)
{
	free(malloc(100));
	*(int *)argument = 1;
	return 4;
}
static void sharing_memory(void)
{
	char *stack = malloc(65536);
	for (int i = 0; i < 20; i++) {
		int ran = 0;
		pid_t child = clone(clone_body, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, &ran);
		CHECK(wait_for(child) == 4 && ran);
		exercise(20);
	}
	free(stack);
}

static void at_fork_prepare(void) { free(malloc(10)); dprintf(1, "prepare\n"); }
static void at_fork_parent(void) { free(malloc(20)); dprintf(1, "parent\n"); }
static void at_fork_child(void) { exercise(100); }
/* The handlers of the program run for its own forks, and never else. */
static void at_fork(void)
{
	CHECK(!pthread_atfork(at_fork_prepare, at_fork_parent, at_fork_child));
	for (int i = 0; i < 3; i++) {
		pid_t child = fork();
		if (!child)
			_exit(0);
		CHECK(wait_for(child) == 0);
	}
	for (int i = 0; i < 30; i++) {
		exercise(200);
		usleep(5000);
	}
}

static volatile sig_atomic_t children_ended;
static void on_child(int s) { (void)s; children_ended++; }
/* No child to wait for, no SIGCHLD, that is not the program's own. */
static void nobody_elses(void)
{
	struct sigaction a = { .sa_handler = on_child, .sa_flags = SA_RESTART };
	sigaction(SIGCHLD, &a, NULL);
	int status;
	for (int i = 0; i < 40; i++) {
		exercise(200);
		errno = 0;
		CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
		siginfo_t info;
		CHECK(waitid(P_ALL, 0, &info, WEXITED | WNOHANG) == -1 && errno == ECHILD);
		usleep(5000);
	}
	CHECK(!children_ended);
	pid_t child = fork();
	if (!child)
		_exit(0);
	CHECK(wait_for(child) == 0);
	usleep(10000);
	CHECK(children_ended == 1);
}

static void daemon_like(void)
{
	int ends[2];
	char text[32] = "";
	CHECK(!pipe(ends));
	pid_t child = fork();
	if (!child) {
		setsid();
		if (fork())
			_exit(0);
		exercise(200);
		usleep(30000);
		CHECK(write(ends[1], "from afar", 9) == 9);
		_exit(0);
	}
	CHECK(wait_for(child) == 0);
	close(ends[1]);
	size_t n = 0;
	ssize_t r;
	while ((r = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	printf("%s\n", text);
}

/* The other end of a pipe is seen as closed when the child is gone: nobody keeps a copy of it. */
static void pipe_ends(void)
{
	for (int i = 0; i < 30; i++) {
		int ends[2];
		char c;
		CHECK(!pipe(ends));
		pid_t child = fork();
		if (!child) {
			close(ends[0]);
			exercise(30);
			CHECK(write(ends[1], "x", 1) == 1);
			_exit(0);
		}
		close(ends[1]);
		CHECK(read(ends[0], &c, 1) == 1 && read(ends[0], &c, 1) == 0);
		close(ends[0]);
		CHECK(wait_for(child) == 0);
	}
}

MAIN(CASE(plain), CASE(of_threads), CASE(in_thread), CASE(storm), CASE(generations), CASE(by_vfork), CASE(by_spawn),
	CASE(by_clone), CASE(sharing_memory), CASE(at_fork), CASE(nobody_elses), CASE(daemon_like), CASE(pipe_ends))
