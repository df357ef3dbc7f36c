/* Unit tests of report/members/members_name.c: keys of names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/members/members_private.h"

static void names_spelled_otherwise_have_one_key(void **state)
{
	(void)state;
	assert_int_equal(members_key("std::array<int, 3ul>"), members_key("std::array<int,3>"));
	assert_int_equal(members_key("A<B >"), members_key("A<B>"));
	assert_int_equal(members_key("main(int)::Local"), members_key("main::Local"));
	assert_int_equal(members_key("A::f(int (*)(char)) const::Local"), members_key("A::f::Local"));
	assert_true(members_key("unsigned int") != members_key("unsignedint"));
	assert_true(members_key("(anonymous namespace)::T") != members_key("::T"));
}

/* Names of a file may end anywhere: behind their last byte is memory that cannot be read. */
static void names_that_end_early_are_read_to_their_end(void **state)
{
	static const char *const name[] = { "(", "main(int", "main(", "f(((", "f()", "f() const",
		"f() const:", "f():", "(anonymous", "A[abi:", "A[", "3", "3u", " ", "A ", "" };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(memory != MAP_FAILED);
	assert_int_equal(mprotect(memory + page, page, PROT_NONE), 0);
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		char *at = memory + page - strlen(name[i]) - 1;

		strcpy(at, name[i]);
		assert_int_equal(members_key(at), members_key(name[i]));
	}
	munmap(memory, 2 * page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_spelled_otherwise_have_one_key),
		cmocka_unit_test(names_that_end_early_are_read_to_their_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
