/* Unit tests of report/base/fault.c: each case in a child, which may end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/base/error.h"
#include "report/base/fault.h"
#include "report/base/sandbox.h"

#define PAGE 4096u
#define PAGES 4u

static char path[64];

/* A mapping of a file of ones, of which one page is left. */
static char *map_cut(void)
{
	static char ones[PAGES * PAGE];
	int fd;
	char *at;

	strcpy(path, "/tmp/fault\x1b.XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	memset(ones, 1, sizeof(ones));
	assert_int_equal(write(fd, ones, sizeof(ones)), sizeof(ones));
	at = mmap(NULL, sizeof(ones), PROT_READ, MAP_PRIVATE, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	assert_int_equal(ftruncate(fd, PAGE), 0);
	close(fd);
	return at;
}

static int look(const volatile char *at) { return at[0] == 1 && at[PAGE] + at[3 * PAGE] == 0 ? 0 : 9; }

static int look_at_any(char *at) { return look(at) || !fault_seen() ? 9 : 0; }

static int look_in_sandbox(char *at)
{
	sandbox_enter(SANDBOX_READ);
	return look_at_any(at);
}

static int look_at_zeros(char *at)
{
	struct fault_range r = { .at = at, .bytes = (size_t)PAGES * PAGE };
	const volatile char *v = at;

	fault_add(&r);
	return v[PAGE] == 0 && v[0] == 0 && r.cut && !fault_seen() ? 0 : 9;
}

static int look_at_one_of_two(char *at)
{
	struct fault_range ends = { .at = at, .bytes = (size_t)PAGES * PAGE, .path = path };
	struct fault_range other = { .at = map_cut(), .bytes = (size_t)PAGES * PAGE };

	unlink(path);
	fault_add(&ends);
	fault_add(&other);
	if (((const volatile char *)other.at)[PAGE] || !other.cut)
		return 9;
	fault_remove(&other);
	return look(at);
}

static int look_when_removed(char *at)
{
	struct fault_range ends = { .at = at, .bytes = (size_t)PAGES * PAGE, .path = path };

	fault_add(&ends);
	fault_remove(&ends);
	return look_at_any(at);
}

static int raise_it(char *at)
{
	struct rlimit none = { 0, 0 };

	(void)at;
	setrlimit(RLIMIT_CORE, &none);
	raise(SIGBUS);
	raise(SIGBUS);
	return 0;
}

/* The status of wait(2), and what the child has printed. */
static int run(int (*child)(char *at), char *said, size_t capacity)
{
	int status, ends[2];
	size_t used = 0;
	ssize_t n;
	char *at = map_cut();
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		fault_start();
		_exit(child(at));
	}
	close(ends[1]);
	while ((n = read(ends[0], said + used, capacity - used - 1)) > 0)
		used += (size_t)n;
	said[used] = '\0';
	close(ends[0]);
	waitpid(pid, &status, 0);
	munmap(at, (size_t)PAGES * PAGE);
	unlink(path);
	return status;
}

static void expect_sentence(int (*child)(char *at), int code, const char *part)
{
	char said[2048];
	int status = run(child, said, sizeof(said));

	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
	if (!part) {
		assert_string_equal(said, "");
		return;
	}
	assert_non_null(strstr(said, "tidemark: /tmp/fault?."));
	assert_non_null(strstr(said, part));
	/* Once, however many looks. */
	assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1);
}

static void test_any_file(void **state)
{
	(void)state;
	expect_sentence(look_at_any, 0, "names may be missing");
	expect_sentence(look_in_sandbox, 0, "names may be missing");
	expect_sentence(look_when_removed, 0, "names may be missing");
}

static void test_ranges(void **state)
{
	(void)state;
	expect_sentence(look_at_zeros, 0, NULL);
	expect_sentence(look_at_one_of_two, EXIT_UNMEASURED, "take the snapshot again");
}

static void test_other_faults(void **state)
{
	char said[2048];
	int status = run(raise_it, said, sizeof(said));

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_file),
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_other_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
