/* Unit tests of report/demangle*.c. Rust's v0 cases come from RFC 2603 and from
 * what rustc makes of this test's names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "report/symbol/demangle.h"

struct pair {
	const char *from, *to;
};
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void check(const struct pair *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *name = demangle(p[i].from);

		assert_string_equal(name, p[i].to);
		free(name);
	}
}

static void suffixes(void **state)
{
	static const struct pair cases[] = {
		{ "foo.constprop.0", "foo" },
		{ "foo.part.3", "foo" },
		{ "foo.isra.0.cold", "foo" },
		{ "foo.cold", "foo" },
		{ "foo.lto_priv.0", "foo" },
		{ "foo.llvm.1234567", "foo" },
		{ "counter.3", "counter" },
		{ "memcpy@@GLIBC_2.14", "memcpy" },
		{ "memcpy@GLIBC_2.2.5", "memcpy" },
		{ "foo.bar", "foo.bar" },
		{ "main.func1", "main.func1" },
		{ ".text", ".text" },
		{ "", "" },
		{ "a", "a" },
		{ "@", "@" },
		{ "x.1y", "x.1y" },
		{ "f.constpropagate", "f.constpropagate" },
		{ "f.1.2.constprop.0.part.1.cold", "f" },
		{ "_Z3fooi.part.0", "foo(int)" },
		{ "_D4main3fooFZv", "_D4main3fooFZv" },
		{ "_Zbad", "_Zbad" },
		{ "_R", "_R" },
		{ "_Z", "_Z" },
	};

	(void)state;
	check(cases, COUNT(cases));
}

static void cxx(void **state)
{
	static const struct pair cases[] = {
		{ "_Znwm", "operator new(unsigned long)" },
		{ "_ZNSt6vectorIiSaIiEE9push_backEOi",
			"std::vector<int, std::allocator<int> >::push_back(int&&)" },
		{ "_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()(int) const" },
		{ "_ZN12_GLOBAL__N_13fooEv", "(anonymous namespace)::foo()" },
	};

	(void)state;
	check(cases, COUNT(cases));
}

static void rust_legacy(void **state)
{
	static const struct pair cases[] = {
		{ "_ZN3foo3bar17h0123456789abcdefE", "foo::bar" },
		{ "_ZN4core3fmt9Formatter3pad17h0123456789abcdefE.llvm.77", "core::fmt::Formatter::pad" },
		{ "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
			"<Test + 'static as foo::Bar<Test>>::bar" },
		{ "_ZN9$RF$testA17h0123456789abcdefE", "&testA" },
		{ "_ZN13foo$u6d4b$bar17h0123456789abcdefE", "foo\346\265\213bar" },
		{ "_ZN4main5inner28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE",
			"main::inner::{{closure}}" },
		/* C++: no hash, or none of 16 hexadecimal digits */
		{ "_ZN3foo17h0123456789abcdefEv", "foo::h0123456789abcdef()" },
		{ "_ZN3foo17hxyz3456789abcdefE", "foo::hxyz3456789abcdef" },
	};

	(void)state;
	check(cases, COUNT(cases));
}

static void rust_v0(void **state)
{
	static const struct pair cases[] = {
		{ "_RNvC6_123foo3bar", "123foo::bar" },
		{ "_RNqCs4fqI2P2rA04_11utf8_identsu30____7hkackfecea1cbdathfdh9hlq6y",
			"utf8_idents::საჭმელად_გემრიელი_სადილი" },
		{ "_RNCNCNgCs6DXkGYLi8lr_2cc5spawn00B5_", "cc::spawn::{closure#0}::{closure#0}" },
		{ "_RINbNbCskIICzLVDPPb_5alloc5alloc8box_freeDINbNiB4_5boxed5FnBoxuEp6OutputuEL_ECs1iopQbuBiw2_3std",
			"alloc::alloc::box_free::<dyn alloc::boxed::FnBox<(), Output = ()>>" },
		{ "_RNvMC0INtC8arrayvec8ArrayVechKj7b_E3new", "<arrayvec::ArrayVec<u8, 123>>::new" },
		{ "_RMCs4fqI2P2rA04_13const_genericINtB0_8UnsignedKhb_E", "<const_generic::Unsigned<11>>" },
		{ "_RMCs4fqI2P2rA04_13const_genericINtB0_6SignedKanb_E", "<const_generic::Signed<-11>>" },
		{ "_RMCs4fqI2P2rA04_13const_genericINtB0_4BoolKb1_E", "<const_generic::Bool<true>>" },
		{ "_RMCs4fqI2P2rA04_13const_genericINtB0_4CharKc76_E", "<const_generic::Char<'v'>>" },
		{ "_RINtC3foo3BarKRe616263_E", "foo::Bar::<{\"abc\"}>" },
		{ "_RINtC3foo3BarKRAb0_b1_EE", "foo::Bar::<{&[false, true]}>" },
		{ "_RINtC3foo3BarKTh1_bp_EE", NULL },
		{ "_RNvNtNtNtNtCs92dm3009vxr_4rand4rngs7adapter9reseeding4fork23FORK_HANDLER_REGISTERED.0.0",
			"rand::rngs::adapter::reseeding::fork::FORK_HANDLER_REGISTERED" },
		{ "_RNvYNtC1a1SNtC1b1T1f", "<a::S as b::T>::f" },
		{ "_RINvC1a1fFG_RL0_eEuE", "a::f::<for<'a> fn(&'a str)>" },
		{ "_RINvC1a1fFUKCEhE", "a::f::<unsafe extern \"C\" fn() -> u8>" },
		{ "_RINvC1a1fTThEPmOxQbAlj3_SdEE",
			"a::f::<((u8,), *const u32, *mut i64, &mut bool, [i32; 3], [f64])>" },
		/* back references forward, to themselves, endless: as they are */
		{ "_RNvB_1a", NULL },
		{ "_RB_", NULL },
		{ "_RNvC1a99999999999999999999b", NULL },
		{ "_RIC1aKhffffffffffffffffffff_E", "a::<0xffffffffffffffffffff>" },
		{ "_R0", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair p = { cases[i].from, cases[i].to ? cases[i].to : cases[i].from };

		check(&p, 1);
	}
}

/* "B" and a place in base 62, counted from behind "_R". */
static void back_reference(char *out, size_t place)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	*out++ = 'B';
	place--;
	if (place >= 62)
		*out++ = digits[place / 62];
	*out++ = digits[place % 62];
	strcpy(out, "_");
}

/* Depth and repetition end; a name that would grow without bound stays mangled. */
static void bounds(void **state)
{
	static char deep[60000];
	char *name;

	(void)state;
	strcpy(deep, "_RINvC1a1f");
	memset(deep + 10, 'S', 50000);
	strcpy(deep + 50010, "hE");
	name = demangle(deep);
	assert_string_equal(name, deep);
	free(name);
	/* Each tuple holds the one before twice: 2^levels. */
	for (unsigned levels = 4; levels <= 40; levels += 36) {
		size_t at = 8, n = (size_t)sprintf(deep, "_RINvC1a1fTllE");

		for (unsigned i = 0; i < levels; i++) {
			char back[8];
			size_t before = n;

			back_reference(back, at);
			n += (size_t)sprintf(deep + n, "T%s%sE", back, back);
			at = before - 2;
		}
		strcpy(deep + n, "E");
		name = demangle(deep);
		if (levels == 4)
			assert_int_equal(strlen(name), 430);
		else
			assert_string_equal(name, deep);
		free(name);
	}
	/* A binder of 62^8 lifetimes, in the part of an impl that is not printed. */
	name = demangle("_RMINvC1a1fFGzzzzzzzz_EuEu");
	assert_string_equal(name, "_RMINvC1a1fFGzzzzzzzz_EuEu");
	free(name);
	/* C++: A<int, int>, then each argument holds the one before twice: _Z1f1AIiiES_IS0_S0_ES_IS1_S1_E ... */
	for (unsigned levels = 4; levels <= 30; levels += 26) {
		size_t n = (size_t)sprintf(deep, "_Z1f1AIiiE");

		for (unsigned i = 0; i < levels; i++) {
			char s[8];

			snprintf(s, sizeof(s), i < 10 ? "S%u_" : "S%c_", i < 10 ? i : 'A' + i - 10);
			n += (size_t)sprintf(deep + n, "S_I%s%sE", s, s);
		}
		name = demangle(deep);
		if (levels == 4)
			assert_memory_equal(name, "f(A<int, int>, A<A<int, int>, A<int, int> >", 43);
		else
			assert_string_equal(name, deep);
		free(name);
	}
	assert_null(demangle_rust("_ZN", 3));
	assert_null(demangle_rust("_ZN3foo17h0123456789abcdefE", 20));
	assert_null(demangle_rust("_RNvC1a1f", 5));
}

static void plain(void **state)
{
	static const struct pair cases[] = {
		{ "main", "main" },
		{ "void ns::C<int>::f<long>(int) const", "ns::C::f" },
		{ "operator new(unsigned long)", "operator new" },
		{ "operator new[](unsigned long)", "operator new[]" },
		{ "Pool::operator new(unsigned long)", "Pool::operator new" },
		{ "std::function<int (int)>::operator()(int) const", "std::function::operator()" },
		{ "std::function<int (int)>::operator bool() const", "std::function::operator bool" },
		{ "bool std::operator< <char, int>(a<char> const&, b)", "std::operator<" },
		{ "std::ostream& operator<< <int>(std::ostream&, Foo const&)", "operator<<" },
		{ "Foo::operator->() const", "Foo::operator->" },
		{ "bool A::operator<=>(A) const", "A::operator<=>" },
		{ "(anonymous namespace)::foo(int (*)(char))", "(anonymous namespace)::foo" },
		{ "main::{lambda(int)#1}::operator()(int) const", "main::{lambda}::operator()" },
		{ "run(int)::Local::get()", "run::Local::get" },
		{ "std::unique_ptr<int (*)(void), std::default_delete<x> >::~unique_ptr()",
			"std::unique_ptr::~unique_ptr" },
		{ "decltype(auto) f<int>(int)", "f" },
		{ "foo(int) [clone .cold]", "foo" },
		{ "<alloc::vec::Vec<T> as core::ops::Drop>::drop", "alloc::vec::Vec::drop" },
		{ "<alloc::raw_vec::RawVec<u8>>::grow_one", "alloc::raw_vec::RawVec::grow_one" },
		{ "t::inner::fill::<u64>", "t::inner::fill" },
		{ "a::f::{closure#2}", "a::f::{closure}" },
		{ "libfoo.so+0x12", "libfoo.so+0x12" },
		{ "", "" },
		{ "<", "<" },
		{ "(", "(" },
		{ "f(", "f" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = demangle_plain(cases[i].from, out, sizeof(out));

		assert_string_equal(out, cases[i].to);
		assert_int_equal(n, strlen(out));
	}
	memset(out, 'x', sizeof(out));
	assert_int_equal(demangle_plain("abcdefgh", out, 4), 3);
	assert_string_equal(out, "abc");
	assert_int_equal(out[4], 'x');
	assert_int_equal(demangle_plain("abc", out, 0), 0);
}

/* The parser of libstdc++ goes round for ever on this one. Any limit of the test runner is longer than ours. */
static void time_of_cxx(void **state)
{
	static const char endless[] = "_Z9\xf2   \xce   9OAsrcOdlCCCCCCCCCCCCCCCCCCCCCCCCche";
	static const struct pair after[] = { { "_Z3fooi", "foo(int)" }, { endless, endless } };

	(void)state;
	check(after, COUNT(after));
	check(after, COUNT(after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(suffixes),
		cmocka_unit_test(cxx),
		cmocka_unit_test(rust_legacy),
		cmocka_unit_test(rust_v0),
		cmocka_unit_test(bounds),
		cmocka_unit_test(plain),
		cmocka_unit_test(time_of_cxx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
