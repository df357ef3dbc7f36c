/* counted_test.c - the graph by the references that Python counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/lib/graph_make.h"
#include "report/analysis/counted.h"

/* Words that no pointer can be in are as little references here as in the graph that it is made from. */
static void test_unused_words(void **state)
{
	struct graph_make y;
	struct snapshot s;
	struct graph all, counted;
	uint8_t unused[40] = { 0 };
	struct tide_error e;

	(void)state;
	graph_make_new(&y, 3, 1, 1);
	graph_make_root(&y, 0, 0, 0, 0);
	for (uint32_t i = 0; i < 40; i++)
		graph_make_edge(&y, 0, 1 + i % 2, i * 8, 0, 0);
	s = graph_make_snapshot(&y);
	for (uint32_t i = 0; i < 39; i++)
		unused[i] = UNUSED_SPARE;
	s.unused = unused;
	assert_int_equal(graph_new(&all, &s, NULL, 0, &e), 0);
	counted_graph(&counted, &all);
	assert_int_equal(all.start[1] - all.start[0], 1);
	assert_int_equal(counted.start[1] - counted.start[0], 1);
	assert_int_equal(counted.out[0] & GRAPH_BLOCK, all.out[0] & GRAPH_BLOCK);
	assert_int_equal(counted.start[3], 1);
	graph_free(&counted);
	graph_free(&all);
	s.unused = NULL;
	graph_make_free(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_unused_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
