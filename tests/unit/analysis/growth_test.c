/* Growth: the report's windows, and the shim's table of floors that feeds them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/model/format.h"
#include "report/analysis/growth.h"
#include "shim/rounds.c"

/* A ledger with two sites below the reserved ones, one page, one thread. */
struct small_ledger {
	struct ledger_header h;
	struct ledger_page page[2];
	struct ledger_counter counter[2][LEDGER_PAGE / sizeof(struct ledger_counter)]
		__attribute__((aligned(64)));
	struct ledger_rounds rounds[8];
};

static struct small_ledger *ledger_new(void)
{
	struct small_ledger *l = calloc(1, sizeof *l);

	l->h.table[LEDGER_PAGES] = (struct ledger_table){ offsetof(struct small_ledger, page), 2, 2, 0, 0 };
	l->h.table[LEDGER_COUNTERS] =
		(struct ledger_table){ offsetof(struct small_ledger, counter), 2, 2, 0, 0 };
	l->h.table[LEDGER_SITES] = (struct ledger_table){ 0, 8, 8, 0, 0 };
	l->h.table[LEDGER_ROUNDS] =
		(struct ledger_table){ offsetof(struct small_ledger, rounds), 8, 0, 0, 0 };
	l->page[0].thread = 1;
	l->page[1].thread = 2; /* a second thread's counters of the same sites */
	return l;
}

/* Plays `rounds` rounds of live(round) at site 5, and asks whether it grows. */
static bool grows(uint64_t rounds, uint64_t (*live)(uint64_t round), struct growth *g)
{
	struct small_ledger *l = ledger_new();
	struct rounds_now *now = calloc(8, sizeof *now);

	for (uint64_t r = 0; r < rounds; r++) {
		/* Freed by another thread: one counter below zero. */
		l->counter[0][5].live_blocks = (int32_t)live(r) + 3;
		l->counter[1][5].live_blocks = -3;
		rounds_note(&l->h, now, 8);
	}
	assert_int_equal(l->h.rounds, rounds);
	assert_int_equal(l->h.missed[MISSED_ROUNDS], 0);
	assert_int_equal(
		growth_find(l->rounds[5].least, LEDGER_ROUND_BUCKETS, l->h.rounds, l->h.rounds_width, g), 0);
	for (unsigned b = 0; b < LEDGER_ROUND_BUCKETS; b++)
		assert_int_equal(l->rounds[4].least[b], 0);
	free(l);
	free(now);
	return g->grows;
}

static uint64_t every(uint64_t r) { return r + 1; }
static uint64_t every_20(uint64_t r) { return r / 20; }
static uint64_t every_200(uint64_t r) { return r / 200; }
static uint64_t flat(uint64_t r)
{
	(void)r;
	return 7;
}
static uint64_t warming(uint64_t r) { return r < 400 ? r : 400; }
static uint64_t doubling(uint64_t r)
{
	uint64_t n = 1;
	while (n < r)
		n *= 2;
	return n;
}
static uint64_t sawtooth(uint64_t r) { return r % 50; }
static uint64_t falling(uint64_t r) { return 100000 - r; }
static uint64_t stops(uint64_t r) { return r < 790 ? r : 790; }

static void leaks_are_found(void **state)
{
	struct growth g;

	(void)state;
	assert_true(grows(100, every, &g));
	assert_true(g.per_round > 0.99 && g.per_round < 1.01);
	assert_true(grows(1000, every, &g));
	assert_true(g.per_round > 0.9 && g.per_round < 1.1);
	assert_true(grows(1000, every_20, &g));
	assert_true(g.per_round > 0.045 && g.per_round < 0.055);
	assert_true(grows(4000, every_200, &g));
	assert_true(grows(12345, every, &g));
}

static void others_are_not(void **state)
{
	struct growth g;

	(void)state;
	assert_false(grows(1000, flat, &g));
	assert_int_equal(g.floor[0], 7);
	assert_false(grows(1000, warming, &g));
	assert_false(grows(1000, doubling, &g));
	assert_false(grows(1000, sawtooth, &g));
	assert_false(grows(1000, falling, &g));
	assert_false(grows(1000, stops, &g));
	/* One block in the whole second half does not make a trend. */
	assert_false(grows(200, every_200, &g));
}

/* Up to as many rounds as buckets, the windows are exact. */
static void windows_are_exact(void **state)
{
	uint32_t least[20];
	struct growth g;

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		least[i] = i * i;
	assert_int_equal(growth_find(least, 20, 20, 1, &g), 0);
	assert_true(g.grows);
	assert_int_equal(g.floor[0], 100);
	assert_int_equal(g.floor[1], 144);
	assert_int_equal(g.floor[4], 18 * 18);
	least[16] = 100;
	assert_int_equal(growth_find(least, 20, 20, 1, &g), 0);
	assert_false(g.grows);
	assert_int_equal(g.floor[3], 100);
}

static void too_few_is_no_answer(void **state)
{
	uint32_t least[TIDE_ROUND_BUCKETS] = { 0 };
	struct growth g;

	(void)state;
	assert_int_equal(growth_find(least, 9, 9, 1, &g), -1);
	assert_int_equal(growth_find(least, 126, 1000, 4, &g), -1); /* 250 buckets would be needed */
	/* Numbers of a damaged file: sums of them wrap around. */
	assert_int_equal(growth_find(least, 126, UINT64_MAX, 3, &g), -1);
	assert_int_equal(growth_find(least, 126, UINT64_MAX, UINT64_MAX, &g), -1);
	assert_int_equal(growth_find(least, 126, UINT64_MAX - 1, (uint64_t)1 << 58, &g), -1);
	assert_int_equal(growth_find(least, 126, 1000, 0, &g), -1);
	assert_int_equal(growth_find(least, 126, 1000, 2000, &g), -1);
	assert_int_equal(growth_find(least, 126, UINT64_MAX, 1, &g), -1);
	assert_int_equal(growth_find(least, 10, 10, 1, &g), 0);
}

static void busy_and_full_are_counted(void **state)
{
	struct small_ledger *l = ledger_new();
	struct rounds_now now[8] = { { 0, 0 } };

	(void)state;
	l->h.rounds_busy = 1;
	rounds_note(&l->h, now, 8);
	assert_int_equal(l->h.missed[MISSED_ROUNDS], 1);
	assert_int_equal(l->h.rounds, 0);
	l->h.rounds_busy = 0;
	l->h.table[LEDGER_SITES].count = 20;
	rounds_note(&l->h, now, 8);
	assert_int_equal(l->h.missed[MISSED_ROUNDS], 13);
	assert_int_equal(l->h.rounds, 1);
	l->h.table[LEDGER_ROUNDS].capacity = 0;
	rounds_note(&l->h, now, 8);
	assert_int_equal(l->h.rounds, 1);
	free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaks_are_found),
		cmocka_unit_test(others_are_not),
		cmocka_unit_test(windows_are_exact),
		cmocka_unit_test(too_few_is_no_answer),
		cmocka_unit_test(busy_and_full_are_counted),
	};
	return cmocka_run_group_tests_name("growth", tests, NULL, NULL);
}
