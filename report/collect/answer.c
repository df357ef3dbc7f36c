/* answer.c - see answer.h. */
#include <stdlib.h>
#include "answer.h"
#include "blockmap.h"
#include "analysis/leaks.h"

struct answers {
	uint64_t *to, capacity, count;
};

static void add_number(struct answers *a, uint64_t value)
{
	if (a->count < a->capacity)
		a->to[a->count] = value;
	a->count++;
}

static void answer_collect(struct answers *a, const struct leaks *l)
{
	for (int kind = 0; kind < LEAK_KINDS; kind++) {
		add_number(a, l->total[kind].blocks);
		add_number(a, l->total[kind].bytes);
	}
}

static void answer_refcount(struct answers *a, const struct leaks *l, uint32_t block)
{
	uint32_t *roots, *blocks;
	graph_found(&l->graph, &roots, &blocks);
	add_number(a, roots[block]);
	add_number(a, blocks[block]);
	add_number(a, LEAK_IS_LOST(l->kind[block] & LEAK_KIND_MASK));
	free(roots);
	free(blocks);
}

static void answer_referrers(
	struct answers *a, const struct snapshot *s, const struct graph *g, uint32_t block)
{
	add_number(a, 0);
	for (size_t i = 0; i < s->root_edge_count; i++)
		if (s->root_edges[i].block == block && s->root_edges[i].root < s->root_count)
			add_number(a,
				s->roots[s->root_edges[i].root].kind == ROOT_REGISTER
					? 0
					: s->root_edges[i].address);
	for (uint32_t from = 0; from < g->blocks; from++) {
		uint64_t first, end;
		graph_words(g, from, &first, &end);
		for (uint64_t i = first; i < end; i++)
			if (s->edges[i].block == block)
				add_number(a, s->blocks[from].address + s->edges[i].offset);
	}
	a->to[0] = a->count - 1;
}

static void answer_referents(
	struct answers *a, const struct snapshot *s, const struct graph *g, uint32_t block)
{
	uint64_t first, end;
	add_number(a, 0);
	graph_words(g, block, &first, &end);
	for (uint64_t i = first; i < end; i++)
		if (s->edges[i].block < s->block_count)
			add_number(a, s->blocks[s->edges[i].block].address);
	a->to[0] = a->count - 1;
}

static int answer(
	struct answers *a, uint32_t kind, uint64_t address, const struct snapshot *s, struct tide_error *e)
{
	struct leaks_options options = { .totals_only = true };
	struct leaks l;
	uint64_t found = snapshot_block_at(s->blocks, s->block_count, address);
	uint32_t block = (uint32_t)found;
	if (kind != QUERY_COLLECT && found == SNAPSHOT_NONE)
		return error_set(e, EXIT_USAGE, "cannot answer for %#llx|no live block begins there|",
			(unsigned long long)address);
	if (leaks_classify(s, &options, &l, e))
		return -1;
	if (kind == QUERY_COLLECT)
		answer_collect(a, &l);
	else if (kind == QUERY_REFCOUNT)
		answer_refcount(a, &l, block);
	else if (kind == QUERY_REFERRERS)
		answer_referrers(a, s, &l.graph, block);
	else if (kind == QUERY_REFERENTS)
		answer_referents(a, s, &l.graph, block);
	leaks_free(&l);
	return 0;
}

int answer_query(
	struct ledger_header *ledger, uint64_t bytes, struct snapshot_writer *w, struct tide_error *e)
{
	struct ledger_table table = ledger->table[LEDGER_ANSWERS];
	struct snapshot s;
	if (table.element != sizeof(uint64_t) || table.capacity < 16 || table.offset % 8
		|| table.offset >= bytes || table.capacity > (bytes - table.offset) / sizeof(uint64_t)) {
		snapshot_writer_free(w);
		return error_set(e, EXIT_UNMEASURED, "cannot answer|the ledger has no room for it|");
	}
	if (snapshot_of_writer(w, &s, e))
		return -1;
	struct answers a = { (uint64_t *)((char *)ledger + table.offset), table.capacity, 0 };
	int result = answer(&a, ledger->query_kind, ledger->query_address, &s, e);
	snapshot_close(&s);
	if (!result)
		__atomic_store_n(&ledger->table[LEDGER_ANSWERS].count,
			a.count < a.capacity ? a.count : a.capacity, __ATOMIC_RELEASE);
	return result;
}
