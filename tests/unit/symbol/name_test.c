/* Unit tests of report/symbol/name.c: names for readers, of well-formed and of broken input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "report/symbol/name.h"

#define EQUAL(make, text)                                                                                    \
	do {                                                                                                 \
		char *made_ = (make);                                                                        \
		assert_string_equal(made_, text);                                                            \
		free(made_);                                                                                 \
	} while (0)

static void functions(void **state)
{
	static const struct {
		const char *full, *no_parameters, *shortest;
	} known[] = {
		{ "main", "main", "main" },
		{ "ns::f(int, char*) const", "ns::f", "ns::f" },
		{ "std::vector<int, std::allocator<int> >::push_back(int const&)",
			"std::vector<int, std::allocator<int> >::push_back", "std::vector<>::push_back" },
		{ "std::__1::vector<int, std::__1::allocator<int> >::push_back[abi:v15007](int const&)",
			"std::__1::vector<int, std::__1::allocator<int> >::push_back[abi:v15007]",
			"std::vector<>::push_back" },
		{ "std::__ndk1::list<int>::clear()", "std::__ndk1::list<int>::clear", "std::list<>::clear" },
		{ "std::__cxx11::f()", "std::__cxx11::f", "std::__cxx11::f" },
		{ "f[abi:", "f[abi:", "f[abi:" },
		{ "void g<int>(int)", "g<int>", "g<>" },
		{ "std::map<int, long> make<A>(A)", "make<A>", "make<>" },
		{ "(anonymous namespace)::f()", "(anonymous namespace)::f", "(anonymous namespace)::f" },
		{ "F::operator()(int)", "F::operator()", "F::operator()" },
		{ "A::operator<<(int)", "A::operator<<", "A::operator<<" },
		{ "operator new(unsigned long)", "operator new", "operator new" },
		{ "main::{lambda(int)#1}::operator()(int) const", "main::{lambda(int)#1}::operator()",
			"main::{lambda(int)#1}::operator()" },
		{ "", "", "" },
		{ "(", "(", "(" },
		{ ")", ")", ")" },
		{ "<", "<", "<" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		EQUAL(name_function(known[i].full, false), known[i].no_parameters);
		EQUAL(name_function(known[i].full, true), known[i].shortest);
	}
}

static void lines(void **state)
{
	static const struct {
		struct symbol_line line;
		const char *shown, *name, *shortest;
	} known[] = {
		{ { .function = "f<int>(int)" }, "f<int>(int)", "f<int>", "f<>" },
		{ { .function = "f", .python = true }, "f", "f", "f" },
		{ { .function = "<lambda>", .python = true }, "<lambda>", "<lambda>", "<lambda>" },
		{ { .function = "open", .qualified = "Store.open", .python = true }, "Store.open",
			"Store.open", "Store.open" },
		{ { .function = "<listcomp>",
			  .qualified = "f.<locals>.C.g.<locals>.<listcomp>",
			  .python = true },
			"f.<locals>.C.g.<locals>.<listcomp>", "f.<locals>.C.g.<locals>.<listcomp>",
			"f.C.g.<listcomp>" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_string_equal(name_shown(&known[i].line), known[i].shown);
		EQUAL(name_line(&known[i].line, false), known[i].name);
		EQUAL(name_line(&known[i].line, true), known[i].shortest);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions),
		cmocka_unit_test(lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
