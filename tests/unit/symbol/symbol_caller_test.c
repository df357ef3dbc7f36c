/* Unit tests of report/symbol/symbol_caller.c: which caller tells sites that read the same apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/symbol/symbol.h"
#include "tests/lib/stacks_make.h"

#define A SITE_FIRST

static void callers(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct snapshot_writer *w;
	struct snapshot s;
	struct symbols *y;
	struct tide_error e = { 0 };
	const uint32_t site[] = { A, A + 1, A + 2, A + 3, A + 4, A + 5 };
	const struct symbol_line *caller[6];

	(void)state;
	/* The first three differ two lines out, the fourth reads otherwise, the last two are the same. */
	stacks_site(&t, 100, 1, "grow@a.c:1;push@a.c:2;left@b.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "grow@a.c:1;push@a.c:2;right@b.c:2;main@m.c:1");
	stacks_site(&t, 100, 1, "grow@a.c:1;push@a.c:2;main@m.c:9");
	stacks_site(&t, 100, 1, "other@a.c:1;push@a.c:2;left@b.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "same@a.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "same@a.c:1;main@m.c:1");
	w = stacks_write(&t);
	assert_int_equal(snapshot_of_writer(w, &s, &e), 0);
	y = symbols_new(&s);
	symbol_callers_distinct(y, site, 6, caller);
	assert_string_equal(caller[0]->function, "left");
	assert_string_equal(caller[1]->function, "right");
	assert_string_equal(caller[2]->function, "main");
	assert_null(caller[3]);
	assert_null(caller[4]);
	assert_null(caller[5]);
	symbol_callers_distinct(y, site, 0, caller);
	symbols_free(y);
	snapshot_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
