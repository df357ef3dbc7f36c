/* leaks_test.c - kinds, suppression and retained sizes against their definitions, computed
 * naively, on thousands of small random heaps; then what the sums mean on known ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "report/base/alloc.h"
#include "tests/lib/graph_make.h"
#include "report/analysis/leaks.h"
#include "report/analysis/retained.h"

#define MOST 12

static struct suppress *none(void) { return alloc_zeroed(1, sizeof(struct suppress)); }

/* Bits of blocks reached from `from` by references that `inside` allows, not through blocks of `without`. */
static uint32_t spread(const struct snapshot *s, uint32_t from, bool inside, uint32_t without)
{
	uint32_t set = from & ~without, old;

	do {
		old = set;
		for (uint32_t i = 0; i < s->block_count; i++)
			for (uint64_t k = s->edge_starts[i]; set >> i & 1 && k < s->edge_starts[i + 1]; k++) {
				const struct tide_edge *e = &s->edges[k];

				if (!(s->blocks[i].flags & BLOCK_WEAK) && (inside || !graph_inside(e->flags)))
					set |= (1u << e->block) & ~without;
			}
	} while (set != old);
	return set;
}

static uint32_t roots_of(const struct snapshot *s, bool inside)
{
	uint32_t set = 0;

	for (size_t i = 0; i < s->root_edge_count; i++)
		if (inside || !graph_inside(s->root_edges[i].flags))
			set |= 1u << s->root_edges[i].block;
	return set;
}

/* Kinds by definition: lost blocks that no lost block outside their mutual reach refers to. */
static void naive_kinds(const struct snapshot *s, enum leak_kind *kind)
{
	uint32_t n = (uint32_t)s->block_count, full = spread(s, roots_of(s, false), false, 0);
	uint32_t live = spread(s, roots_of(s, true) | full, true, 0), reach[MOST];

	for (uint32_t i = 0; i < n; i++)
		reach[i] = spread(s, 1u << i, true, live);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t ring = 0, held = 0;

		for (uint32_t j = 0; j < n; j++) {
			if (live >> i & 1 || live >> j & 1)
				continue;
			if (reach[i] >> j & 1 && reach[j] >> i & 1)
				ring |= 1u << j;
			else if (reach[j] >> i & 1)
				held = 1;
		}
		if (live >> i & 1)
			kind[i] = full >> i & 1 ? LEAK_REACHABLE : LEAK_POSSIBLE;
		else if (held)
			kind[i] = LEAK_INDIRECT;
		else
			kind[i] = ring & (ring - 1) ? LEAK_CYCLE : LEAK_UNREFERENCED;
	}
}

static void random_heap(struct graph_make *y, uint64_t *seed)
{
	uint32_t n = 1 + graph_make_random(seed, MOST - 1);

	graph_make_new(y, n, 2, 4);
	for (uint32_t i = 0; i < n; i++)
		y->blocks[i].flags = graph_make_random(seed, 10) ? 0 : BLOCK_WEAK;
	for (uint32_t k = graph_make_random(seed, 2 * n); k; k--)
		graph_make_edge(y, graph_make_random(seed, n), graph_make_random(seed, n), 8 * k,
			graph_make_random(seed, 3) ? 0 : 8, graph_make_random(seed, 2) ? EDGE_EXPLAINED : 0);
	for (uint32_t k = graph_make_random(seed, 3); k; k--)
		graph_make_root(y, graph_make_random(seed, 2), graph_make_random(seed, n),
			graph_make_random(seed, 2) * 8, 0);
}

static uint64_t bytes_of(const struct snapshot *s, uint32_t set)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->block_count; i++)
		if (set >> i & 1)
			sum += s->blocks[i].bytes;
	return sum;
}

static void check_heap(const struct snapshot *s, const struct leaks *l)
{
	enum leak_kind kind[MOST];
	struct leak_sum total[LEAK_KINDS] = { { 0, 0 } }, records[LEAK_KINDS] = { { 0, 0 } };
	uint32_t tops = 0, n = (uint32_t)s->block_count;

	naive_kinds(s, kind);
	for (uint32_t i = 0; i < n; i++) {
		assert_int_equal(l->kind[i] & LEAK_KIND_MASK, kind[i]);
		total[kind[i]].blocks++;
		total[kind[i]].bytes += s->blocks[i].bytes;
		if (kind[i] <= LEAK_CYCLE)
			tops |= 1u << i;
	}
	for (size_t i = 0; i < l->record_count; i++) {
		records[l->records[i].kind].blocks += l->records[i].blocks;
		records[l->records[i].kind].bytes += l->records[i].bytes;
	}
	assert_memory_equal(total, l->total, sizeof(total));
	assert_memory_equal(total, records, sizeof(total));
	/* A group retains what no other group's blocks reach. */
	for (uint32_t g = 0; g < l->group_count; g++) {
		uint32_t mine = 0, live = spread(s, roots_of(s, true), true, 0),
			 lost = ((1u << n) - 1) & ~live;

		for (uint32_t i = 0; i < n; i++)
			if (l->group_of[i] == g)
				mine |= 1u << i;
		mine = lost & ~spread(s, tops & ~mine, true, live);
		assert_int_equal(l->groups[g].retained_bytes, bytes_of(s, mine));
		assert_int_equal(l->groups[g].retained_blocks, __builtin_popcount(mine));
	}
}

static void random_heaps(void **state)
{
	uint64_t seed = 5;
	(void)state;

	for (int round = 0; round < 5000; round++) {
		struct graph_make y;
		struct snapshot s;
		struct leaks l;
		struct tide_error e;
		struct suppress *empty = none();

		random_heap(&y, &seed);
		s = graph_make_snapshot(&y);
		assert_int_equal(leaks_classify(&s, &(struct leaks_options){ .suppress = empty }, &l, &e), 0);
		check_heap(&s, &l);
		leaks_free(&l);
		suppress_free(empty);
		graph_make_free(&y);
	}
}

/* What each block, root and set of blocks retains: whatever is not reached without it. */
static void random_retained(void **state)
{
	uint64_t seed = 9;
	(void)state;

	for (int round = 0; round < 3000; round++) {
		struct graph_make y;
		struct snapshot s;
		struct leaks l;
		struct retained r;
		struct tide_error e;
		struct suppress *empty = none();
		uint32_t tops = 0, all, n;
		uint8_t drop[MOST] = { 0 };

		random_heap(&y, &seed);
		s = graph_make_snapshot(&y);
		n = (uint32_t)s.block_count;
		all = (1u << n) - 1;
		assert_int_equal(leaks_classify(&s, &(struct leaks_options){ .suppress = empty }, &l, &e), 0);
		retained_find(&r, &s, &l);
		for (uint32_t i = 0; i < n; i++)
			if ((l.kind[i] & LEAK_KIND_MASK) <= LEAK_CYCLE)
				tops |= 1u << i;
		for (uint32_t i = 0; i < n; i++) {
			uint32_t gone = all & ~spread(&s, roots_of(&s, true) | tops, true, 1u << i);
			struct leak_sum dropped;

			assert_int_equal(retained_block(&r, i).bytes, bytes_of(&s, gone));
			drop[i] = 1;
			dropped = retained_drop(&s, &l, drop);
			drop[i] = 0;
			assert_int_equal(dropped.bytes, bytes_of(&s, gone));
			assert_int_equal(dropped.blocks, __builtin_popcount(gone));
		}
		for (uint32_t k = 0; k < 2; k++) {
			uint32_t others = 0;

			for (size_t i = 0; i < s.root_edge_count; i++)
				if (s.root_edges[i].root != k)
					others |= 1u << s.root_edges[i].block;
			assert_int_equal(retained_root(&r, k).bytes,
				bytes_of(&s, all & ~spread(&s, others | tops, true, 0)));
		}
		retained_free(&r);
		leaks_free(&l);
		suppress_free(empty);
		graph_make_free(&y);
	}
}

/* Sites: 1 a root leak with 2 below; 3 another that also holds 4; 4 is held by 2 as well. */
static void shared_belongs_to_neither(void **state)
{
	struct graph_make y;
	struct snapshot s;
	struct leaks l;
	struct tide_error e;
	struct suppress *empty = none();
	(void)state;

	graph_make_new(&y, 4, 0, 4);
	for (uint32_t i = 0; i < 4; i++)
		y.blocks[i].bytes = 100 + i;
	graph_make_edge(&y, 0, 1, 0, 0, 0);
	graph_make_edge(&y, 1, 3, 0, 0, 0);
	graph_make_edge(&y, 2, 3, 0, 0, 0);
	s = graph_make_snapshot(&y);
	assert_int_equal(leaks_classify(&s, &(struct leaks_options){ .suppress = empty }, &l, &e), 0);
	assert_int_equal(l.group_count, 2);
	assert_int_equal(l.groups[0].retained_bytes, 201);
	assert_int_equal(l.groups[1].retained_bytes, 102);
	assert_int_equal(l.shared.bytes, 103);
	assert_int_equal(l.root_leaks, 2);
	assert_true(l.complete);
	leaks_free(&l);
	suppress_free(empty);
	graph_make_free(&y);
}

static void baseline_and_marks(void **state)
{
	struct graph_make y;
	struct snapshot s;
	struct leaks l;
	struct tide_error e;
	struct suppress *empty = none();
	struct tide_mark mark = { .birth = 1, .kind = MARK_FREEZE };
	(void)state;

	graph_make_new(&y, 4, 0, 4); /* births 0 .. 3 */
	s = graph_make_snapshot(&y);
	s.marks = &mark;
	s.mark_count = 1;
	assert_int_equal(leaks_classify(&s, &(struct leaks_options){ .suppress = empty }, &l, &e), 0);
	assert_int_equal(l.lost.blocks, 2);
	assert_int_equal(l.before.blocks, 2);
	leaks_free(&l);
	assert_int_equal(leaks_classify(&s,
				 &(struct leaks_options){
					 .suppress = empty, .baseline = true, .since = 0, .until = 2 },
				 &l, &e),
		0);
	assert_int_equal(l.lost.blocks, 3);
	leaks_free(&l);
	y.process.complete = 0;
	assert_int_equal(leaks_classify(&s, &(struct leaks_options){ .suppress = empty }, &l, &e), 0);
	assert_false(l.complete);
	assert_true(strlen(l.why) > 0);
	leaks_free(&l);
	y.process.references = 0;
	assert_int_equal(leaks_classify(&s, &(struct leaks_options){ .suppress = empty }, &l, &e), -1);
	assert_int_equal(e.code, EXIT_UNMEASURED);
	suppress_free(empty);
	graph_make_free(&y);
}

/* Frames 1 .. n of a snapshot have stored names f1 .. fn; site i is frame i. */
static void name_sites(
	struct snapshot *s, struct graph_make *y, struct tide_frame *frames, struct tide_symbol *symbols)
{
	static const char strings[] = "\0f1\0f2\0f3\0f4\0f5";

	for (uint32_t i = 1; i <= 5; i++) {
		y->sites[i].frame = i;
		y->sites[i].depth = 1;
		frames[i] = (struct tide_frame){ .address = 0x400000 + i };
		symbols[i - 1] = (struct tide_symbol){ .frame = i, .function = 1 + (i - 1) * 3 };
	}
	s->strings = strings;
	s->strings_bytes = sizeof(strings);
	s->frames = frames;
	s->frame_count = 6;
	s->symbols = symbols;
	s->symbol_count = 5;
}

static struct leak_sum suppressed_by(struct snapshot *s, const char *rule, struct leak_sum *lost)
{
	struct suppress *own = none();
	struct tide_error e;
	struct leaks l;
	struct leak_sum sum;

	assert_int_equal(suppress_parse(own, "test", rule, strlen(rule), &e), 0);
	assert_int_equal(leaks_classify(s, &(struct leaks_options){ .suppress = own }, &l, &e), 0);
	sum = l.suppressed;
	*lost = l.lost;
	assert_int_equal(own->rules[0].blocks, sum.blocks);
	assert_int_equal(own->rules[0].bytes, sum.bytes);
	leaks_free(&l);
	suppress_free(own);
	return sum;
}

/* f1 -> f2 -> f3, f4 -> f3, ring f5 of two; all lost. */
static void suppression_covers_what_is_below(void **state)
{
	struct graph_make y;
	struct snapshot s;
	struct tide_frame frames[6] = { { 0 } };
	struct tide_symbol symbols[5];
	struct leak_sum lost;
	(void)state;

	graph_make_new(&y, 6, 0, 5);
	for (uint32_t i = 0; i < 6; i++)
		y.blocks[i].site = i < 5 ? i + 1 : 5;
	graph_make_edge(&y, 0, 1, 0, 0, 0);
	graph_make_edge(&y, 1, 2, 0, 0, 0);
	graph_make_edge(&y, 3, 2, 0, 0, 0);
	graph_make_edge(&y, 4, 5, 0, 0, 0);
	graph_make_edge(&y, 5, 4, 0, 0, 0);
	s = graph_make_snapshot(&y);
	name_sites(&s, &y, frames, symbols);
	/* The root and what only it holds; f3 is held by f4 too. */
	assert_int_equal(suppressed_by(&s, "leak:f1", &lost).blocks, 2);
	assert_int_equal(lost.blocks, 4);
	assert_int_equal(suppressed_by(&s, "leak:f2", &lost).blocks, 1);
	assert_int_equal(suppressed_by(&s, "leak:f5", &lost).blocks, 2);
	assert_int_equal(suppressed_by(&s, "leak:f*", &lost).blocks, 6);
	assert_int_equal(lost.blocks, 0);
	assert_int_equal(suppressed_by(&s, "leak:f9", &lost).blocks, 0);
	assert_int_equal(lost.blocks, 6);
	graph_make_free(&y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_heaps),
		cmocka_unit_test(random_retained),
		cmocka_unit_test(shared_belongs_to_neither),
		cmocka_unit_test(baseline_and_marks),
		cmocka_unit_test(suppression_covers_what_is_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
