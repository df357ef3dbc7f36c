/* A child that a process with threads has forked: what only the other threads held, on their
 * stacks, in thread-local data or by keys, is not a leak of the child's. What the child loses is.
 *
 * cases: main thread
 * options: --children all
 * truth@1: unreferenced blocks=1 bytes=11 site=parent_leak
 * truth@2[main]: unreferenced blocks=2 bytes=44 site=child_leak
 * truth@2[thread]: unreferenced blocks=2 bytes=44 site=child_leak
 */
#define TRUTH_OWN_MAIN
#define _GNU_SOURCE
#include "truth.h"
#include "thread.h"
#include <sys/wait.h>
#include <unistd.h>

__thread char *volatile local;
static pthread_key_t key;

static NOINLINE void parent_leak(void) { void *p = malloc(11); HIDE(p); }
static NOINLINE void child_leak(void) { void *p = malloc(22); HIDE(p); }
static NOINLINE void *held(int bytes) { void *p = malloc((size_t)bytes); HIDE(p); return p; }

static NOINLINE void hold(void)
{
	void *volatile on_stack[4] = { held(30), held(31), held(32), held(33) };

	local = held(34);
	pthread_setspecific(key, held(35));
	atomic_fetch_add(&thread_blocked, 1);
	for (;;)
		pause();
	(void)on_stack;
}

static void *holder(void *unused)
{
	(void)unused;
	hold();
	return NULL;
}

static NOINLINE void fork_here(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		child_leak();
		child_leak();
		scrub();
		_exit(0);
	}
	parent_leak();
	if (waitpid(child, &status, 0) != child || status)
		truth_status = 9;
}

static void *forks(void *unused)
{
	fork_here();
	return unused;
}

static void scenario(void)
{
	void *volatile on_stack = held(36);
	pthread_t t;

	pthread_key_create(&key, NULL);
	local = held(37);
	start_thread(holder, NULL);
	start_thread(holder, NULL);
	wait_blocked(2);
	if (is_case("main")) {
		fork_here();
	} else {
		pthread_create(&t, NULL, forks, NULL);
		pthread_join(t, NULL);
	}
	free(on_stack);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		truth_case = argv[1];
	scenario();
	scrub();
	return truth_status;
}
