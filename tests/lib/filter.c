/* filter.c - CMOCKA_TEST_FILTER=PATTERN picks the tests that a unit test program runs, by name; * and ? are wildcards.
 * Later versions of cmocka have this variable; 1.1.5 has only the function. Linked into every unit test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

__attribute__((constructor)) static void set_filter(void)
{
	const char *pattern = getenv("CMOCKA_TEST_FILTER");

	if (pattern && *pattern)
		cmocka_set_test_filter(pattern);
}
