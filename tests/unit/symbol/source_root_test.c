/* Unit tests of report/symbol/source_root.c on a tree made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/symbol/source_root.h"

static char dir[64];

static void expect(struct source_root *r, const char *file, const char *relative)
{
	const char *found = source_root_relative(r, file);

	if (!relative) {
		assert_null(found);
		assert_ptr_equal(source_root_path(r, file), file);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, relative);
	assert_ptr_equal(source_root_path(r, file), found);
}

static void paths_below_and_ends(void **state)
{
	char path[128], other[128];
	const char *roots[] = { NULL, "", path, other };
	struct source_root *r;

	(void)state;
	snprintf(path, sizeof(path), "%s/app//", dir);
	snprintf(other, sizeof(other), "%s/lib", dir);
	r = source_root_new(roots, 4);
	snprintf(path, sizeof(path), "%s/app/src/db/page.c", dir);
	expect(r, path, "src/db/page.c");
	/* Below the root, though it is no longer there. */
	snprintf(path, sizeof(path), "%s/app/gone.c", dir);
	expect(r, path, "gone.c");
	snprintf(path, sizeof(path), "%s/application/page.c", dir);
	expect(r, path, "page.c");
	expect(r, "/builds/42/app/src/db/page.c", "src/db/page.c");
	expect(r, "/builds/42/page.c", "page.c");
	expect(r, "./src/db/page.c", "src/db/page.c");
	expect(r, "db/page.c", NULL);
	expect(r, "/b/only.c", "only.c");
	expect(r, "/usr/include/page.c", NULL);
	expect(r, "/rustc/0123/src/db/page.c", NULL);
	expect(r, "../src/db/page.c", NULL);
	expect(r, "/elsewhere/none.c", NULL);
	expect(r, "/elsewhere/src/db", NULL); /* a folder */
	expect(r, "", NULL);
	expect(r, "/", NULL);
	expect(r, "///", NULL);
	source_root_free(r);
	assert_null(source_root_relative(NULL, "/a.c"));
	r = source_root_new(NULL, 0);
	expect(r, "/builds/42/page.c", NULL);
	source_root_free(r);
	source_root_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(paths_below_and_ends) };
	char command[400];
	int failed;

	strcpy(dir, "/tmp/source_root_test.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	snprintf(command, sizeof(command),
		"cd %s && mkdir -p app/src/db lib application && "
		"touch app/src/db/page.c app/page.c lib/only.c application/page.c",
		dir);
	if (system(command) != 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) != 0 || failed;
}
