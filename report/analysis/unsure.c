/* unsure.c - see unsure.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "reach.h"
#include "unsure.h"

#define FEW 4u                 /* blocks of a site: fewer show no habit */
#define LET_GO_EACH (1u << 20) /* blocks */

/* How many blocks of a site have a reference at an offset. */
struct habit {
	uint32_t site, offset, blocks;
};

struct search {
	const struct snapshot *s;
	const struct graph *g;
	uint32_t *of_site; /* [sites] blocks whose type says nothing */
	struct habit *habit;
	uint32_t habits, room;
	struct index index;
};

/* The graph is in memory by now: beside it, not all of the file is kept there. */
static void let_go(const struct search *f, uint32_t block)
{
	if (block % LET_GO_EACH == LET_GO_EACH - 1)
		snapshot_trim(f->s);
}

static bool is_typed(const struct snapshot *s, uint32_t block) { return s->typed && s->typed[block]; }

static struct habit *find_habit(struct search *f, uint32_t site, uint32_t offset)
{
	uint64_t hash = index_hash((uint64_t)site << 32 | offset);

	INDEX_EACH(&f->index, hash, probe)
	if (f->habit[probe.number].site == site && f->habit[probe.number].offset == offset)
		return &f->habit[probe.number];
	return NULL;
}

static void learn_habits(struct search *f)
{
	const struct snapshot *s = f->s;

	for (uint32_t i = 0; i < f->g->blocks; i++)
		if (!is_typed(s, i) && s->blocks[i].site < s->site_count)
			f->of_site[s->blocks[i].site]++;
	for (uint32_t i = 0; i < f->g->blocks; i++) {
		uint32_t site = s->blocks[i].site;
		uint64_t first, end;

		let_go(f, i);
		if (is_typed(s, i) || site >= s->site_count || f->of_site[site] < FEW)
			continue;
		graph_words(f->g, i, &first, &end);
		for (; first < end; first++) {
			uint32_t offset = s->edges[first].offset;
			struct habit *h = find_habit(f, site, offset);

			if (!h) {
				index_add(&f->index, index_hash((uint64_t)site << 32 | offset), f->habits);
				h = ARRAY_ADD(f->habit, f->habits, f->room);
				*h = (struct habit){ site, offset, 0 };
			}
			h->blocks++;
		}
	}
}

static bool may_be_stale(struct search *f, uint32_t block, const struct tide_edge *e)
{
	const struct snapshot *s = f->s;
	uint32_t site = s->blocks[block].site;
	const struct habit *h;

	if (is_typed(s, block) || e->block == block)
		return false;
	if (site < s->site_count && f->of_site[site] >= FEW) {
		h = find_habit(f, site, e->offset);
		if (h && 2ull * h->blocks >= f->of_site[site])
			return false;
	}
	/* Last, since it is far away in memory. */
	return s->blocks[e->block].birth < s->blocks[block].birth;
}

/* Whether a block that is held has words, and a type that says nothing of them: those of lost blocks hold nothing. */
static bool may_any_be_stale(const struct search *f, const struct leaks *l)
{
	for (uint32_t i = 0; i < f->g->blocks; i++)
		if (!is_typed(f->s, i) && f->g->start[i] < f->g->start[i + 1]
			&& !LEAK_IS_LOST(l->kind[i] & LEAK_KIND_MASK))
			return true;
	return false;
}

/* The graph without the words that may be stale; how many there are. */
static uint32_t leave_out(struct search *f, struct graph *to)
{
	const struct graph *g = f->g;
	uint32_t n = 0, left_out = 0;

	*to = *g;
	to->start = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*to->start));
	to->out = alloc_bytes((uint64_t)g->start[g->blocks] * sizeof(*to->out) + 1);
	for (uint32_t i = 0; i < g->blocks; i++) {
		uint64_t first, end;
		uint32_t at = g->start[i];

		let_go(f, i);
		to->start[i] = n;
		graph_words(g, i, &first, &end);
		/* The words of the graph are those of the snapshot, less some, in the same order. */
		for (; first < end && at < g->start[i + 1]; first++) {
			const struct tide_edge *e = &f->s->edges[first];

			if (e->block != (g->out[at] & GRAPH_BLOCK) || snapshot_unused(f->s, first))
				continue;
			if (may_be_stale(f, i, e))
				left_out++;
			else
				to->out[n++] = g->out[at];
			at++;
		}
	}
	to->start[g->blocks] = n;
	return left_out;
}

/* Of the blocks whose words were left out, the one that led to most bytes. */
static void sum_up(struct search *f, struct unsure *u, const struct leaks *l, const struct reach *without)
{
	const struct snapshot *s = f->s;
	uint64_t most = 0;

	for (uint32_t i = 0; i < f->g->blocks; i++)
		if (without->state[i] == REACH_LOST && (l->kind[i] & LEAK_KIND_MASK) == LEAK_REACHABLE
			&& !(l->kind[i] & (LEAK_SUPPRESSED | LEAK_LEFT_OUT))) {
			u->sum.blocks++;
			u->sum.bytes += s->blocks[i].bytes;
		}
	for (uint32_t i = 0; u->sum.blocks && i < f->g->blocks; i++) {
		uint64_t bytes = 0;

		if (without->state[i] == REACH_LOST)
			continue;
		for (uint32_t k = f->g->start[i]; k < f->g->start[i + 1]; k++)
			if (without->state[f->g->out[k] & GRAPH_BLOCK] == REACH_LOST)
				bytes += s->blocks[f->g->out[k] & GRAPH_BLOCK].bytes + 1;
		if (bytes > most) {
			most = bytes;
			u->holder = i;
		}
	}
}

void unsure_find(struct unsure *u, const struct snapshot *s, const struct leaks *l)
{
	struct search f = { .s = s, .g = &l->graph };
	struct graph without;
	struct reach reach;

	*u = (struct unsure){ .holder = GRAPH_NONE };
	if (s->process->flags & PROCESS_WALKED || s->python_object_count || l->graph.bad_edges)
		return;
	u->known = true;
	if (!may_any_be_stale(&f, l))
		return;
	f.of_site = alloc_zeroed(s->site_count + 1, sizeof(*f.of_site));
	learn_habits(&f);
	if (leave_out(&f, &without)) {
		reach_find(&reach, &without, false);
		sum_up(&f, u, l, &reach);
		reach_free(&reach);
		u->matters = u->sum.blocks && u->holder != GRAPH_NONE
			&& u->sum.bytes >= l->total[LEAK_REACHABLE].bytes / 100;
	}
	free(without.start);
	free(without.out);
	free(f.of_site);
	free(f.habit);
	index_free(&f.index);
}
