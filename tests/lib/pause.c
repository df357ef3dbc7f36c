/* Preloaded: the program waits where it would end, for as long as somebody looks at it. It writes a file with the
 * name in PAUSE_FILE then. Nothing here allocates.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int (*program_main)(int, char **, char **);
static char file[4096];
static long owner;

static void wait_here(void)
{
	if (syscall(SYS_getpid) != owner)
		return;
	syscall(SYS_close, syscall(SYS_open, file, O_CREAT | O_WRONLY, 0600));
	for (;;)
		syscall(SYS_pause);
}

void exit(int status)
{
	wait_here();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

void _exit(int status) { exit(status); }

void quick_exit(int status) { exit(status); }

void abort(void) { exit(1); }

static int main_and_wait(int argc, char **argv, char **environment)
{
	program_main(argc, argv, environment);
	wait_here();
	return 0;
}

int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv, void (*a)(void),
	void (*b)(void), void (*c)(void), void *d);
int __libc_start_main(int (*start)(int, char **, char **), int argc, char **argv, void (*a)(void),
	void (*b)(void), void (*c)(void), void *d)
{
	int (*next)(int (*)(int, char **, char **), int, char **, void (*)(void), void (*)(void),
		void (*)(void), void *) = dlsym(RTLD_NEXT, "__libc_start_main");
	const char *path = getenv("PAUSE_FILE");

	program_main = start;
	owner = syscall(SYS_getpid);
	strncpy(file, path ? path : "/dev/null", sizeof(file) - 1);
	return next(main_and_wait, argc, argv, a, b, c, d);
}
