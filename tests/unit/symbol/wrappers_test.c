/* Unit tests of report/symbol/wrappers.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The table is searched by halves: a name out of order would not be found. */
#include "report/symbol/wrappers.c"

static void table_is_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(exact) / sizeof(*exact); i++) {
		assert_true(i == 0 || strcmp(exact[i - 1], exact[i]) < 0);
		assert_true(wrappers_has(exact[i]));
	}
}

static void known_and_unknown(void **state)
{
	static const char *const wrappers[] = {
		"operator new(unsigned long)",
		"operator new[](unsigned long, std::nothrow_t const&)",
		"Pool::operator new(unsigned long)",
		"g_malloc0",
		"xstrdup",
		"strdup",
		"__strdup",
		"vasprintf",
		"PyObject_Malloc",
		"__Pyx_PyObject_Call",
		"__pyx_tp_new_7forgets_Node",
		"pybind11::detail::make_new_instance(_typeobject*)",
		"_PyObject_GC_NewVar",
		"sqlite3DbMallocRawNN",
		"zmalloc",
		"Perl_safesysmalloc",
		"std::__new_allocator<int>::allocate(unsigned long, void const*)",
		"void std::vector<int, std::allocator<int> >::_M_realloc_insert<int>(int&&)",
		"__gnu_cxx::new_allocator<char>::allocate(unsigned long, void const*)",
		"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> >::_M_create(unsigned long&, unsigned long)",
		"std::__1::allocator<int>::allocate[abi:v15007](unsigned long)",
		"alloc::alloc::exchange_malloc",
		"__rust_alloc",
		"__rustc::__rust_alloc",
		"<alloc::raw_vec::RawVec<u8>>::grow_one",
		"<alloc::alloc::Global as core::alloc::Allocator>::allocate",
		"llvm::safe_malloc(unsigned long)",
		"<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem::<alloc::alloc::Global>",
		"<T as alloc::string::ToString>::to_string",
	};
	static const char *const others[] = {
		"main",
		"load",
		"my_malloc_user",
		"PyList_New",
		"fopen",
		"parse(std::vector<int>&)",
		"mystd::vector::grow",
		"__pyx_pf_7forgets_lose",
		"pybind11_init_forgets(pybind11::module_&)::{lambda(int)#1}::operator()(int) const",
		"allocate",
		"main::{lambda(int)#1}::operator()(int) const",
		"std_lib",
		"libc.so.6+0x123",
		"",
		"ns::std::f()",
		"xmallocate",
		"operators",
		"<myapp::Thing as alloc::Clone>::clone",
		"<u8 as myapp::Wide>::widen",
		"<myapp::Thing as alloc::borrow::ToOwned>::to_owned",
		"<",
		"< as ",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(*wrappers); i++)
		if (!wrappers_has(wrappers[i]))
			fail_msg("%s is a wrapper", wrappers[i]);
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (wrappers_has(others[i]))
			fail_msg("%s is not a wrapper", others[i]);
}

static void additions(void **state)
{
	(void)state;
	assert_false(wrappers_has("app_alloc"));
	assert_false(wrappers_has("app::Arena::take(int)"));
	wrappers_add(",app_*,,app::Arena::*");
	assert_true(wrappers_has("app_alloc"));
	assert_true(wrappers_has("app::Arena::take(int)"));
	assert_false(wrappers_has("xapp_alloc"));
	assert_true(wrappers_has("from_environment_3"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_in_order),
		cmocka_unit_test(known_and_unknown),
		cmocka_unit_test(additions),
	};

	setenv("TIDEMARK_WRAPPERS", "other,from_environment_?", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
