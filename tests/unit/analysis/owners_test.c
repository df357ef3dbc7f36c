/* One owner for each block: by the order of the roots' kinds, and all holders of each block against plain reachability
 * in random graphs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "report/analysis/graph.h"
#include "report/analysis/owners.h"
#include "tests/lib/graph_make.h"

#define BLOCKS 12u
#define ROOTS 5u

/* Roots are the first extras; the last extra is the whole, and leads to nothing here. */
struct small {
	uint32_t start[BLOCKS + 1], out[BLOCKS * 4];
	uint32_t extra_start[ROOTS + 2], extra_out[ROOTS * 4];
	struct tide_root roots[ROOTS];
	struct tide_block blocks[BLOCKS];
	struct dominate_graph graph;
	struct snapshot snapshot;
};

static void begin(struct small *m)
{
	memset(m, 0, sizeof(*m));
	m->graph =
		(struct dominate_graph){ BLOCKS, ROOTS + 1, m->start, m->out, m->extra_start, m->extra_out };
	m->snapshot = (struct snapshot){
		.roots = m->roots, .root_count = ROOTS, .blocks = m->blocks, .block_count = BLOCKS
	};
	for (uint32_t i = 0; i < BLOCKS; i++)
		m->blocks[i].bytes = 1;
}

static void make_random(struct small *m, uint64_t *seed)
{
	uint32_t n = 0;

	begin(m);
	for (uint32_t i = 0; i < BLOCKS; i++) {
		for (uint32_t k = graph_make_random(seed, 4); k; k--)
			m->out[n++] = graph_make_random(seed, BLOCKS)
				| (graph_make_random(seed, 4) ? 0 : GRAPH_INSIDE);
		m->start[i + 1] = n;
	}
	n = 0;
	for (uint32_t i = 0; i < ROOTS; i++) {
		for (uint32_t k = graph_make_random(seed, 3); k; k--)
			m->extra_out[n++] = graph_make_random(seed, BLOCKS);
		m->extra_start[i + 1] = n;
		m->roots[i].kind = 1 + graph_make_random(seed, 3);
	}
	m->extra_start[ROOTS + 1] = n;
}

/* Bits of the blocks that a root reaches, by relaxing until nothing changes. */
static uint32_t reach(const struct small *m, uint32_t root)
{
	uint32_t set = 0, old;

	for (uint32_t k = m->extra_start[root]; k < m->extra_start[root + 1]; k++)
		set |= 1u << m->extra_out[k];
	do {
		old = set;
		for (uint32_t b = 0; b < BLOCKS; b++)
			for (uint32_t k = m->start[b]; set >> b & 1 && k < m->start[b + 1]; k++)
				set |= 1u << (m->out[k] & GRAPH_BLOCK);
	} while (set != old);
	return set;
}

/* The root above each node of the tree; ROOTS: none. */
static uint32_t owner_of(const struct owners *o, uint32_t at)
{
	while (at && (o->node[at] < BLOCKS || o->node[at] >= BLOCKS + ROOTS))
		at = o->parent[at];
	return at ? o->node[at] - BLOCKS : ROOTS;
}

static void check_random(const struct small *m)
{
	uint32_t reached[ROOTS], all = 0, seen = 0;
	struct owners o;

	owners_find(&o, &m->graph, &m->snapshot, ROOTS);
	for (uint32_t r = 0; r < ROOTS; r++)
		all |= reached[r] = reach(m, r);
	assert_int_equal(o.named_count, ROOTS);
	for (uint32_t i = 0; i < o.count; i++) {
		uint32_t b = o.node[i], owner = owner_of(&o, i), best = UINT32_MAX;

		assert_true(!i || o.parent[i] < i);
		if (b >= BLOCKS)
			continue;
		assert_false(seen >> b & 1);
		seen |= 1u << b;
		assert_true(owner < ROOTS && reached[owner] >> b & 1);
		/* OW1: no root of an earlier kind reaches it. */
		for (uint32_t r = 0; r < ROOTS; r++)
			if (reached[r] >> b & 1 && m->roots[r].kind < best)
				best = m->roots[r].kind;
		assert_int_equal(m->roots[owner].kind, best);
	}
	assert_int_equal(seen, all);
	/* OW2 */
	for (uint32_t b = 0; b < BLOCKS; b++)
		for (uint32_t k = 0; k < o.named_count; k++)
			assert_int_equal(o.holders[b] >> k & 1, reached[o.named[k]] >> b & 1);
	owners_free(&o);
}

static void random_graphs(void **state)
{
	static struct small m;
	uint64_t seed = 16;

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		make_random(&m, &seed);
		check_random(&m);
	}
}

/* A stack (kind 2) is nearer to the block than the global variable (kind 1), which owns it all the same. */
static void the_steadier_root_owns(void **state)
{
	static struct small m;
	struct owners o;

	(void)state;
	begin(&m);
	m.out[0] = 1;
	for (uint32_t i = 1; i <= BLOCKS; i++)
		m.start[i] = 1;
	m.extra_out[0] = 1; /* root 0: directly */
	m.extra_out[1] = 0; /* root 1: by way of block 0 */
	m.extra_start[1] = 1;
	for (uint32_t i = 2; i <= ROOTS + 1; i++)
		m.extra_start[i] = 2;
	for (uint32_t i = 0; i < ROOTS; i++)
		m.roots[i].kind = 2;
	m.roots[1].kind = 1;
	owners_find(&o, &m.graph, &m.snapshot, ROOTS);
	for (uint32_t i = 0; i < o.count; i++)
		if (o.node[i] == 1)
			assert_int_equal(owner_of(&o, i), 1);
	/* Root 1 is charged with both blocks, and so has the first bit. */
	assert_int_equal(o.named[0], 1);
	assert_int_equal(o.holders[0], 1);
	assert_true(o.holders[1] & 1 && o.holders[1] & ~1ull);
	owners_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_graphs),
		cmocka_unit_test(the_steadier_root_owns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
