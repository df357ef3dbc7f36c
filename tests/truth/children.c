/* A forked child and an exec'd one each have their own truth.
 *
 * cases: fork exec
 * options: --children all
 * truth@1: unreferenced blocks=1 bytes=11 site=parent_leak
 * truth@2: unreferenced blocks=2 bytes=44 site=child_leak
 */
#define TRUTH_OWN_MAIN
#define _GNU_SOURCE
#include "truth.h"
#include <sys/wait.h>
#include <unistd.h>

static NOINLINE void parent_leak(void) { void *p = malloc(11); HIDE(p); }
static NOINLINE void child_leak(void) { void *p = malloc(22); HIDE(p); }

static void scenario(void)
{
	if (is_case("child")) {
		child_leak();
		child_leak();
		return;
	}
	pid_t child = fork();
	if (child == 0) {
		if (is_case("exec")) {
			execl("/proc/self/exe", "children", "child", (char *)NULL);
			_exit(127);
		}
		child_leak();
		child_leak();
		return;
	}
	parent_leak();
	scrub(); /* it may be looked at while it waits */
	int status;
	if (waitpid(child, &status, 0) != child || status)
		truth_status = 9;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		truth_case = argv[1];
	scenario();
	scrub();
	return truth_status;
}
