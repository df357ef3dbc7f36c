/* components_test.c - strong components against their definition (each reaches the other), on
 * thousands of small random graphs; heads and containers on shapes that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "tests/lib/graph_make.h"
#include "report/analysis/components.h"

static void naive_closure(const struct snapshot *s, const uint8_t *state, uint32_t *reach)
{
	uint32_t n = (uint32_t)s->block_count;

	for (uint32_t i = 0; i < n; i++) {
		reach[i] = state[i] ? 0 : 1u << i;
		for (uint64_t k = s->edge_starts[i]; !state[i] && k < s->edge_starts[i + 1]; k++)
			if (!state[s->edges[k].block])
				reach[i] |= 1u << s->edges[k].block;
	}
	for (uint32_t k = 0; k < n; k++)
		for (uint32_t i = 0; i < n; i++)
			if (reach[i] >> k & 1)
				reach[i] |= reach[k];
}

static void random_graphs(void **unused)
{
	uint64_t seed = 7;
	(void)unused;

	for (int round = 0; round < 20000; round++) {
		struct graph_make y;
		struct snapshot s;
		struct graph g;
		struct components c;
		struct tide_error e;
		uint8_t state[16];
		uint32_t reach[16], n = 1 + graph_make_random(&seed, 12), members = 0;

		graph_make_new(&y, n, 0, 3);
		for (uint32_t k = graph_make_random(&seed, 2 * n + 1); k; k--)
			graph_make_edge(&y, graph_make_random(&seed, n), graph_make_random(&seed, n), 8 * k,
				graph_make_random(&seed, 3) ? 0 : 8, 0);
		s = graph_make_snapshot(&y);
		for (uint32_t i = 0; i < n; i++)
			state[i] = !graph_make_random(&seed, 6);
		assert_int_equal(graph_new(&g, &s, NULL, 0, &e), 0);
		components_find(&c, &g, state, NULL);
		naive_closure(&s, state, reach);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t size = 0;
			bool held = false;

			assert_int_equal(c.of[i] == GRAPH_NONE, state[i] != 0);
			for (uint32_t j = 0; !state[i] && j < n; j++) {
				bool to = reach[i] >> j & 1, from = reach[j] >> i & 1;

				size += to && from;
				if (!state[j]) {
					assert_int_equal(to && from, c.of[i] == c.of[j]);
					if (to && !from)
						assert_true(c.of[i] > c.of[j]);
					held |= from && !to;
				}
			}
			if (state[i])
				continue;
			assert_int_equal(c.size[c.of[i]], size);
			assert_int_equal(c.held[c.of[i]], held);
			members += size > 1;
		}
		assert_int_equal(c.cycle_start[c.cycles], members);
		for (uint32_t r = 0; r < c.cycles; r++)
			for (uint32_t k = c.cycle_start[r]; k < c.cycle_start[r + 1]; k++)
				assert_int_equal(c.of[c.cycle_block[k]], c.cycle[r]);
		components_free(&c);
		graph_free(&g);
		graph_make_free(&y);
	}
}

/* Finds the components of what a test has built; all of it is lost. */
static struct components find(struct graph_make *y, struct graph *g, struct snapshot *s)
{
	struct components c;
	struct tide_error e;
	uint8_t *state = alloc_zeroed(y->block_count, 1);

	*s = graph_make_snapshot(y);
	assert_int_equal(graph_new(g, s, NULL, 0, &e), 0);
	components_find(&c, g, state, NULL);
	free(state);
	return c;
}

static void done(struct graph_make *y, struct graph *g, struct components *c)
{
	components_free(c);
	graph_free(g);
	graph_make_free(y);
}

/* Nodes in a line, linked both ways, of site 2. */
static void links(struct graph_make *y, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last; i++)
		y->blocks[i].site = 2;
	for (uint32_t i = first; i < last; i++) {
		graph_make_edge(y, i, i + 1, 0, 0, 0);
		graph_make_edge(y, i + 1, i, 8, 0, 0);
	}
}

static void list_is_container(void **unused)
{
	struct graph_make y;
	struct graph g;
	struct components c;
	struct snapshot s;
	(void)unused;

	graph_make_new(&y, 10, 0, 3);
	links(&y, 0, 9);
	c = find(&y, &g, &s);
	assert_int_equal(c.cycles, 1);
	assert_int_equal(c.container[0], 1);
	assert_int_equal(c.head[0], 0); /* the oldest */
	done(&y, &g, &c);
}

/* A list object (site 1, younger than its nodes) whose header the nodes refer to at offset 8. */
static void owner_is_head(void **unused)
{
	struct graph_make y;
	struct graph g;
	struct components c;
	struct snapshot s;
	(void)unused;

	graph_make_new(&y, 11, 0, 3);
	links(&y, 0, 9);
	y.blocks[10].site = 1;
	graph_make_edge(&y, 10, 0, 8, 0, 0);
	graph_make_edge(&y, 10, 9, 16, 0, 0);
	graph_make_edge(&y, 0, 10, 8, 8, 0);
	graph_make_edge(&y, 9, 10, 0, 8, 0);
	c = find(&y, &g, &s);
	assert_int_equal(c.cycles, 1);
	assert_int_equal(c.size[c.cycle[0]], 11);
	assert_int_equal(c.head[0], 10);
	assert_int_equal(c.container[0], 1);
	done(&y, &g, &c);
}

static void two_sites_are_a_cycle(void **unused)
{
	struct graph_make y;
	struct graph g;
	struct components c;
	struct snapshot s;
	(void)unused;

	graph_make_new(&y, 3, 0, 3); /* sites 1, 2, 3 */
	graph_make_edge(&y, 0, 1, 0, 0, 0);
	graph_make_edge(&y, 1, 2, 0, 0, 0);
	graph_make_edge(&y, 2, 0, 16, 0, 0);
	c = find(&y, &g, &s);
	assert_int_equal(c.cycles, 1);
	assert_int_equal(c.container[0], 0);
	done(&y, &g, &c);
}

/* Two objects of make_shared that hold each other: {element at 16, counts at 0}. */
static void shared_pointers_are_a_cycle(void **unused)
{
	struct graph_make y;
	struct graph g;
	struct components c;
	struct snapshot s;
	(void)unused;

	graph_make_new(&y, 2, 0, 1);
	for (uint32_t i = 0; i < 2; i++) {
		graph_make_edge(&y, i, 1 - i, 24, 16, EDGE_EXPLAINED);
		graph_make_edge(&y, i, 1 - i, 32, 0, 0);
	}
	c = find(&y, &g, &s);
	assert_int_equal(c.cycles, 1);
	assert_int_equal(c.container[0], 0);
	done(&y, &g, &c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(list_is_container),
		cmocka_unit_test(owner_is_head),
		cmocka_unit_test(two_sites_are_a_cycle),
		cmocka_unit_test(shared_pointers_are_a_cycle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
