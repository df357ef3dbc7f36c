/* golden_test.c - snapshots of released versions stay readable: tests/golden/vN/example.tide,
 * made by the program beside it, whose header states the numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include "report/analysis/leaks.h"
#include "report/model/snapshot.h"

/* Tests run in the folder of the repository. */
static void golden_open(struct snapshot *s)
{
	struct tide_error e = { 0 };

	if (snapshot_open("tests/golden/v1/example.tide", s, &e))
		fail_msg("%s: %s", e.what, e.why);
}

static void test_numbers(void **state)
{
	struct snapshot s;
	uint64_t after = 0, class7 = 0;

	(void)state;
	golden_open(&s);
	assert_int_equal(s.damaged, 0);
	assert_int_equal(s.process->complete, 1);
	assert_string_equal(snapshot_reason(s.process->reason), "exit");
	assert_string_equal(snapshot_string(&s, s.process->command), "./example");
	assert_int_equal(s.process->exit_status, 0);
	assert_int_equal(s.process->live_blocks, 15);
	assert_int_equal(s.process->live_bytes, 3 * 100 + 2 * 64 + 10 * 48);
	assert_int_equal(s.process->peak_bytes, 3 * 100 + 2 * 64 + 10 * 48 + 1000);
	assert_int_equal(s.process->total_blocks, 1015);
	assert_int_equal(s.process->total_bytes, 3 * 100 + 2 * 64 + 10 * 48 + 1000 * 1000);
	assert_int_equal(s.process->temporary, 1000);
	assert_int_equal(s.block_count, 15);
	assert_int_equal(s.edge_start_count, 16);
	assert_int_equal(s.edge_count, 9 + 2);
	assert_int_equal(s.mark_count, 1);
	assert_string_equal(snapshot_string(&s, s.marks[0].name), "warm");
	assert_int_equal(s.marks[0].live_bytes, 300);
	for (size_t i = 0; i < s.birth_count; i++)
		after += s.births[i].interval ? s.births[i].live_blocks : 0;
	assert_int_equal(after, 12);
	/* Sizes 64 to 127: the leaks and the ring; 512 to 1023: the temporary ones. */
	for (size_t i = 0; i < s.size_count; i++)
		class7 += s.sizes[i].class_ == 7 ? s.sizes[i].count : 0;
	assert_int_equal(class7, 5);
	snapshot_close(&s);
}

static void test_names(void **state)
{
	struct snapshot s;
	size_t modules = 0, heads = 0;

	(void)state;
	golden_open(&s);
	for (size_t i = 1; i < s.module_count; i++) {
		const char *path = snapshot_string(&s, s.modules[i].path);

		modules +=
			strstr(path, "/example") && strlen(snapshot_string(&s, s.modules[i].build_id)) == 40;
	}
	assert_int_equal(modules, 1);
	for (size_t i = 0; i < s.root_count; i++)
		heads += !strcmp(snapshot_string(&s, s.roots[i].name), "head")
			&& s.roots[i].kind == ROOT_GLOBAL;
	assert_int_equal(heads, 1);
	assert_int_equal(s.thread_count, 1);
	assert_string_equal(snapshot_string(&s, s.threads[0].name), "example");
	snapshot_close(&s);
}

static void test_leaks(void **state)
{
	struct leaks_options options = { .totals_only = true };
	struct tide_error e = { 0 };
	struct snapshot s;
	struct leaks l;

	(void)state;
	golden_open(&s);
	memset(&l, 0, sizeof(l));
	assert_int_equal(leaks_classify(&s, &options, &l, &e), 0);
	assert_int_equal(l.complete, 1);
	assert_int_equal(l.total[LEAK_UNREFERENCED].blocks, 3);
	assert_int_equal(l.total[LEAK_UNREFERENCED].bytes, 300);
	assert_int_equal(l.total[LEAK_CYCLE].blocks, 2);
	assert_int_equal(l.total[LEAK_CYCLE].bytes, 128);
	assert_int_equal(l.total[LEAK_REACHABLE].blocks, 10);
	leaks_free(&l);
	snapshot_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_leaks),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
