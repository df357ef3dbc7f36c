/* suppress_test.c - suppressions as LeakSanitizer and Valgrind write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "report/analysis/suppress.h"
#include "report/analysis/suppress_mangled.h"

static const struct symbol_line stack[] = {
	{ .function = "operator new(unsigned long)",
		.plain = "operator new",
		.module = "/usr/lib/libstdc++.so.6",
		.has_symbol = true },
	{ .function = "cache::insert(std::string const&, int)",
		.plain = "cache::insert",
		.file = "/src/lib/cache.cc",
		.line = 42,
		.module = "/opt/app/libcache.so.2",
		.has_symbol = true },
	{ .function = "serve",
		.file = "/src/serve.c",
		.line = 7,
		.module = "/opt/app/server",
		.has_symbol = true },
	{ .function = "main",
		.file = "/src/main.c",
		.line = 3,
		.module = "/opt/app/server",
		.has_symbol = true },
};
static const struct symbol_line plain[] = {
	{ .function = "make",
		.file = "/src/make.c",
		.line = 9,
		.module = "/opt/app/server",
		.has_symbol = true },
	{ .function = "main",
		.file = "/src/main.c",
		.line = 3,
		.module = "/opt/app/server",
		.has_symbol = true },
};

/* Does this text suppress the stack? Built-in rules are set aside. */
static bool hides(const char *text, unsigned kinds, const struct symbol_line *line, size_t count)
{
	struct suppress s = { 0 };
	struct suppress *own = alloc_bytes(sizeof(*own));
	struct tide_error e = { 0 };
	bool found;

	*own = s;
	if (suppress_parse(own, "test", text, strlen(text), &e))
		fail_msg("%s: %s", e.what, e.why);
	found = suppress_match(own, kinds, line, count) >= 0;
	suppress_free(own);
	return found;
}

static bool bad(const char *text)
{
	struct suppress *own = alloc_zeroed(1, sizeof(*own));
	struct tide_error e = { 0 };
	bool failed = suppress_parse(own, "test", text, strlen(text), &e) != 0;

	if (failed) {
		assert_int_equal(e.code, EXIT_USAGE);
		assert_non_null(strstr(e.what, "test:"));
	}
	suppress_free(own);
	return failed;
}

#define HIDES(text) hides(text, SUPPRESS_LOST, stack, 4)

static void sanitizer_lines(void **state)
{
	(void)state;
	assert_true(HIDES("leak:serve\n"));
	assert_true(HIDES("leak:erv"));
	assert_true(HIDES("leak:libcache.so"));
	assert_true(HIDES("leak:cache.cc"));
	assert_true(HIDES("leak:cache*insert"));
	assert_true(HIDES("leak:^serve$"));
	assert_true(HIDES("leak:^cache::"));
	assert_true(HIDES("# a comment\n\n  leak:main.c$  \r\n"));
	assert_false(HIDES("leak:^erve"));
	assert_false(HIDES("leak:serv$"));
	assert_false(HIDES("leak:nothing"));
	assert_false(HIDES("race:serve\nvptr:serve\n"));
	assert_false(HIDES(""));
}

static void valgrind_blocks(void **state)
{
	(void)state;
	assert_true(HIDES("{\n n\n Memcheck:Leak\n fun:_Znwm\n ...\n fun:serve\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n fun:_Znwm\n fun:cache::insert\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n ...\n obj:*/server\n fun:main\n}\n"));
	assert_true(HIDES("{\n n\n Addrcheck,Memcheck:Leak\n ...\n src:serve.c:7\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n ...\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:s?rve\n}\n"));
	assert_true(hides("{\n n\n Memcheck:Leak\n fun:malloc\n fun:make\n}\n", SUPPRESS_LOST, plain, 2));
	assert_true(hides(
		"{\n n\n Memcheck:Leak\n fun:*alloc\n fun:make\n fun:main\n}\n", SUPPRESS_LOST, plain, 2));
	assert_false(hides("{\n n\n Memcheck:Leak\n fun:malloc\n fun:main\n}\n", SUPPRESS_LOST, plain, 2));
	assert_false(HIDES("{\n n\n Memcheck:Leak\n fun:serve\n}\n")); /* not innermost */
	assert_false(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:main\n fun:serve\n}\n"));
	assert_false(HIDES("{\n n\n Memcheck:Leak\n ...\n src:serve.c:8\n}\n"));
	assert_false(HIDES("{\n n\n Memcheck:Cond\n ...\n fun:serve\n}\n"));
	assert_false(HIDES("{\n n\n Helgrind:Race\n ...\n fun:serve\n}\n"));
	assert_false(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:serv\n}\n"));
}

static void kinds(void **state)
{
	const char *definite = "{\n n\n Memcheck:Leak\n match-leak-kinds: definite\n ...\n fun:main\n}\n";
	const char *possible =
		"{\n n\n Memcheck:Leak\n match-leak-kinds: possible,reachable\n ...\n fun:main\n}\n";
	(void)state;

	assert_true(hides(definite, SUPPRESS_LOST, stack, 4));
	assert_false(hides(definite, SUPPRESS_POSSIBLE, stack, 4));
	assert_false(hides(possible, SUPPRESS_LOST, stack, 4));
	assert_true(hides(possible, SUPPRESS_POSSIBLE, stack, 4));
	assert_true(hides(possible, SUPPRESS_REACHABLE, stack, 4));
	/* Nobody means what is in use. */
	assert_false(hides("leak:main", SUPPRESS_REACHABLE, stack, 4));
}

static void refused(void **state)
{
	(void)state;
	assert_true(bad("serve\n"));
	assert_true(bad("{\n"));
	assert_true(bad("{\n}\n"));
	assert_true(bad("{\n name\n Memcheck:Leak\n fun:a\n"));
	assert_true(bad("{\n name\n Memcheck:Leak\n function a\n}\n"));
	assert_true(bad("{\n name\n Memcheck:Leak\n match-leak-kinds: some\n}\n"));
	assert_false(bad("{\n name\n Memcheck:Param\n write(buf)\n fun:a\n}\n"));
	assert_false(bad(""));
}

static void generated_text_matches(void **state)
{
	char *text = suppress_text(stack, 4, "a leak"), *other = suppress_text(plain, 2, "another");
	(void)state;

	assert_true(HIDES(text));
	assert_false(hides(text, SUPPRESS_LOST, plain, 2));
	assert_true(hides(other, SUPPRESS_LOST, plain, 2));
	assert_false(HIDES(other));
	free(text);
	free(other);
}

/* A name may hold anything: it stays one pattern, which matches that name and not everything. */
static void generated_names_are_data(void **state)
{
	static const struct symbol_line hostile[] = {
		{ .function = "f\n}\nleak:*\n{\n x\n Memcheck:Leak\n ...",
			.module = "/a",
			.has_symbol = true },
		{ .function = "*", .module = "/a", .has_symbol = true },
		{ .function = "a+0x1", .module = "/b\n}\nleak:*" },
	};
	char *text = suppress_text(hostile, 3, "a\n}\nleak:*\n{");
	struct suppress *s = suppress_new();
	size_t before = s->count;
	struct tide_error e;

	(void)state;
	assert_int_equal(suppress_parse(s, "generated", text, strlen(text), &e), 0);
	assert_int_equal(s->count, before + 1);
	assert_true(hides(text, SUPPRESS_LOST, hostile, 3));
	assert_false(HIDES(text));
	suppress_free(s);
	free(text);
	text = suppress_text(hostile + 1, 1, "all");
	assert_false(HIDES(text));
	assert_false(hides(text, SUPPRESS_LOST, plain, 2));
	free(text);
}

static void built_in(void **state)
{
	static const struct symbol_line loader[] = {
		{ .function = "calloc", .module = "/lib64/ld-linux-x86-64.so.2", .has_symbol = true },
		{ .function = "main", .module = "/opt/app/server", .has_symbol = true },
	};
	struct suppress *s = suppress_new();
	(void)state;

	assert_true(suppress_match(s, SUPPRESS_LOST, loader, 2) >= 0);
	assert_true(suppress_match(s, SUPPRESS_LOST, stack, 4) < 0);
	assert_true(suppress_match(s, SUPPRESS_LOST, plain, 2) < 0);
	for (size_t i = 0; i < s->count; i++)
		assert_null(s->rules[i].file);
	suppress_free(s);
}

static void linker_names(void **state)
{
	static const struct {
		const char *pattern, *readable;
		int answer;
	} known[] = {
		{ "_ZN3foo3bar*", "foo::bar", 2 },
		{ "_ZN3foo3ba*", "foo::ba*", 1 },
		{ "_ZN3foo3barE*", "foo::bar", 1 },
		{ "_ZNK3foo3barEv*", "foo::bar", 1 },
		{ "_ZNSt6vectorI3fooSaIS0_EE9push_backE*", "std::vector::push_back", 1 },
		{ "_ZN3fooC*", "foo::foo", 1 },
		{ "_ZN3fooC1E*", "foo::foo", 1 },
		{ "_ZN1a3fooD2Ev*", "a::foo::~foo", 1 },
		{ "_Z4worki*", "work", 1 },
		{ "_Z4wo*", "wo*", 1 },
		{ "_ZL4workv*", "work", 1 },
		{ "_ZSt4copy*", "std::copy", 1 },
		{ "_ZN3foo*3barE*", "foo::*bar", 1 },
		{ "_ZN3fooIiE3barE*", "foo::bar", 1 },
		{ "_Znw*", NULL, 0 },
		{ "malloc*", NULL, 0 },
		{ "_ZN1*", NULL, 0 },
		{ "_ZN3foo4*", NULL, 0 },
		{ "_ZNS1_*", NULL, 0 },
		{ "_Z*", NULL, 0 },
		{ "_ZN*", NULL, 0 },
		{ "_ZN99999999999999999999a*", "a*", 1 },
		{ "_ZN3fooI*", "foo", 2 },
		{ "_ZN3fooINIX9*", NULL, 0 },
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		assert_int_equal(suppress_mangled(known[i].pattern, out, sizeof(out)), known[i].answer);
		if (known[i].readable)
			assert_string_equal(out, known[i].readable);
	}
	/* Longer than there is room for: cut, never past the end. */
	assert_int_equal(suppress_mangled("_ZN3foo3barE*", out, 4), 1);
	assert_string_equal(out, "foo");
	assert_true(HIDES("{\n n\n Memcheck:Leak\n fun:_Znwm\n fun:_ZN5cache6inse*\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:_ZN5cache*\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:_ZN5cache6insertE*\n}\n"));
	assert_true(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:_Z5serve*\n}\n"));
	assert_false(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:_ZN4cach*\n}\n"));
	assert_false(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:_ZN5cache3ins*E*\n}\n"));
	assert_false(HIDES("{\n n\n Memcheck:Leak\n ...\n fun:_Z4serv*\n}\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sanitizer_lines),
		cmocka_unit_test(linker_names),
		cmocka_unit_test(valgrind_blocks),
		cmocka_unit_test(kinds),
		cmocka_unit_test(refused),
		cmocka_unit_test(generated_text_matches),
		cmocka_unit_test(generated_names_are_data),
		cmocka_unit_test(built_in),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
