/* graph_test.c - the graph itself, and reachability against a relaxation without queues. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "tests/lib/graph_make.h"
#include "report/analysis/reach.h"

#define FAR 1000u

/* Least number of hops by references of `kinds` from roots of one rank; FAR when none. */
static void naive_distance(const struct snapshot *s, bool inside, uint32_t kind, uint32_t *distance)
{
	bool again;

	for (uint32_t i = 0; i < s->block_count; i++)
		distance[i] = FAR;
	for (uint32_t i = 0; i < s->root_edge_count; i++)
		if ((inside || !(s->root_edges[i].flags & EDGE_INTERIOR)
			    || s->root_edges[i].flags & EDGE_EXPLAINED)
			&& (!kind || s->roots[s->root_edges[i].root].kind == kind))
			distance[s->root_edges[i].block] = 1;
	do {
		again = false;
		for (uint32_t i = 0; i < s->block_count; i++)
			for (uint64_t k = s->edge_starts[i]; k < s->edge_starts[i + 1]; k++) {
				const struct tide_edge *e = &s->edges[k];
				bool strong = !(e->flags & EDGE_INTERIOR) || e->flags & EDGE_EXPLAINED;

				if (!(s->blocks[i].flags & BLOCK_WEAK) && (strong || inside)
					&& distance[i] + 1 < distance[e->block]) {
					distance[e->block] = distance[i] + 1;
					again = true;
				}
			}
	} while (again);
}

static void check_path(const struct snapshot *s, const struct graph *g, const struct reach *r, uint32_t block)
{
	uint32_t full[16], any[16], kind, edge, *path;
	size_t count;

	naive_distance(s, false, 0, full);
	naive_distance(s, true, 0, any);
	assert_int_equal(r->state[block],
		full[block] < FAR          ? REACH_FULL
			: any[block] < FAR ? REACH_INSIDE
					   : REACH_LOST);
	path = reach_path(r, g, block, &count, &edge);
	if (any[block] >= FAR) {
		assert_null(path);
		return;
	}
	assert_int_equal(path[count - 1], block);
	assert_int_equal(s->root_edges[edge].block, path[0]);
	for (size_t i = 0; i + 1 < count; i++) {
		bool found = false;

		for (uint64_t k = s->edge_starts[path[i]]; k < s->edge_starts[path[i] + 1]; k++)
			found |= s->edges[k].block == path[i + 1];
		assert_true(found);
	}
	if (full[block] >= FAR) {
		free(path);
		return;
	}
	for (kind = ROOT_GLOBAL; kind <= ROOT_KERNEL; kind++) {
		naive_distance(s, false, kind, full);
		if (full[block] < FAR)
			break;
	}
	assert_int_equal(s->roots[s->root_edges[edge].root].kind, kind);
	free(path);
}

static void random_graphs(void **unused)
{
	uint64_t seed = 3;
	(void)unused;

	for (int round = 0; round < 5000; round++) {
		struct graph_make y;
		struct snapshot s;
		struct graph g;
		struct reach r;
		struct tide_error e;
		uint32_t n = 1 + graph_make_random(&seed, 10);

		graph_make_new(&y, n, 7, 2);
		for (uint32_t i = 0; i < n; i++)
			y.blocks[i].flags = graph_make_random(&seed, 8) ? 0 : BLOCK_WEAK;
		for (uint32_t k = graph_make_random(&seed, 2 * n); k; k--)
			graph_make_edge(&y, graph_make_random(&seed, n), graph_make_random(&seed, n), 8 * k,
				graph_make_random(&seed, 2) * 8,
				graph_make_random(&seed, 2) ? EDGE_EXPLAINED : 0);
		for (uint32_t k = graph_make_random(&seed, 4); k; k--)
			graph_make_root(&y, graph_make_random(&seed, 7), graph_make_random(&seed, n),
				graph_make_random(&seed, 2) * 8, 0);
		s = graph_make_snapshot(&y);
		assert_int_equal(graph_new(&g, &s, NULL, 0, &e), 0);
		reach_find(&r, &g, true);
		for (uint32_t i = 0; i < n; i++)
			check_path(&s, &g, &r, i);
		reach_free(&r);
		graph_free(&g);
		graph_make_free(&y);
	}
}

static void shortest_of_its_kind(void **unused)
{
	struct graph_make y;
	struct snapshot s;
	struct graph g;
	struct reach r;
	struct tide_error e;
	uint32_t edge, *path;
	size_t count;
	(void)unused;

	/* Global 0 -> 0 -> 1 -> 2 -> 3, 0 -> 2; stack root 3 -> 3 directly. */
	graph_make_new(&y, 4, 7, 1);
	graph_make_edge(&y, 0, 1, 0, 0, 0);
	graph_make_edge(&y, 1, 2, 0, 0, 0);
	graph_make_edge(&y, 0, 2, 8, 0, 0);
	graph_make_edge(&y, 2, 3, 0, 0, 0);
	graph_make_root(&y, 3, 3, 0, 0);
	graph_make_root(&y, 0, 0, 0, 0);
	s = graph_make_snapshot(&y);
	assert_int_equal(graph_new(&g, &s, NULL, 0, &e), 0);
	reach_find(&r, &g, true);
	path = reach_path(&r, &g, 3, &count, &edge);
	assert_int_equal(count, 3);
	assert_int_equal(path[1], 2);
	assert_int_equal(s.root_edges[edge].root, 0);
	free(path);
	reach_free(&r);
	graph_free(&g);
	graph_make_free(&y);
}

static void kept_without_root(void **unused)
{
	struct graph_make y;
	struct snapshot s;
	struct graph g;
	struct reach r;
	struct tide_error e;
	uint32_t edge, *path;
	size_t count;
	(void)unused;

	graph_make_new(&y, 4, 0, 1);
	y.blocks[1].flags = BLOCK_IGNORED;
	y.blocks[3].flags = BLOCK_NEW;
	graph_make_edge(&y, 1, 2, 0, 0, 0);
	s = graph_make_snapshot(&y);
	assert_int_equal(graph_new(&g, &s, NULL, 0, &e), 0);
	reach_find(&r, &g, true);
	assert_int_equal(r.state[0], REACH_LOST);
	for (uint32_t i = 1; i < 4; i++)
		assert_int_equal(r.state[i], REACH_FULL);
	path = reach_path(&r, &g, 2, &count, &edge);
	assert_int_equal(count, 2);
	assert_int_equal(edge, GRAPH_NONE);
	free(path);
	reach_free(&r);
	graph_free(&g);
	graph_make_free(&y);
}

/* Nothing in a file is trusted: blocks and roots that do not exist, rows that overlap or run backwards. */
static void damaged_rows(void **unused)
{
	uint64_t seed = 11;
	(void)unused;

	for (int round = 0; round < 5000; round++) {
		struct graph_make y;
		struct snapshot s;
		struct graph g;
		struct reach r;
		struct tide_error e;
		uint32_t n = 1 + graph_make_random(&seed, 8), *roots, *blocks;

		graph_make_new(&y, n, 3, 2);
		for (uint32_t k = 0; k < 2 * n; k++)
			graph_make_edge(
				&y, graph_make_random(&seed, n), graph_make_random(&seed, n), 0, 0, 0);
		graph_make_root(&y, graph_make_random(&seed, 5), graph_make_random(&seed, 2 * n), 0, 0);
		s = graph_make_snapshot(&y);
		for (uint32_t k = 0; k < 3; k++)
			y.starts[graph_make_random(&seed, n + 1)] = graph_make_random(&seed, 4)
				? graph_make_random(&seed, 20)
				: UINT64_MAX - graph_make_random(&seed, 3);
		y.edges[graph_make_random(&seed, (uint32_t)y.edge_count)].block =
			n + graph_make_random(&seed, 9);
		if (!graph_make_random(&seed, 4))
			s.edge_start_count = graph_make_random(&seed, n + 1);
		assert_int_equal(graph_new(&g, &s, NULL, 0, &e), 0);
		assert_true(g.start[n] <= s.edge_count);
		for (uint32_t k = 0; k < g.start[n]; k++)
			assert_true((g.out[k] & GRAPH_BLOCK) < n);
		graph_reverse(&g);
		reach_find(&r, &g, true);
		graph_found(&g, &roots, &blocks);
		free(roots);
		free(blocks);
		reach_free(&r);
		graph_free(&g);
		graph_make_free(&y);
	}
}

static void reversed(void **unused)
{
	struct graph_make y;
	struct snapshot s;
	struct graph g;
	struct tide_error e;
	uint32_t *roots, *blocks;
	(void)unused;

	graph_make_new(&y, 3, 2, 1);
	graph_make_edge(&y, 0, 2, 0, 0, 0);
	graph_make_edge(&y, 1, 2, 0, 8, 0);
	graph_make_edge(&y, 2, 2, 0, 0, 0);
	graph_make_edge(&y, 0, 1, 8, 0, 0);
	graph_make_root(&y, 1, 0, 0, 0);
	graph_make_root(&y, 0, 0, 0, 0);
	s = graph_make_snapshot(&y);
	assert_int_equal(graph_new(&g, &s, NULL, 0, &e), 0);
	graph_reverse(&g);
	assert_int_equal(g.in_start[0], g.in_start[1]);
	assert_int_equal(g.in_start[3] - g.in_start[2], 3);
	assert_int_equal(g.in[g.in_start[1]], 0);
	assert_int_equal(g.in[g.in_start[2] + 1], 1);
	graph_found(&g, &roots, &blocks);
	assert_int_equal(roots[0], 2);
	assert_int_equal(blocks[2], 3);
	free(roots);
	free(blocks);
	graph_free(&g);
	y.process.references = 0;
	assert_int_equal(graph_new(&g, &s, NULL, 0, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	graph_make_free(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(shortest_of_its_kind),
		cmocka_unit_test(kept_without_root),
		cmocka_unit_test(damaged_rows),
		cmocka_unit_test(reversed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
