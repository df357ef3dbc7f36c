/* Children of every descent, and programs that count on what wait() tells them:
 * none of ours is ever among them, and none of theirs is taken.
 * limit: 60
 */
#include "hostile.h"
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define THREADS 6

/* vfork and exec in many threads at once, while others allocate. */
static void *launcher(void *argument)
{
	for (int i = 0; i < 12; i++) {
		int status;
		pid_t child = vfork();
		CHECK(child >= 0);
		if (!child) {
			execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
			_exit(8);
		}
		CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
		exercise(100);
	}
	return argument;
}

static void vfork_in_threads(void)
{
	pthread_t t[THREADS];
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_create(&t[i], NULL, launcher, NULL));
	exercise(20000);
	for (int i = 0; i < THREADS; i++)
		CHECK(!pthread_join(t[i], NULL));
}

/* libc's daemon(): the parent ends at once, the daemon goes on without a terminal. */
static void by_daemon(void)
{
	int ends[2], status;
	char text[32] = "";
	CHECK(!pipe(ends));
	pid_t child = fork();
	CHECK(child >= 0);
	if (!child) {
		exercise(100);
		CHECK(!daemon(1, 0));
		exercise(500);
		usleep(60000);
		CHECK(write(ends[1], "far away", 8) == 8);
		exit(0);
	}
	close(ends[1]);
	CHECK(waitpid(child, &status, 0) == child && status == 0);
	size_t n = 0;
	ssize_t got;
	while ((got = read(ends[0], text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)got;
	printf("%s\n", text);
}

/* Children that die with their parent: neither too early, when one of ours ends, nor never. */
static volatile sig_atomic_t orphaned;
static void on_death(int s) { (void)s; orphaned = 1; }

static void death_signal(void)
{
	int ends[2], enough[2], status;
	char c = 0;
	CHECK(!pipe(ends) && !pipe(enough));
	pid_t middle = fork();
	if (!middle) {
		pid_t child = fork();
		if (!child) {
			signal(SIGUSR1, on_death);
			prctl(PR_SET_PDEATHSIG, SIGUSR1);
			CHECK(write(ends[1], "r", 1) == 1);
			for (int i = 0; i < 40; i++) {
				exercise(50);
				usleep(2000);
				if (i < 20)
					CHECK(!orphaned);
				if (i == 20)
					CHECK(write(ends[1], "g", 1) == 1 && write(enough[1], "e", 1) == 1);
			}
			for (int i = 0; i < 500 && !orphaned; i++)
				usleep(10000);
			c = orphaned ? 'y' : 'n';
			CHECK(write(ends[1], &c, 1) == 1);
			_exit(0);
		}
		/* Snapshots are taken in this time; then the parent ends, however slow the child is. */
		for (int i = 0; i < 20; i++) {
			exercise(100);
			usleep(5000);
		}
		CHECK(read(enough[0], &c, 1) == 1);
		exit(4);
	}
	close(ends[1]);
	CHECK(read(ends[0], &c, 1) == 1 && c == 'r');
	CHECK(read(ends[0], &c, 1) == 1 && c == 'g');
	CHECK(waitpid(middle, &status, 0) == middle && WEXITSTATUS(status) == 4);
	CHECK(read(ends[0], &c, 1) == 1 && c == 'y');
}

/* A server that reaps any child that has ended: every child once, and nobody else, also
 * where a wait is for every kind of child (tracers). */
static void wait_loop(void)
{
	for (int round = 0; round < 5; round++) {
		int sum = 0, status;
		for (int i = 1; i <= 20; i++) {
			pid_t child = fork();
			CHECK(child >= 0);
			if (!child) {
				exercise(30 * i);
				_exit(i);
			}
		}
		for (int n = 0; n < 20; n++) {
			exercise(50);
			CHECK(waitpid(-1, &status, n & 1 ? __WALL : 0) > 0 && WIFEXITED(status));
			sum += WEXITSTATUS(status);
		}
		CHECK(sum == 210);
		/* While an image lives there is somebody to wait for, who does not come. */
		CHECK(waitpid(-1, &status, __WALL | WNOHANG) <= 0);
		siginfo_t info = { 0 };
		CHECK((!waitid(P_ALL, 0, &info, WEXITED | __WALL | WNOHANG) && !info.si_pid) || errno == ECHILD);
		CHECK(waitpid(-1, &status, __WALL) == -1 && errno == ECHILD);
	}
}

/* Who ignores SIGCHLD has no zombies, and wait() ends when all are gone. */
static void ignoring(void)
{
	struct sigaction no_zombies = { .sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT };
	for (int round = 0; round < 6; round++) {
		if (round & 1)
			CHECK(!sigaction(SIGCHLD, &no_zombies, NULL));
		else
			CHECK(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
		for (int i = 0; i < 10; i++) {
			pid_t child = fork();
			CHECK(child >= 0);
			if (!child) {
				exercise(50);
				_exit(3);
			}
		}
		exercise(300);
		usleep(20000);
		CHECK(waitpid(-1, NULL, 0) == -1 && errno == ECHILD);
	}
}

/* Orphans come to a subreaper: its own grandchildren, and no process of ours. */
static void subreaper(void)
{
	CHECK(!prctl(PR_SET_CHILD_SUBREAPER, 1));
	for (int round = 0; round < 5; round++) {
		int status, grandchildren = 0, children = 0;
		for (int i = 0; i < 4; i++) {
			pid_t child = fork();
			CHECK(child >= 0);
			if (!child) {
				if (fork())
					_exit(1);
				exercise(100);
				usleep(10000);
				_exit(2);
			}
		}
		for (int n = 0; n < 8; n++) {
			CHECK(waitpid(-1, &status, 0) > 0 && WIFEXITED(status));
			children += WEXITSTATUS(status) == 1;
			grandchildren += WEXITSTATUS(status) == 2;
		}
		CHECK(children == 4 && grandchildren == 4);
		exercise(300);
		usleep(30000);
		CHECK(waitpid(-1, &status, WNOHANG) == -1 && errno == ECHILD);
		CHECK(waitpid(-1, &status, __WALL | WNOHANG) <= 0);
	}
}

MAIN(CASE(vfork_in_threads), CASE(by_daemon), CASE(death_signal), CASE(wait_loop), CASE(ignoring), CASE(subreaper))
