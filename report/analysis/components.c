/* components.c - see components.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "components.h"
#include "subgraph.h"

/* In rank[]: 0 not seen; 1 .. the order of visits, lowered to the lowest reached; from
 * the top down the finished components. They never meet: blocks are below 2^31. */
#define FINISHED(component) (UINT32_MAX - 1 - (component))

#define NOT_ROOT (1u << 31) /* in the call stack: reaches something visited earlier */

struct tarjan {
	const struct subgraph *g;
	uint32_t *rank, *position, *stack;
	uint32_t calls, waiting; /* the call stack is stack[0..calls), the other stack[waiting..) */
	uint32_t visits, components;
};

static void enter_block(struct tarjan *t, uint32_t block)
{
	t->rank[block] = t->visits++;
	t->position[block] = t->g->start[block];
	t->stack[t->calls++] = block;
}

static void finish_block(struct tarjan *t)
{
	uint32_t top = t->stack[--t->calls], block = top & ~NOT_ROOT;

	if (top & NOT_ROOT) {
		t->stack[--t->waiting] = block;
		return;
	}
	while (t->waiting < t->g->blocks && t->rank[t->stack[t->waiting]] >= t->rank[block]) {
		t->rank[t->stack[t->waiting++]] = FINISHED(t->components);
		t->visits--;
	}
	t->rank[block] = FINISHED(t->components);
	t->visits--;
	t->components++;
}

static void visit(struct tarjan *t, uint32_t block)
{
	const struct subgraph *g = t->g;

	enter_block(t, block);
	while (t->calls) {
		uint32_t *top = &t->stack[t->calls - 1], v = *top & ~NOT_ROOT;
		uint32_t k = t->position[v], end = g->start[v + 1];

		for (; k < end; k++) {
			uint32_t w = g->out[k];

			if (!t->rank[w])
				break;
			if (t->rank[w] < t->rank[v]) {
				t->rank[v] = t->rank[w];
				*top |= NOT_ROOT;
			}
		}
		t->position[v] = k; /* looked at again after the call */
		if (k < end)
			enter_block(t, g->out[k]);
		else
			finish_block(t);
	}
}

/* The component of each block of the subgraph; to free. */
static uint32_t *find_components(struct components *c, const struct subgraph *g)
{
	struct tarjan t = { .g = g, .visits = 1, .waiting = g->blocks };

	t.rank = alloc_zeroed((uint64_t)g->blocks + 1, sizeof(*t.rank));
	t.position = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*t.position));
	t.stack = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*t.stack));
	for (uint32_t i = 0; i < g->blocks; i++)
		if (!t.rank[i])
			visit(&t, i);
	free(t.position);
	free(t.stack);
	for (uint32_t i = 0; i < g->blocks; i++)
		t.rank[i] = FINISHED(t.rank[i]);
	c->count = t.components;
	return t.rank;
}

static void measure_cycles(struct components *c, const struct subgraph *g, const uint32_t *of)
{
	c->size = alloc_zeroed((uint64_t)c->count + 1, sizeof(*c->size));
	c->held = alloc_zeroed((uint64_t)c->count + 1, 1);
	for (uint32_t i = 0; i < g->blocks; i++) {
		c->size[of[i]]++;
		for (uint32_t k = g->start[i]; k < g->start[i + 1]; k++)
			if (of[g->out[k]] != of[i])
				c->held[of[g->out[k]]] = 1;
	}
}

static void collect_cycles(struct components *c, const struct graph *g)
{
	uint32_t *number = alloc_bytes((uint64_t)c->count * sizeof(*number) + 1), members = 0;

	for (uint32_t i = 0; i < c->count; i++) {
		number[i] = GRAPH_NONE;
		if (c->size[i] > 1) {
			number[i] = c->cycles++;
			members += c->size[i];
		}
	}
	c->cycle = alloc_bytes((uint64_t)c->cycles * sizeof(*c->cycle) + 1);
	c->cycle_start = alloc_zeroed((uint64_t)c->cycles + 1, sizeof(*c->cycle_start));
	c->cycle_block = alloc_bytes((uint64_t)members * sizeof(*c->cycle_block) + 1);
	for (uint32_t i = 0; i < c->count; i++)
		if (number[i] != GRAPH_NONE) {
			c->cycle[number[i]] = i;
			c->cycle_start[number[i] + 1] = c->cycle_start[number[i]] + c->size[i];
		}
	/* Filled from each row's end, so that the starts are right at the end; members by address. */
	for (uint32_t r = c->cycles; r; r--)
		c->cycle_start[r] = c->cycle_start[r - 1];
	for (uint32_t i = 0; c->cycles && i < g->blocks; i++)
		if (c->of[i] != GRAPH_NONE && number[c->of[i]] != GRAPH_NONE)
			c->cycle_block[c->cycle_start[number[c->of[i]] + 1]++] = i;
	free(number);
}

/* What the references inside a cycle look like. */
struct shape {
	uint64_t forth, back; /* sums of hashes of u -> v and of v -> u, the head left out */
	uint64_t inner;       /* references between members other than the head */
	bool shared;          /* as std::shared_ptr holds its object: an element and its counts */
};

static uint64_t mix(uint64_t from, uint64_t to)
{
	uint64_t h = (from * 0x9e3779b97f4a7c15u) ^ (to * 0xc2b2ae3d27d4eb4fu + 0x165667b19e3779f9u);

	h ^= h >> 31;
	h *= 0xbf58476d1ce4e5b9u;
	return h ^ h >> 29;
}

static bool is_older(const struct graph *g, uint32_t a, uint32_t b)
{
	const struct tide_block *x = &g->snapshot->blocks[a], *y = &g->snapshot->blocks[b];

	return x->birth != y->birth ? x->birth < y->birth : a < b;
}

static uint32_t find_head(
	const struct components *c, const struct graph *g, uint32_t cycle, const uint8_t *by_start)
{
	uint32_t head = GRAPH_NONE;
	bool inside = false;

	for (uint32_t k = c->cycle_start[cycle]; k < c->cycle_start[cycle + 1]; k++) {
		uint32_t b = c->cycle_block[k];
		bool candidate = !by_start[b];

		if (head == GRAPH_NONE || candidate > inside
			|| (candidate == inside && is_older(g, b, head))) {
			head = b;
			inside = candidate;
		}
	}
	return head;
}

static struct shape find_shape(
	const struct components *c, const struct graph *g, uint32_t cycle, uint32_t head)
{
	const struct snapshot *s = g->snapshot;
	struct shape shape = { 0 };

	for (uint32_t k = c->cycle_start[cycle]; k < c->cycle_start[cycle + 1]; k++) {
		uint32_t from = c->cycle_block[k];
		uint64_t first, end;

		graph_words(g, from, &first, &end);
		for (uint64_t i = first; i < end; i++) {
			const struct tide_edge *e = &s->edges[i];

			if (e->block >= g->blocks || c->of[e->block] != c->cycle[cycle] || e->block == from
				|| snapshot_unused(s, i))
				continue;
			/* libstdc++, libc++ and MSVC: {element, counts}; make_shared puts the
			 * element behind the counts in one block. */
			if (i + 1 < end && e[1].block == e->block && e[1].offset == e->offset + 8
				&& e->to_offset == 16 && !e[1].to_offset)
				shape.shared = true;
			if (from == head || e->block == head)
				continue;
			shape.inner++;
			shape.forth += mix(from, e->block);
			shape.back += mix(e->block, from);
		}
	}
	return shape;
}

static uint32_t site_of(const struct graph *g, uint32_t block, const uint32_t *same)
{
	uint32_t site = g->snapshot->blocks[block].site;

	return same && site < g->snapshot->site_count ? same[site] : site;
}

/* One site's nodes that refer to each other; or nodes of one site with links both ways (to
 * parents, to predecessors) below a head of another. Else it is several parts of a program
 * that keep each other alive, which somebody has to break. */
static bool is_container(
	const struct components *c, const struct graph *g, uint32_t cycle, const uint32_t *same)
{
	uint32_t head = c->head[cycle], site = GRAPH_NONE;
	bool one = true;
	struct shape shape;

	for (uint32_t k = c->cycle_start[cycle]; k < c->cycle_start[cycle + 1]; k++) {
		uint32_t b = c->cycle_block[k];

		if (b == head)
			continue;
		if (site == GRAPH_NONE)
			site = site_of(g, b, same);
		else if (site != site_of(g, b, same))
			one = false;
	}
	if (!one)
		return false;
	shape = find_shape(c, g, cycle, head);
	if (shape.shared)
		return false;
	return site == site_of(g, head, same) || (shape.inner && shape.forth == shape.back);
}

static void find_heads(struct components *c, const struct graph *g, const uint32_t *same)
{
	const struct snapshot *s = g->snapshot;
	uint8_t *by_start;

	c->head = alloc_bytes((uint64_t)c->cycles * sizeof(*c->head) + 1);
	c->container = alloc_zeroed((uint64_t)c->cycles + 1, 1);
	if (!c->cycles)
		return;
	by_start = alloc_zeroed((uint64_t)g->blocks + 1, 1);
	for (uint32_t k = 0; k < c->cycle_start[c->cycles]; k++) {
		uint32_t from = c->cycle_block[k];
		uint64_t first, end;

		graph_words(g, from, &first, &end);
		for (uint64_t i = first; i < end; i++)
			if (!snapshot_unused(s, i) && s->edges[i].block < g->blocks
				&& s->edges[i].block != from && c->of[s->edges[i].block] == c->of[from]
				&& !(s->edges[i].flags & EDGE_INTERIOR))
				by_start[s->edges[i].block] = 1;
	}
	for (uint32_t r = 0; r < c->cycles; r++)
		c->head[r] = find_head(c, g, r, by_start);
	free(by_start);
	for (uint32_t r = 0; r < c->cycles; r++)
		c->container[r] = is_container(c, g, r, same);
}

void components_find(struct components *c, const struct graph *g, const uint8_t *state, const uint32_t *same)
{
	struct subgraph part;
	uint32_t *of;

	memset(c, 0, sizeof(*c));
	subgraph_new(&part, g, state, &c->of);
	of = find_components(c, &part);
	measure_cycles(c, &part, of);
	for (uint32_t i = 0; i < part.blocks; i++)
		c->of[part.block[i]] = of[i];
	free(of);
	subgraph_free(&part);
	collect_cycles(c, g);
	find_heads(c, g, same);
}

void components_free(struct components *c)
{
	free(c->of);
	free(c->size);
	free(c->held);
	free(c->cycle);
	free(c->cycle_start);
	free(c->cycle_block);
	free(c->head);
	free(c->container);
	memset(c, 0, sizeof(*c));
}
