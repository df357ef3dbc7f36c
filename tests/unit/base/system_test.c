/* Names of signals, against those that libc describes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include "base/system.h"

static void signals_have_names(void **unused)
{
	(void)unused;
	for (int i = 1; i < 32; i++)
		assert_non_null(system_signal(i));
	assert_string_equal(system_signal(SIGSEGV), "SEGV");
	assert_string_equal(system_signal(SIGHUP), "HUP");
	assert_string_equal(system_signal(SIGTERM), "TERM");
	assert_string_equal(system_signal(SIGSYS), "SYS");
	assert_null(system_signal(0));
	assert_null(system_signal(-1));
	assert_null(system_signal(32));
	assert_null(system_signal(1 << 30));
#if __GLIBC_PREREQ(2, 32)
	for (int i = 1; i < 32; i++)
		if (sigabbrev_np(i)) /* it has no name for SIGSTKFLT on some */
			assert_string_equal(system_signal(i), sigabbrev_np(i));
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(signals_have_names) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
