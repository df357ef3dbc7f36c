/* dominate_test.c - dominators against their definition: a dominates b when b cannot be
 * reached without a. Thousands of small random graphs; and long shapes, for depth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "tests/lib/graph_make.h"
#include "report/analysis/dominate.h"

#define MOST 16

struct small {
	uint32_t blocks, extras, start[MOST + 1], out[200], extra_start[MOST + 1], extra_out[200];
};

static void make_small(struct small *m, uint64_t *seed)
{
	uint32_t n = 0;

	memset(m, 0, sizeof(*m));
	m->blocks = 1 + graph_make_random(seed, 9);
	m->extras = 1 + graph_make_random(seed, 3);
	for (uint32_t i = 0; i < m->blocks; i++) {
		for (uint32_t k = graph_make_random(seed, 4); k; k--)
			m->out[n++] = graph_make_random(seed, m->blocks)
				| (graph_make_random(seed, 4) ? 0 : GRAPH_INSIDE);
		m->start[i + 1] = n;
	}
	n = 0;
	for (uint32_t i = 0; i < m->extras; i++) {
		for (uint32_t k = 1 + graph_make_random(seed, 3); k; k--)
			m->extra_out[n++] =
				graph_make_random(seed, m->blocks + (i == m->extras - 1 ? m->extras - 1 : 0));
		m->extra_start[i + 1] = n;
	}
}

/* Nodes reached when `without` is taken away, by relaxing until nothing changes. */
static uint32_t naive_reach(const struct small *m, uint32_t without)
{
	uint32_t nodes = m->blocks + m->extras, set = without == nodes - 1 ? 0 : 1u << (nodes - 1), old;

	do {
		old = set;
		for (uint32_t u = 0; u < nodes; u++) {
			const uint32_t *start =
				u < m->blocks ? m->start + u : m->extra_start + (u - m->blocks);
			const uint32_t *out = u < m->blocks ? m->out : m->extra_out;

			for (uint32_t k = start[0]; set >> u & 1 && k < start[1]; k++) {
				uint32_t v = out[k] & GRAPH_BLOCK;

				if (v != without)
					set |= 1u << v;
			}
		}
	} while (set != old);
	return set;
}

static void random_graphs(void **state)
{
	uint64_t seed = 1;
	(void)state;

	for (int round = 0; round < 20000; round++) {
		struct small m;
		struct dominate d;
		uint32_t nodes, all, dominated[MOST];

		make_small(&m, &seed);
		nodes = m.blocks + m.extras;
		dominate_find(&d,
			&(struct dominate_graph){
				m.blocks, m.extras, m.start, m.out, m.extra_start, m.extra_out });
		all = naive_reach(&m, UINT32_MAX);
		assert_int_equal(d.count, __builtin_popcount(all));
		for (uint32_t i = 0; i < nodes; i++) {
			assert_int_equal(d.number[i] != GRAPH_NONE, all >> i & 1);
			dominated[i] = all & ~naive_reach(&m, i); /* itself included */
		}
		for (uint32_t i = 0; i < d.count; i++) {
			uint32_t mine = 0;

			assert_int_equal(d.number[d.node[i]], i);
			assert_true(i ? d.dominator[i] < i : d.dominator[i] == 0);
			for (uint32_t j = 0; j < d.count; j++) {
				uint32_t up = j;

				while (up > i)
					up = d.dominator[up];
				if (up == i)
					mine |= 1u << d.node[j];
			}
			assert_int_equal(mine, dominated[d.node[i]]);
		}
		dominate_free(&d);
	}
}

static void weights(void **state)
{
	/* The beginning holds 0; 0 -> 1, 0 -> 2, 1 -> 3, 2 -> 3, 3 -> 4. */
	uint32_t start[] = { 0, 2, 3, 4, 5, 5 }, out[] = { 1, 2, 3, 3, 4 }, extra_start[] = { 0, 1 },
		 extra_out[] = { 0 };
	uint32_t *first, *child;
	uint8_t left_out[5] = { 0, 0, 0, 0, 2 };
	struct graph_make y;
	struct snapshot s;
	struct dominate d;
	(void)state;

	graph_make_new(&y, 5, 0, 1);
	for (uint32_t i = 0; i < 5; i++)
		y.blocks[i].bytes = 1u << i;
	s = graph_make_snapshot(&y);
	dominate_find(&d, &(struct dominate_graph){ 5, 1, start, out, extra_start, extra_out });
	dominate_weigh(&d, &s, NULL, 0);
	assert_int_equal(d.bytes[0], 31);
	assert_int_equal(d.bytes[d.number[0]], 31);
	assert_int_equal(d.bytes[d.number[1]], 2);
	assert_int_equal(d.bytes[d.number[3]], 8 + 16);
	assert_int_equal(d.blocks[d.number[3]], 2);
	dominate_children(&d, &first, &child);
	assert_int_equal(first[d.number[0] + 1] - first[d.number[0]], 3);
	assert_int_equal(child[first[d.number[3]]], d.number[4]);
	free(first);
	free(child);
	free(d.bytes);
	free(d.blocks);
	dominate_weigh(&d, &s, left_out, 2);
	assert_int_equal(d.bytes[0], 15);
	assert_int_equal(d.blocks[d.number[3]], 1);
	dominate_free(&d);
	graph_make_free(&y);
}

/* A chain, a million deep, with references back to its first third. */
static void deep_chain(void **state)
{
	enum { N = 1000000 };
	uint32_t *start = alloc_bytes((N + 1) * sizeof(*start)), *out = alloc_bytes(2 * N * sizeof(*out)),
		 n = 0;
	uint32_t extra_start[] = { 0, 1 }, extra_out[] = { 0 };
	struct dominate d;
	(void)state;

	for (uint32_t i = 0; i < N; i++) {
		start[i] = n;
		if (i + 1 < N)
			out[n++] = i + 1;
		if (i % 3 == 0)
			out[n++] = i / 3;
	}
	start[N] = n;
	dominate_find(&d, &(struct dominate_graph){ N, 1, start, out, extra_start, extra_out });
	assert_int_equal(d.count, N + 1);
	for (uint32_t i = 1; i < d.count; i++)
		assert_int_equal(d.dominator[i], i - 1);
	dominate_free(&d);
	free(start);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(weights),
		cmocka_unit_test(deep_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
