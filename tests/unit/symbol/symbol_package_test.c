/* Unit tests of report/symbol/symbol_package.c: which package brings debug information. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "report/symbol/symbol_package.h"

static char folder[] = "/tmp/symbol_package.XXXXXX";

static void write_list(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void assert_package(const char *file, const char *package)
{
	char *found = symbol_package_debug(folder, file);

	if (package)
		assert_string_equal(found, package);
	else
		assert_null(found);
	free(found);
}

static int make_lists(void **state)
{
	char path[256];

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_list("libfoo1:amd64.list", "/.\n/usr/lib/x/libfoo.so.1.2\n/usr/lib/x/libfoo.so.1\n");
	write_list("foo3.11-minimal.list", "/usr/bin/foo3.11");
	write_list("old.list", "/lib/x/libold.so\n/bin/old\n");
	write_list("empty.list", "");
	write_list("foo.md5sums", "/usr/bin/other\n");
	snprintf(path, sizeof(path), "%s/pipe.list", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	return 0;
}

static int remove_lists(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static void a_package_has_its_files(void **state)
{
	(void)state;
	assert_package("/usr/lib/x/libfoo.so.1", "libfoo1-dbgsym");
	assert_package("/usr/bin/foo3.11", "foo3.11-minimal-dbgsym");
	assert_package("/usr/lib/x/libfoo.so", NULL);
	assert_package("lib/x/libfoo.so.1", NULL);
	assert_package("/usr/bin/other", NULL);
	assert_package("", NULL);
}

static void files_are_found_across_the_merge_of_usr(void **state)
{
	(void)state;
	assert_package("/usr/lib/x/libold.so", "old-dbgsym");
	assert_package("/lib/x/libfoo.so.1", "libfoo1-dbgsym");
	assert_package("/bin/old", "old-dbgsym");
}

static void without_lists_nothing_is_found(void **state)
{
	char *found = symbol_package_debug("/nonexistent", "/usr/bin/foo3.11");

	(void)state;
	assert_null(found);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_package_has_its_files),
		cmocka_unit_test(files_are_found_across_the_merge_of_usr),
		cmocka_unit_test(without_lists_nothing_is_found),
	};

	return cmocka_run_group_tests(tests, make_lists, remove_lists);
}
