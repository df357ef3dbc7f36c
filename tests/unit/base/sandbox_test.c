/* What a reader of strangers' files can no longer do: each try is made by a child in the sandbox. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/base/sandbox.h"

static char folder[] = "/tmp/sandbox_test.XXXXXX", path[128], other[128];

/* Each returns whether it was done; errno says why not. */
static bool reads(void) { return open("/proc/self/maps", O_RDONLY) >= 0; }
static bool prints(void) { return write(STDERR_FILENO, "", 0) == 0; }
static bool dials(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0; }
static bool dials_six(void) { return socket(AF_INET6, SOCK_DGRAM, 0) >= 0; }
static bool dials_here(void) { return socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool traces(void) { return !ptrace(PTRACE_ATTACH, getppid(), NULL, NULL); }
static bool makes(void) { return open(path, O_WRONLY | O_CREAT, 0600) >= 0; }
static bool writes(void) { return open(other, O_RDWR) >= 0; }
static bool renames(void) { return !rename(other, path); }
static bool removes(void) { return !unlink(other); }
static bool truncates(void) { return !truncate(other, 0); }
static bool links(void) { return !symlink("/etc/passwd", path); }

static bool starts(void)
{
	char *words[] = { (char *)"true", NULL };

	execv("/bin/true", words);
	return false; /* it would end with 0, as "done" does here */
}

/* 0 done, else errno. */
static int try(enum sandbox sandbox, bool (*what)(void))
{
	pid_t child = fork();
	int status;

	if (!child) {
		sandbox_enter(sandbox);
		_exit(what() ? 0 : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool here(void)
{
#ifdef __SANITIZE_ADDRESS__
	return false;
#else
	return !getenv("LD_PRELOAD") && try(SANDBOX_READ, dials) == EPERM;
#endif
}

static void refused(void **state)
{
	bool (*const always[])(void) = { dials, dials_six, traces };
	bool (*const files[])(void) = { makes, writes, renames, removes, truncates, links };
	(void)state;

	if (!here())
		skip();
	for (size_t i = 0; i < 3; i++)
		for (int s = SANDBOX_READ; s <= SANDBOX_PAGER; s++)
			assert_int_equal(try(s, always[i]), EPERM);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(try(SANDBOX_READ, files[i]), EPERM);
	assert_int_equal(try(SANDBOX_READ, starts), EPERM);
	assert_int_equal(try(SANDBOX_WRITE, starts), EPERM);
}

static void allowed(void **state)
{
	(void)state;

	for (int s = SANDBOX_NONE; s <= SANDBOX_PAGER; s++) {
		assert_int_equal(try(s, reads), 0);
		assert_int_equal(try(s, prints), 0);
		assert_int_equal(try(s, dials_here), 0);
	}
	assert_int_equal(try(SANDBOX_PAGER, starts), 0);
	assert_int_equal(try(SANDBOX_WRITE, writes), 0);
	assert_int_equal(try(SANDBOX_WRITE, makes), 0);
	assert_int_equal(unlink(path), 0);
}

static int prepare(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/new", folder);
	snprintf(other, sizeof(other), "%s/old", folder);
	return close(open(other, O_WRONLY | O_CREAT, 0600));
}

static int clear(void **state)
{
	(void)state;
	unlink(other);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(refused), cmocka_unit_test(allowed) };

	return cmocka_run_group_tests(tests, prepare, clear);
}
