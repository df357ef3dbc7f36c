/* Unit tests of report/base/proc_stat.c on processes that are there, were there, and have odd names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "report/base/proc_stat.h"

static void reads_itself(void **state)
{
	struct proc_stat s, thread;

	(void)state;
	assert_int_equal(proc_stat_read(getpid(), 0, &s), 1);
	assert_int_equal(s.state, 'R');
	assert_int_equal(s.parent, getppid());
	assert_int_equal(s.group, getpgrp());
	assert_int_equal(s.session, getsid(0));
	assert_int_equal(s.threads, 1);
	assert_true(s.start_ticks > 0);
	assert_true(s.processor >= 0 && s.processor <= 4096);
	assert_int_equal(s.exit_signal, SIGCHLD);
	assert_int_equal(proc_stat_read(getpid(), getpid(), &thread), 1);
	assert_true(thread.start_ticks == s.start_ticks);
}

static void a_name_may_hold_anything(void **state)
{
	struct proc_stat s;

	(void)state;
	prctl(PR_SET_NAME, "a) Z 1\n(b 2 3");
	assert_int_equal(proc_stat_read(getpid(), 0, &s), 1);
	assert_int_equal(s.state, 'R');
	assert_int_equal(s.parent, getppid());
}

static void the_dead_are_seen(void **state)
{
	struct proc_stat s;
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_stat_read(child, 0, &s), 1);
	assert_true(proc_stat_dead(&s));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(proc_stat_read(child, 0, &s), 0);
	assert_int_equal(proc_stat_read(getpid(), child, &s), 0);
	assert_int_equal(proc_stat_read(0, 0, &s), 0);
	assert_int_equal(proc_stat_read(-1, 0, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_itself),
		cmocka_unit_test(a_name_may_hold_anything),
		cmocka_unit_test(the_dead_are_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
