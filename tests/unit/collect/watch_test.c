/* Conditions of --when: how they are written, and when they fire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/collect/watch.h"

static void reads_what_is_documented(void **state)
{
	struct watch_condition c;
	struct tide_error e;

	(void)state;
	assert_int_equal(watch_parse("rss>2G", &c, &e), 0);
	assert_int_equal(c.what, WATCH_RSS);
	assert_int_equal(c.limit, 2ull << 30);
	assert_int_equal(watch_parse("live>500M", &c, &e), 0);
	assert_int_equal(c.limit, 500ull << 20);
	assert_int_equal(watch_parse("live+20%", &c, &e), 0);
	assert_int_equal(c.what, WATCH_LIVE_GROWTH);
	assert_true(c.share > 0.199 && c.share < 0.201);
	assert_int_equal(watch_parse("waste>30%", &c, &e), 0);
	assert_int_equal(c.what, WATCH_WASTE_SHARE);
	assert_true(c.share > 0.299 && c.share < 0.301);
	assert_int_equal(watch_parse("waste>100M", &c, &e), 0);
	assert_int_equal(c.what, WATCH_WASTE);
	assert_int_equal(c.limit, 100ull << 20);
	assert_int_equal(watch_parse("allocs>1000000", &c, &e), 0);
	assert_int_equal(c.limit, 1000000);
}

static void refuses_the_rest(void **state)
{
	static const char *const wrong[] = { "", "rss", "rss>", "rss<2G", "live>x", "live+", "live-20%",
		"allocs>12q", "waste>", "waste>x%", "waste<3%", "waste+3%", "2G" };
	struct watch_condition c;

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		struct tide_error e = { 0 };

		assert_int_equal(watch_parse(wrong[i], &c, &e), -1);
		assert_int_equal(e.code, EXIT_USAGE);
		assert_true(e.hint[0]);
	}
}

static void fires_when_it_becomes_true(void **state)
{
	struct watch_condition c = { .what = WATCH_LIVE, .limit = 100 };
	struct watch_values now = { .live = 100 };

	(void)state;
	assert_false(watch_fires(&c, &now, 0));
	now.live = 101;
	assert_true(watch_fires(&c, &now, 0));
	assert_false(watch_fires(&c, &now, 0));
	now.live = 50;
	assert_false(watch_fires(&c, &now, 0));
	now.live = 200;
	assert_true(watch_fires(&c, &now, 0));
}

static void growth_is_since_the_last_snapshot(void **state)
{
	struct watch_condition c = { .what = WATCH_LIVE_GROWTH, .share = 0.2 };
	struct watch_values now = { .live = 119ull << 20 };

	(void)state;
	assert_false(watch_fires(&c, &now, 100ull << 20));
	now.live = 121ull << 20;
	assert_true(watch_fires(&c, &now, 100ull << 20));
	assert_false(watch_fires(&c, &now, 121ull << 20));
	now.live = 1000; /* a program that has hardly begun */
	assert_false(watch_fires(&c, &now, 0));
}

static void waste_is_a_share_of_what_is_resident(void **state)
{
	struct watch_condition c = { .what = WATCH_WASTE_SHARE, .share = 0.3 };
	struct watch_values now = { .wasted = 30ull << 20, .resident = 100ull << 20 };

	(void)state;
	assert_false(watch_fires(&c, &now, 0));
	now.wasted++;
	assert_true(watch_fires(&c, &now, 0));
	assert_false(watch_fires(&c, &now, 0));
	now = (struct watch_values){ .wasted = 1 << 20, .resident = 1 << 20 }; /* too little to matter */
	assert_false(watch_fires(&c, &now, 0));
	c = (struct watch_condition){ .what = WATCH_WASTE, .limit = 1000 };
	assert_true(watch_fires(&c, &now, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_documented),
		cmocka_unit_test(refuses_the_rest),
		cmocka_unit_test(fires_when_it_becomes_true),
		cmocka_unit_test(growth_is_since_the_last_snapshot),
		cmocka_unit_test(waste_is_a_share_of_what_is_resident),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
