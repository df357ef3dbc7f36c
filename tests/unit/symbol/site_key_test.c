/* site_key: what changes with a rebuild must not change a key, and what is another site must. */
#include "tests/lib/stacks_make.h"
#include "report/symbol/demangle.h"
#include "report/symbol/site_key.h"

/* The key of one stack in a snapshot of its own. */
static uint64_t key_in(const struct stacks *base, const char *stack)
{
	struct stacks t = *base;
	struct snapshot s;

	t.count = 0;
	stacks_site(&t, 10, 1, stack);
	stacks_open(&t, &s);
	struct symbols *symbols = symbols_new(&s);
	struct site_keys *k = site_keys_new(&s, symbols);
	uint64_t key = site_key(k, SITE_FIRST);
	site_keys_free(k);
	symbols_free(symbols);
	snapshot_close(&s);
	return key;
}

static uint64_t key(const char *stack)
{
	static const struct stacks base = { .build_id = "aa" };

	return key_in(&base, stack);
}

static void same(void **state)
{
	static const char *const pair[][2] = {
		{ "fill@x.c:10;main@x.c:20", "fill@src/x.c:11;main@/tmp/x.c:99" },
		{ "fill.constprop.0@x.c:1;main", "fill@x.c:2;main" },
		{ "fill [clone .part.3]@x.c:1;main", "fill;main" },
		{ "malloc_it|fill;main", "malloc_it;fill;main" }, /* inlined or not */
		{ "f;main;__libc_start_call_main;__libc_start_main;_start", "f;main" },
		{ "f;main;__libc_start_call_main;__libc_start_main;_start", "f;main;_start;unheard_of" },
		{ "f;work;start_thread;clone3", "f;work;start_thread" },
		{ "operator new(unsigned long);f;main", "f;main" }, /* a wrapper */
		{ "main::{lambda(int)#1}::operator()(int) const;main",
			"main::{lambda(int)#7}::operator()(int) const;main" },
		{ "my::vector<int, std::allocator<int> >::push_back(int&&);main",
			"my::vector<int, my::pool<int>>::push_back(int&&);main" },
		{ "?0x123;main", "?0x456;main" },
		{ "?0x123;?0x456;main", "?0x99;main" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++)
		if (key(pair[i][0]) != key(pair[i][1]))
			fail_msg("differ: %s | %s", pair[i][0], pair[i][1]);
}

static void different(void **state)
{
	static const char *const stack[] = {
		"f;main",
		"g;main",
		"f;g;main",
		"g;f;main",
		"f;f;main",
		"f",
		"?0x1;main",
		"f;?0x1;main",
		"f;start_thread",
		"my::vector<int>::push_back(int);main",
		"my::vector<long>::push_back(long);main",
		"main;main",
		"fm;ain",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(stack) / sizeof(stack[0]); i++)
		for (size_t j = 0; j < i; j++)
			/* A thread that starts in f, and a stack cut at f, look alike. */
			if (key(stack[i]) == key(stack[j])
				&& !(strstr(stack[i], "start_thread") && !strcmp(stack[j], "f")))
				fail_msg("equal: %s | %s", stack[i], stack[j]);
}

/* Another load address, process and build: nothing of it is in the key. */
static void place_does_not_matter(void **state)
{
	const struct stacks a = { .build_id = "aa", .pid = 1 },
			    b = { .build_id = "bb", .bias = 0x7000000, .pid = 2 };
	(void)state;
	assert_true(key_in(&a, "fill@x.c:10;?0x3;main@x.c:20") == key_in(&b, "fill@x.c:10;?0x9;main@x.c:20"));
}

/* A stored baseline must find its sites again, years later: the number is fixed. */
static void stable_for_ever(void **state)
{
	char text[SITE_KEY_TEXT];
	(void)state;
	site_key_text(key("cache_fill@cache.c:12;handle@server.c:30;main@server.c:99"), text);
	assert_string_equal(text, "c27251d4a09d02fd");
}

static void exact_within_one_build(void **state)
{
	struct stacks a = { .build_id = "aa", .pid = 1 },
		      b = { .build_id = "aa", .pid = 2, .bias = 0x7000000 };
	struct snapshot s[2];
	struct symbols *symbols[2];
	struct site_keys *k[2];
	(void)state;
	for (int same_build = 1; same_build >= 0; same_build--) {
		struct stacks *side[2] = { &a, &b };
		b.build_id = same_build ? "aa" : "bb";
		for (int i = 0; i < 2; i++) {
			side[i]->count = 0;
			stacks_site(side[i], 10, 1, "f@x.c:1;main@x.c:9");
			stacks_site(side[i], 10, 1, "f@x.c:2;main@x.c:9");
			stacks_site(side[i], 10, 1, "?0x10;main@x.c:9");
			stacks_site(side[i], 10, 1, "?0x20;main@x.c:9");
			stacks_open(side[i], &s[i]);
			symbols[i] = symbols_new(&s[i]);
			k[i] = site_keys_new(&s[i], symbols[i]);
		}
		assert_int_equal(site_keys_exact(k, 2), same_build);
		for (uint32_t i = SITE_FIRST; i < SITE_FIRST + 4; i++)
			assert_true(site_key(k[0], i) == site_key(k[1], i));
		assert_int_equal(site_key(k[0], SITE_FIRST) == site_key(k[0], SITE_FIRST + 1), !same_build);
		assert_int_equal(
			site_key(k[0], SITE_FIRST + 2) == site_key(k[0], SITE_FIRST + 3), !same_build);
		for (int i = 0; i < 2; i++) {
			site_keys_free(k[i]);
			symbols_free(symbols[i]);
			snapshot_close(&s[i]);
		}
	}
}

static void ends(void **state)
{
	struct stacks t = { .build_id = "aa" };
	struct snapshot s;
	uint64_t leaf[4], caller[4];
	(void)state;
	stacks_site(&t, 1, 1, "operator new(unsigned long);f|g;main");
	stacks_site(&t, 1, 1, "f;h;main");
	stacks_site(&t, 1, 1, "k;g;main");
	stacks_site(&t, 1, 1, "?0x1;g;main");
	stacks_open(&t, &s);
	struct symbols *symbols = symbols_new(&s);
	struct site_keys *k = site_keys_new(&s, symbols);
	for (uint32_t i = 0; i < 4; i++)
		site_key_ends(k, SITE_FIRST + i, &leaf[i], &caller[i]);
	assert_true(leaf[0] && leaf[0] == leaf[1] && leaf[0] != leaf[2]);
	assert_true(caller[0] && caller[0] == caller[2] && caller[0] == caller[3] && caller[0] != caller[1]);
	assert_true(leaf[3] == 0);
	site_key_ends(k, 0, &leaf[0], &caller[0]);
	assert_true(!leaf[0] && !caller[0]);
	assert_true(site_key(k, 1) != site_key(k, 2));
	assert_true(site_key(k, 99999) == 0);
	site_keys_free(k);
	symbols_free(symbols);
	snapshot_close(&s);
}

/* Indices that point nowhere, parents in a ring: an answer, and an end. */
static void damaged_tables(void **state)
{
	const struct tide_frame frames[] = { { 0 }, { .parent = 2, .module = 1, .address = 0x10 },
		{ .parent = 3, .module = 77, .address = 0x20 }, { .parent = 1, .module = 1, .address = 0x30 },
		{ .parent = 4, .module = 1, .address = 0x40 },
		{ .parent = 99, .module = 1, .address = 0x50 } };
	const struct tide_site sites[] = { { 0 }, { 0 }, { 0 }, { 0 }, { .frame = 1 }, { .frame = 4 },
		{ .frame = 5 }, { .frame = 1234 } };
	const struct tide_module modules[] = { { 0 },
		{ .lo = 0, .hi = 0x100, .path = 0xffffffff, .build_id = 0xffffffff } };
	const struct tide_process process = { .pid = 1 };
	const struct snapshot s = { .process = &process,
		.strings = "",
		.strings_bytes = 1,
		.frames = frames,
		.frame_count = 6,
		.sites = sites,
		.site_count = 8,
		.modules = modules,
		.module_count = 2 };
	(void)state;
	struct symbols *symbols = symbols_new(&s);
	struct site_keys *k = site_keys_new(&s, symbols);
	for (int exact = 0; exact < 2; exact++) {
		for (uint32_t i = 0; i < 9; i++) {
			uint64_t leaf, caller;
			site_key(k, i);
			site_key_ends(k, i, &leaf, &caller);
		}
		site_keys_exact(&k, 1);
	}
	site_keys_free(k);
	symbols_free(symbols);
}

static void stable_names(void **state)
{
	static const char *const pair[][2] = {
		{ "std::vector<int, std::allocator<int> >::push_back(int const&)",
			"std::vector<int>::push_back" },
		{ "void ns::C<std::pair<A, B<X, Y>>, int>::f<long>(int) const",
			"ns::C<std::pair<A>>::f<long>" },
		{ "foo(int)::{lambda()#2}::operator()() const", "foo::{lambda}::operator()" },
		{ "bool operator< <int, long>(A<int> const&)", "operator<<int>" },
		{ "std::_Function_handler<void (int), main::{lambda(int)#1}>::_M_invoke(int)",
			"std::_Function_handler<void (int)>::_M_invoke" },
		{ "plain_c", "plain_c" },
		{ "", "" },
		{ "x<", "x" },
	};
	char out[200];
	(void)state;
	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		demangle_stable(pair[i][0], out, sizeof(out));
		assert_string_equal(out, pair[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same),
		cmocka_unit_test(different),
		cmocka_unit_test(place_does_not_matter),
		cmocka_unit_test(stable_for_ever),
		cmocka_unit_test(exact_within_one_build),
		cmocka_unit_test(ends),
		cmocka_unit_test(damaged_tables),
		cmocka_unit_test(stable_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
