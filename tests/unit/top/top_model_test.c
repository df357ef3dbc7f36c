/* The numbers of the live view: growth since a mark, rates, groups, the curve, and the time
 * that a picture of many sites takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "report/top/top_model.h"

struct picture {
	struct snapshot snapshot;
	struct tide_process process;
	struct tide_site site[5];
	struct tide_thread thread[3];
	struct tide_thread_site thread_site[3];
};

/* Three sites of the heap, and a mapping, which does not belong to it. */
static void picture_make(struct picture *p, uint64_t ns, int64_t one, int64_t two)
{
	memset(p, 0, sizeof(*p));
	p->site[1] = (struct tide_site){ .live_bytes = one,
		.live_blocks = one / 10,
		.peak_bytes = 700,
		.total_bytes = 1000 + (uint64_t)one,
		.total_blocks = 100 };
	p->site[2] = (struct tide_site){ .live_bytes = two,
		.live_blocks = 1,
		.total_bytes = (uint64_t)two,
		.total_blocks = 1,
		.temporary = 1 };
	p->site[3] = (struct tide_site){ .live_bytes = 1 << 30,
		.live_blocks = 1,
		.total_bytes = 1 << 30,
		.total_blocks = 1,
		.flags = SITE_MAPPING };
	p->thread_site[0] = (struct tide_thread_site){
		.thread = 1, .site = 1, .live_bytes = one, .total_bytes = 1000, .total_blocks = 100
	};
	p->thread_site[1] = (struct tide_thread_site){
		.thread = 2, .site = 2, .live_bytes = two, .total_bytes = 5, .total_blocks = 1
	};
	p->thread_site[2] = (struct tide_thread_site){ .thread = 2, .site = 3, .live_bytes = 1 << 30 };
	p->process = (struct tide_process){ .elapsed_ns = ns,
		.live_bytes = (uint64_t)(one + two),
		.total_bytes = 1000 + (uint64_t)(one + two),
		.total_blocks = 101 };
	p->snapshot = (struct snapshot){ .process = &p->process,
		.sites = p->site,
		.site_count = 5,
		.threads = p->thread,
		.thread_count = 3,
		.thread_sites = p->thread_site,
		.thread_site_count = 3 };
}

static void growth_and_rate(void **state)
{
	struct top_model m = { 0 };
	struct top_query q = { .group = TOP_SITE, .sort = TOP_LIVE };
	struct picture p;
	struct top_row *row;
	size_t count;
	(void)state;

	picture_make(&p, 1000000000, 300, 0);
	p.site[2] = (struct tide_site){ 0 };
	top_model_take(&m, &p.snapshot);
	row = top_model_rows(&m, &q, &count);
	assert_int_equal(count, 1);
	assert_int_equal(row[0].growth_bytes, 0);
	assert_true(row[0].rate == 0);
	free(row);

	/* Half a second later: one shrank, two is new. */
	picture_make(&p, 1500000000, 200, 900);
	top_model_take(&m, &p.snapshot);
	row = top_model_rows(&m, &q, &count);
	assert_int_equal(count, 2);
	assert_int_equal(row[0].key, 2);
	assert_int_equal(row[0].growth_bytes, 900);
	assert_true(row[0].rate == 1800);
	assert_int_equal(row[1].growth_bytes, -100);
	assert_int_equal(row[1].growth_blocks, -10);
	assert_true(row[1].rate == 0); /* its total fell: another count, no rate */
	assert_true(m.bytes_per_second == 1600);
	free(row);

	/* From the mark on, what was before counts no more. */
	top_model_mark(&m);
	q.sort = TOP_GROWTH;
	picture_make(&p, 2000000000, 260, 900);
	top_model_take(&m, &p.snapshot);
	row = top_model_rows(&m, &q, &count);
	assert_int_equal(row[0].key, 1);
	assert_int_equal(row[0].growth_bytes, 60);
	assert_int_equal(row[1].growth_bytes, 0);
	free(row);
	top_model_free(&m);
	assert_null(m.moments);
}

static void sorts_and_groups(void **state)
{
	static const uint32_t name[] = { 0, 1, 1, 0, 0 };
	static const bool keep[] = { true, false, true, true, true };
	struct top_model m = { 0 };
	struct top_query q = { .group = TOP_FUNCTION, .sort = TOP_LIVE, .name = name, .name_count = 2 };
	struct picture p;
	struct top_row *row;
	size_t count;
	(void)state;

	picture_make(&p, 1000, 300, 200);
	top_model_take(&m, &p.snapshot);
	row = top_model_rows(&m, &q, &count);
	assert_int_equal(count, 1);
	assert_int_equal(row[0].sites, 2);
	assert_int_equal(row[0].now.live_bytes, 500);
	assert_int_equal(row[0].site, 1); /* the one that holds most */
	assert_true(top_model_value(&row[0], TOP_PEAK) == 700);
	free(row);

	q = (struct top_query){ .group = TOP_THREAD, .sort = TOP_TOTAL };
	row = top_model_rows(&m, &q, &count);
	assert_int_equal(count, 2);
	assert_int_equal(row[0].key, 1);
	assert_int_equal(row[1].now.live_bytes, 200); /* without the mapping */
	free(row);

	q = (struct top_query){ .group = TOP_SITE, .sort = TOP_TEMPORARY, .keep = keep };
	row = top_model_rows(&m, &q, &count);
	assert_int_equal(count, 1);
	assert_int_equal(row[0].key, 2);
	free(row);
	for (int sort = 0; sort < TOP_SORTS; sort++) {
		q = (struct top_query){ .group = TOP_SITE, .sort = (enum top_sort)sort };
		row = top_model_rows(&m, &q, &count);
		assert_int_equal(count, 2);
		assert_true(top_model_value(&row[0], q.sort) >= top_model_value(&row[1], q.sort));
		free(row);
	}
	top_model_free(&m);
}

static void curve(void **state)
{
	struct tide_point point[] = { { .elapsed_ns = 100, .live_bytes = 10 },
		{ .elapsed_ns = 450, .live_bytes = 90 }, { .elapsed_ns = 500, .live_bytes = 20 } };
	struct top_model m = { 0 };
	struct picture p;
	double value[10];
	(void)state;

	picture_make(&p, 1000, 40, 0);
	p.snapshot.timeline = point;
	p.snapshot.point_count = 3;
	top_model_take(&m, &p.snapshot);
	top_model_curve(&m, value, 10);
	assert_true(value[0] == 10 && value[3] == 10);
	assert_true(value[4] == 90); /* the most of its span, though less at its end */
	assert_true(value[5] == 20 && value[8] == 20 && value[9] == 40);
	/* A file may give any time. */
	m.moments[m.moment_count - 1].ns = UINT64_MAX;
	top_model_curve(&m, value, 10);
	assert_true(value[0] == 90 && value[1] == 20 && value[9] == 40);
	m.moments[m.moment_count - 1].ns = 1000;
	/* However many updates: the memory is bounded, and the ends are kept. */
	for (uint64_t i = 1; i < 3 * TOP_MOMENTS; i++) {
		picture_make(&p, 1000 + i, (int64_t)i, 0);
		top_model_take(&m, &p.snapshot);
		assert_true(m.moment_count <= TOP_MOMENTS);
	}
	assert_int_equal(m.moments[0].ns, 100);
	assert_int_equal(m.moments[m.moment_count - 1].ns, 1000 + 3 * TOP_MOMENTS - 1);
	top_model_free(&m);
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

#define MANY 100000u

/* A picture of a hundred thousand sites is far below the tenth of a second that is felt. */
static void many_sites(void **state)
{
	struct tide_site *site = calloc(MANY, sizeof(*site));
	struct tide_process process = { .elapsed_ns = 1 };
	struct snapshot s = { .process = &process, .sites = site, .site_count = MANY };
	struct top_query q = { .group = TOP_SITE, .sort = TOP_LIVE };
	struct top_model m = { 0 };
	double least = 1e9;
	(void)state;

	for (int round = 0; round < 5; round++) {
		struct top_row *row;
		double began, took;
		size_t count;

		for (uint32_t i = 1; i < MANY; i++)
			site[i] = (struct tide_site){ .live_bytes = (int64_t)(i * 2654435761u >> 8) + round,
				.live_blocks = 1,
				.total_bytes = 1000u + i,
				.total_blocks = 2 };
		process.elapsed_ns += 1000;
		began = cpu_seconds();
		top_model_take(&m, &s);
		row = top_model_rows(&m, &q, &count);
		took = cpu_seconds() - began;
		assert_int_equal(count, MANY - 1);
		free(row);
		if (took < least)
			least = took;
	}
	print_message("a picture of %u sites: %.1f ms\n", MANY, least * 1e3);
	assert_true(least < 0.1);
	top_model_free(&m);
	free(site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(growth_and_rate),
		cmocka_unit_test(sorts_and_groups),
		cmocka_unit_test(curve),
		cmocka_unit_test(many_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
