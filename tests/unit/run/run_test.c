/* run_test.c - names of snapshots, the session folder, what is made of ledgers that are left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "report/base/alloc.h"
#include "tests/lib/ledger_make.h"
#include "report/collect/collect_output.h"
#include "report/run/run.h"

static char folder[] = "/tmp/tidemark-run-test-XXXXXX";

/* A process that is not there any more. */
static int dead_pid(void)
{
	int pid = fork();

	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	return pid;
}

static void ledger_write(
	const char *path, int pid, const char *output, const char *options, uint32_t generation)
{
	struct ledger_counter *c;
	struct ledger_make m;
	struct ledger_thread thread = { .tid = pid, .state = LEDGER_THREAD_ALIVE };
	uint32_t site;

	ledger_make_begin(&m, path, 16);
	m.header->pid = pid;
	m.header->generation = generation;
	m.header->exe = ledger_make_string(&m, "/usr/bin/my prog");
	m.header->directory = ledger_make_string(&m, folder);
	m.header->output = ledger_make_string(&m, output);
	m.header->options = ledger_make_string(&m, options);
	ledger_make_add(&m, LEDGER_THREADS, &thread);
	site = ledger_make_site(&m, 0, 0, 0x1234, 1);
	c = ledger_make_counter(&m, 0, site);
	*c = (struct ledger_counter){
		.live_bytes = 70, .live_blocks = 7, .total_bytes = 70, .total_blocks = 7, .size_class = 5
	};
	ledger_make_end(&m);
}

static void check_name(
	const char *pattern, const char *options, uint32_t generation, uint32_t reason, const char *wanted)
{
	char path[160], *full = alloc_printf("%s/%s", folder, wanted), *got;
	struct collect_settings settings;
	struct ledger_copy c;
	struct tide_error e;

	snprintf(path, sizeof(path), "%s/x.ledger", folder);
	ledger_write(path, 42, pattern, options, generation);
	assert_int_equal(ledger_copy_file(&c, path, &e), 0);
	collect_settings_of(&settings, &c);
	got = collect_output(&settings, &c, reason, 3);
	collect_settings_free(&settings);
	assert_string_equal(got, *wanted == '/' ? wanted : full);
	ledger_copy_free(&c);
	unlink(path);
	free(full);
	free(got);
}

static void test_names(void **state)
{
	(void)state;
	check_name("", "", 0, REASON_EXIT, "tidemark.my_prog.42.tide");
	check_name("/a/%e-%p-%n-%%.tide", "", 0, REASON_EXIT, "/a/my_prog-42-3-%.tide");
	check_name("x.tide", "", 0, REASON_EXIT, "x.tide");
	check_name("x", "", 0, REASON_EXIT, "x");
	check_name("%q%", "", 0, REASON_EXIT, "%q%");
	/* Snapshots from which the program goes on have numbers. */
	check_name("x.tide", "", 0, REASON_TIMER, "x.3.tide");
	check_name("x", "", 0, REASON_REQUEST, "x.3");
	check_name("x-%n.tide", "", 0, REASON_TIMER, "x-3.tide");
	check_name("/proc/%n/root/%e", "", 0, REASON_REQUEST, "/proc/%n/root/my_prog.3");
	check_name("/a/%n/%n.tide", "", 0, REASON_REQUEST, "/a/%n/3.tide");
	/* Other processes than the one that was started have theirs. */
	check_name("x.tide", "TIDEMARK_ROOT=42\n", 0, REASON_EXIT, "x.tide");
	check_name("x.tide", "TIDEMARK_ROOT=41\n", 0, REASON_EXIT, "x.42.tide");
	check_name("x.tide", "TIDEMARK_ROOT=41\n", 0, REASON_MARK, "x.42.3.tide");
	check_name("x.%p.tide", "TIDEMARK_ROOT=41\n", 0, REASON_EXIT, "x.42.tide");
	check_name("x.tide", "", 1, REASON_EXIT, "x.42.tide");
}

/* The program was killed; a child of it too; one image was replaced by exec. */
static void test_session(void **state)
{
	struct run_session session;
	struct snapshot s;
	struct tide_error e;
	char path[200], options[64];
	int pid = dead_pid(), other = dead_pid();
	struct stat st;

	(void)state;
	assert_int_equal(run_session_begin(&session, &e), 0);
	assert_int_equal(stat(session.folder, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	session.settings = (struct collect_settings){
		.pattern = alloc_string("x.tide"), .folder = alloc_string(folder), .root = pid
	};
	/* What the processes have written about files is not looked at. */
	snprintf(options, sizeof(options), "TIDEMARK_ROOT=7\nTIDEMARK_OVERWRITE=1\n");
	snprintf(path, sizeof(path), "%s/%d.1.ledger", session.folder, pid);
	ledger_write(path, pid, "/nowhere/%e", options, 0);
	snprintf(path, sizeof(path), "%s/%d.1.ledger", session.folder, other);
	ledger_write(path, other, "../../y.tide", options, 1);
	snprintf(path, sizeof(path), "%s/7.2.ledger", session.folder);
	ledger_write(path, 7, "x.tide", options, 0);
	assert_int_equal(truncate(path, 10), 0);
	snprintf(path, sizeof(path), "%s/%d.1.ledger", session.folder, pid);
	/* What a collector would say. */
	collect_announce(path, 4711, REASON_TIMER, 1, "/somewhere/y.tide");
	error_set(&e, EXIT_UNMEASURED, "cannot write z|disk full|");
	collect_announce_failure(path, 4712, &e);

	run_session_end(&session, pid, SIGKILL);
	assert_int_equal(session.count, 3);
	assert_int_equal(session.still_running, 0);
	assert_string_equal(session.why.what, "cannot write z: disk full");
	assert_int_equal(stat(session.folder, &st), -1);
	for (size_t i = 0; i < session.count; i++) {
		const struct run_snapshot *one = &session.snapshots[i];

		if (one->pid == 4711) {
			assert_string_equal(one->path, "/somewhere/y.tide");
			assert_int_equal(one->reason, REASON_TIMER);
			assert_int_equal(one->complete, 1);
			continue;
		}
		assert_int_equal(one->complete, 0);
		assert_int_equal(snapshot_open(one->path, &s, &e), 0);
		assert_int_equal(s.process->live_bytes, 70);
		assert_int_equal(s.process->complete, 0);
		assert_int_equal(s.process->reason, one->pid == pid ? REASON_SIGNAL : REASON_POST_MORTEM);
		assert_int_equal(s.process->exit_signal, one->pid == pid ? SIGKILL : 0);
		snapshot_close(&s);
		unlink(one->path);
	}
	run_session_free(&session);
}

static void test_child(void **state)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-c", (char *)"test \"$A_B\" = c && exit 7", NULL };
	char *environment[] = { (char *)"A_B=c" };
	struct run_child c = { .argv = argv, .environment = environment, .environment_count = 1 };
	char *missing[] = { (char *)"/nonexistent/program", NULL }, *denied[] = { (char *)"/etc", NULL };
	char *killed[] = { (char *)"/bin/sh", (char *)"-c", (char *)"kill -9 $$", NULL };
	struct tide_error e;

	(void)state;
	assert_int_equal(run_child(&c, &e), 0);
	assert_int_equal(WEXITSTATUS(c.status), 7);
	assert_null(getenv("A_B"));
	c.argv = missing;
	assert_int_equal(run_child(&c, &e), -1);
	assert_int_equal(e.code, 127);
	c.argv = denied;
	assert_int_equal(run_child(&c, &e), -1);
	assert_int_equal(e.code, 126);
	c.argv = killed;
	assert_int_equal(run_child(&c, &e), 0);
	assert_true(WIFSIGNALED(c.status));
	assert_int_equal(WTERMSIG(c.status), SIGKILL);
}

static int setup(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_session),
		cmocka_unit_test(test_child),
	};

	return cmocka_run_group_tests_name("run", tests, setup, teardown);
}
