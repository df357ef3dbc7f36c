/* A program with a dlsym of its own, as overlays of games and other tracers have: what
 * comes next is then counted from the program, and that is the profiler.
 * cases: own_dlsym
 */
#include "hostile.h"
#include <dlfcn.h>
#include <sys/wait.h>

void *dlsym(void *restrict handle, const char *restrict name)
{
	static void *(*libc_dlsym)(void *, const char *);
	if (!libc_dlsym)
		*(void **)&libc_dlsym = dlvsym(RTLD_NEXT, "dlsym", "GLIBC_2.2.5");
	void *found = libc_dlsym(handle, name);
	HIDE(found);		/* not a jump: the caller is this program */
	return found;
}

static void own_dlsym(void)
{
	int status;
	exercise(20000);
	pid_t child = fork();
	if (!child) {
		exercise(1000);
		_exit(3);
	}
	CHECK(waitpid(child, &status, 0) == child && WEXITSTATUS(status) == 3);
	CHECK(dlsym(RTLD_DEFAULT, "malloc"));
}

MAIN(CASE(own_dlsym))
