/* Unit tests of report/base/ordinary.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/base/ordinary.h"

static char folder[] = "/tmp/ordinary_test.XXXXXX", path[128];

static const char *in_folder(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int open_error(const char *name)
{
	int fd;

	errno = 0;
	fd = ordinary_open(name);
	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : errno;
}

static void files(void **state)
{
	char word[5] = "";
	int fd;

	(void)state;
	fd = open(in_folder("file"), O_CREAT | O_WRONLY, 0600);
	assert_int_equal(write(fd, "word", 4), 4);
	close(fd);
	fd = ordinary_open(in_folder("file"));
	assert_true(fd >= 0);
	assert_int_equal(read(fd, word, 4), 4);
	assert_string_equal(word, "word");
	close(fd);
	assert_int_equal(symlink("file", in_folder("link")), 0);
	assert_int_equal(open_error(in_folder("link")), 0);
	assert_int_equal(open_error(in_folder("absent")), ENOENT);
	/* A link of /proc to a file elsewhere. */
	assert_int_equal(open_error("/proc/self/exe"), 0);
}

static void other_files(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
	assert_int_equal(open_error(in_folder("pipe")), EINVAL);
	assert_int_equal(symlink("pipe", in_folder("to_pipe")), 0);
	assert_int_equal(open_error(in_folder("to_pipe")), EINVAL);
	assert_int_equal(open_error(folder), EINVAL);
	assert_int_equal(open_error("/dev/zero"), EINVAL);
	assert_int_equal(open_error("/proc/self/maps"), EINVAL);
	assert_int_equal(open_error("/proc/self/mem"), EINVAL);
}

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = { "file", "link", "pipe", "to_pipe" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlink(in_folder(names[i]));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files),
		cmocka_unit_test(other_files),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
