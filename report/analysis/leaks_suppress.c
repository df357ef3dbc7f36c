/* leaks_suppress.c - which blocks suppressions cover (leaks.h, LK2). */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "leaks_private.h"
#include "reach.h"

#define NOT_ASKED (-2)

struct cover {
	struct leaks_work *w;
	int32_t *answer[3]; /* of each site, for lost, possible, reachable */
	uint32_t *queue;
	struct leaks_forked forked;
	uint8_t *seen; /* bit a block: held by a root leak that is not suppressed */
};

/* The rule that matches a site's stack, -1 none; each site is asked once. */
static int32_t ask_stack(struct cover *c, uint32_t block)
{
	struct leaks_work *w = c->w;
	enum leak_kind kind = leaks_kind(w->l, block);
	unsigned which = LEAK_IS_LOST(kind) ? 0 : kind == LEAK_POSSIBLE ? 1 : 2;
	uint32_t site = w->s->blocks[block].site < w->s->site_count ? w->s->blocks[block].site : 0;
	const struct symbol_line *line;
	size_t count;

	if (!c->answer[which]) {
		c->answer[which] = alloc_bytes((w->s->site_count + 1) * sizeof(int32_t));
		for (size_t i = 0; i <= w->s->site_count; i++)
			c->answer[which][i] = NOT_ASKED;
	}
	if (c->answer[which][site] != NOT_ASKED)
		return c->answer[which][site];
	line = symbols_stack(leaks_symbols(w), site, &count);
	return c->answer[which][site] = suppress_match(w->l->suppress, 1u << which, line, count);
}

static int32_t ask(struct cover *c, uint32_t block)
{
	int32_t rule = ask_stack(c, block);

	if (rule < 0 && c->forked.fork && LEAK_IS_LOST(leaks_kind(c->w->l, block)))
		rule = leaks_forked_ask(&c->forked, c->w->s, block);
	return rule;
}

static void cover_block(struct cover *c, uint32_t block, int32_t rule)
{
	struct leaks_work *w = c->w;
	struct suppress_rule *r = &w->l->suppress->rules[rule];

	if (!w->rule)
		w->rule = alloc_zeroed((uint64_t)w->l->graph.blocks + 1, sizeof(*w->rule));
	w->rule[block] = rule;
	w->l->kind[block] |= LEAK_SUPPRESSED;
	if (w->l->kind[block] & LEAK_LEFT_OUT)
		return;
	r->blocks++;
	r->bytes += w->s->blocks[block].bytes;
}

/* A root cycle is suppressed as a whole when any of its members matches. */
static int32_t ask_cycle(struct cover *c, uint32_t cycle)
{
	const struct components *all = &c->w->l->components;

	for (uint32_t k = all->cycle_start[cycle]; k < all->cycle_start[cycle + 1]; k++) {
		int32_t rule = ask(c, all->cycle_block[k]);

		if (rule >= 0)
			return rule;
	}
	return -1;
}

static bool see_block(struct cover *c, uint32_t block)
{
	bool before = c->seen[block >> 3] >> (block & 7) & 1;

	c->seen[block >> 3] |= (uint8_t)(1u << (block & 7));
	return !before;
}

/* Follows references among lost blocks from queue[0 .. tail). With `rule`, what is reached gets
 * its referrer's rule; without, it is seen, and a block that matches stops it. */
static void spread_rules(struct cover *c, uint32_t tail, bool rule)
{
	struct leaks_work *w = c->w;
	const struct graph *g = &w->l->graph;

	for (uint32_t head = 0; head < tail; head++) {
		uint32_t b = c->queue[head];

		for (uint32_t k = g->start[b]; k < g->start[b + 1]; k++) {
			uint32_t to = g->out[k] & GRAPH_BLOCK;

			if (w->state[to] != REACH_LOST || (!rule && ask(c, to) >= 0) || !see_block(c, to))
				continue;
			if (rule)
				cover_block(c, to, w->rule[b]);
			c->queue[tail++] = to;
		}
	}
}

static bool matches_lost(struct cover *c)
{
	for (uint32_t i = 0; i < c->w->l->graph.blocks; i++)
		if (c->w->state[i] == REACH_LOST && ask(c, i) >= 0)
			return true;
	return false;
}

static void cover_lost(struct cover *c)
{
	struct leaks_work *w = c->w;
	const struct components *all = &w->l->components;
	uint32_t blocks = w->l->graph.blocks, tail = 0;
	int32_t *cycle_rule;

	if (!matches_lost(c))
		return;
	c->seen = alloc_zeroed(blocks / 8 + 1, 1);
	c->queue = alloc_bytes(((uint64_t)blocks + 1) * sizeof(*c->queue));
	cycle_rule = alloc_bytes((uint64_t)all->cycles * sizeof(*cycle_rule) + 1);
	for (uint32_t i = 0; i < blocks; i++)
		if (leaks_kind(w->l, i) == LEAK_UNREFERENCED && ask(c, i) < 0 && see_block(c, i))
			c->queue[tail++] = i;
	for (uint32_t r = 0; r < all->cycles; r++) {
		cycle_rule[r] = all->held[all->cycle[r]] ? -1 : ask_cycle(c, r);
		for (uint32_t k = all->cycle_start[r]; k < all->cycle_start[r + 1]; k++)
			if (!all->held[all->cycle[r]] && cycle_rule[r] < 0
				&& see_block(c, all->cycle_block[k]))
				c->queue[tail++] = all->cycle_block[k];
	}
	spread_rules(c, tail, false);
	/* What was not seen is covered: members and matching blocks first, then all below them. */
	tail = 0;
	for (uint32_t r = 0; r < all->cycles; r++)
		for (uint32_t k = all->cycle_start[r]; cycle_rule[r] >= 0 && k < all->cycle_start[r + 1]; k++)
			if (see_block(c, all->cycle_block[k])) {
				cover_block(c, all->cycle_block[k], cycle_rule[r]);
				c->queue[tail++] = all->cycle_block[k];
			}
	for (uint32_t i = 0; i < blocks; i++)
		if (w->state[i] == REACH_LOST && ask(c, i) >= 0 && see_block(c, i)) {
			cover_block(c, i, ask(c, i));
			c->queue[tail++] = i;
		}
	spread_rules(c, tail, true);
	free(cycle_rule);
	free(c->queue);
	free(c->seen);
}

void leaks_suppress(struct leaks_work *w)
{
	struct cover c = { .w = w };
	unsigned kinds = 0;

	if (!w->l->suppress->count)
		return;
	for (size_t i = 0; i < w->l->suppress->count; i++)
		kinds |= w->l->suppress->rules[i].kinds;
	leaks_forked_find(&c.forked, w->s, w->l->suppress);
	cover_lost(&c);
	for (uint32_t i = 0; i < w->l->graph.blocks; i++) {
		bool asked = w->state[i] == REACH_INSIDE
			? kinds & SUPPRESS_POSSIBLE
			: w->state[i] == REACH_FULL && kinds & SUPPRESS_REACHABLE;

		if (asked && ask(&c, i) >= 0)
			cover_block(&c, i, ask(&c, i));
	}
	for (unsigned k = 0; k < 3; k++)
		free(c.answer[k]);
}
