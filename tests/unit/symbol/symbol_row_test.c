/* Unit tests of report/symbol/symbol_row.c and learned.c: what a table's row shows of a site. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/symbol/learned.h"
#include "report/symbol/symbol_row.h"
#include "tests/lib/stacks_make.h"

#define A SITE_FIRST

struct opened {
	struct snapshot s;
	struct symbols *y;
	struct symbol_row *row;
};

static void open_rows(struct opened *o, struct stacks *t)
{
	struct symbol_site *site = calloc(t->count + 1, sizeof(*site));
	struct tide_error e = { 0 };

	assert_int_equal(snapshot_of_writer(stacks_write(t), &o->s, &e), 0);
	o->y = symbols_new(&o->s);
	for (size_t i = 0; i < t->count; i++)
		site[i] = (struct symbol_site){ o->y, A + (uint32_t)i };
	o->row = symbol_rows(site, t->count);
	free(site);
}

static void close_rows(struct opened *o)
{
	free(o->row);
	symbols_free(o->y);
	snapshot_close(&o->s);
}

/* The first three differ two lines out, the fourth reads otherwise, the last two are the same. */
static void callers_are_added_until_rows_differ(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct opened o;

	(void)state;
	stacks_site(&t, 100, 1, "grow@a.c:1;push@a.c:2;left@b.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "grow@a.c:1;push@a.c:2;right@b.c:2;main@m.c:1");
	stacks_site(&t, 100, 1, "grow@a.c:1;push@a.c:2;main@m.c:9");
	stacks_site(&t, 100, 1, "other@a.c:1;push@a.c:2;left@b.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "same@a.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "same@a.c:1;main@m.c:1");
	open_rows(&o, &t);
	assert_string_equal(o.row[0].line->function, "grow");
	assert_string_equal(o.row[0].caller->function, "left");
	assert_true(o.row[0].far);
	assert_string_equal(o.row[1].caller->function, "right");
	assert_string_equal(o.row[2].caller->function, "main");
	assert_null(o.row[3].caller);
	assert_null(o.row[4].caller);
	assert_null(o.row[5].caller);
	close_rows(&o);
}

static void the_nearest_name_is_shown(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct opened o;

	(void)state;
	stacks_site(&t, 100, 1, "?0x10000;?0x20000;insert@a.c:1;main@m.c:1");
	stacks_site(&t, 100, 1, "?0x10000;?0x20000;__libc_start_call_main@s.c:1");
	stacks_site(&t, 100, 1,
		"std::vector<int>::_M_grow(int)@v.h:1|std::vector<int>::push_back(int)@v.h:2;fill@a.c:1");
	stacks_site(&t, 100, 1, "operator new(unsigned long)@n.cc:1;fill@a.c:2");
	open_rows(&o, &t);
	assert_string_equal(o.row[0].line->function, "insert");
	assert_null(o.row[0].module); /* the names are missing in the same module */
	assert_false(o.row[1].line->has_symbol);
	assert_string_equal(o.row[2].line->function, "fill");
	assert_string_equal(o.row[2].library->function, "std::vector<int>::push_back(int)");
	assert_null(o.row[3].library);
	close_rows(&o);
}

/* `learns` sites that go through get_memory, of 40; each of them has a caller of its own. */
static const char *first_function(unsigned learns, unsigned callers, struct opened *o)
{
	struct stacks t = { .build_id = "aa" };
	char stack[100];

	for (unsigned i = 0; i < 40; i++) {
		if (i < learns)
			snprintf(stack, sizeof(stack),
				"get_memory@w.c:1;get_zeroed@w.c:5;user_%u@a.c:1;main@m.c:%u", i % callers,
				i);
		else
			snprintf(stack, sizeof(stack), "other_%u@a.c:1;main@m.c:%u", i, i);
		stacks_site(&t, 100, 1, stack);
	}
	open_rows(o, &t);
	return o->row[0].line->function;
}

static void wrappers_of_a_module_are_learned(void **state)
{
	struct opened o;

	(void)state;
	assert_string_equal(first_function(40, 40, &o), "user_0");
	close_rows(&o);
	assert_string_equal(first_function(36, 36, &o), "user_0");
	close_rows(&o);
	/* Fewer than nine in ten. */
	assert_string_equal(first_function(35, 35, &o), "get_memory");
	assert_string_equal(o.row[0].caller->function, "user_0");
	close_rows(&o);
}

/* In a snapshot that alone has too few sites to learn from. */
static void what_one_learned_others_pass_over(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct opened many, few;

	(void)state;
	first_function(40, 40, &many);
	stacks_site(&t, 100, 1, "get_memory@w.c:1;get_zeroed@w.c:5;user@a.c:1;main@m.c:1");
	open_rows(&few, &t);
	assert_string_equal(symbols_top(few.y, A)->function, "get_memory");
	symbols_learn_together((struct symbols *const[]){ few.y, many.y }, 2);
	assert_string_equal(symbols_top(few.y, A)->function, "user");
	assert_int_equal(symbols_caller(few.y, A), 2);
	assert_int_equal(symbols_allocated(few.y, A), 0);
	assert_string_equal(symbols_top(many.y, A)->function, "user_0");
	close_rows(&few);
	close_rows(&many);
}

/* A function that has one caller only makes things for it; it does not allocate for the module. */
static void one_caller_makes_no_wrapper(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct opened o;
	char stack[100];

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		snprintf(stack, sizeof(stack), "make_node@w.c:1;?0x50000;?0x60000;?0x70000;main@m.c:%u", i);
		stacks_site(&t, 100, 1, stack);
	}
	open_rows(&o, &t);
	assert_string_equal(o.row[0].line->function, "make_node");
	close_rows(&o);
}

static void libraries_of_python_are_known_by_their_folder(void **state)
{
	(void)state;
	assert_true(symbol_row_is_library("/usr/lib/python3.11/json/decoder.py"));
	assert_true(symbol_row_is_library("/home/a/env/lib/python3.9/site-packages/pack.py"));
	assert_true(symbol_row_is_library("site-packages/pack.py"));
	assert_true(symbol_row_is_library("<frozen importlib._bootstrap>"));
	assert_false(symbol_row_is_library("/home/a/my-site-packages.py"));
	assert_false(symbol_row_is_library("app.py"));
	assert_false(symbol_row_is_library(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(callers_are_added_until_rows_differ),
		cmocka_unit_test(the_nearest_name_is_shown),
		cmocka_unit_test(wrappers_of_a_module_are_learned),
		cmocka_unit_test(what_one_learned_others_pass_over),
		cmocka_unit_test(one_caller_makes_no_wrapper),
		cmocka_unit_test(libraries_of_python_are_known_by_their_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
