/* refs.c - see refs.h. */
#include <stdlib.h>
#include "base/alloc.h"
#include "refs.h"

uint32_t refs_block_at(const struct snapshot *s, uint64_t address)
{
	uint64_t at = snapshot_block_at(s->blocks, s->block_count, address);

	return at == SNAPSHOT_NONE ? GRAPH_NONE : (uint32_t)at;
}

/* Words that refer to blocks with a number in `asked` (1 + their place): round 0 counts them in at[place + 1],
 * round 1 enters them at at[place]. */
static void pass_words(
	const struct graph *g, const uint32_t *asked, uint64_t *at, struct refs_word *word, bool enter)
{
	const struct snapshot *s = g->snapshot;

	for (uint64_t k = 0; k < s->root_edge_count; k++) {
		const struct tide_root_edge *e = &s->root_edges[k];
		uint32_t i = e->block < g->blocks && e->root < g->roots ? asked[e->block] : 0;

		if (i && !enter)
			at[i + 1]++;
		else if (i)
			word[at[i]++] = (struct refs_word){ (uint32_t)k, true, k };
	}
	for (uint32_t b = 0; b < g->blocks; b++) {
		uint64_t first, end;

		graph_words(g, b, &first, &end);
		for (; first < end; first++) {
			uint32_t i = s->edges[first].block < g->blocks ? asked[s->edges[first].block] : 0;

			if (i && !enter)
				at[i + 1]++;
			else if (i)
				word[at[i]++] = (struct refs_word){ b, false, first };
		}
	}
}

void refs_find_words(
	const struct graph *g, const uint32_t *block, size_t count, uint64_t **start, struct refs_word **word)
{
	uint32_t *asked = alloc_zeroed((uint64_t)g->blocks + 1, sizeof(*asked));
	uint64_t *at = alloc_zeroed(count + 2, sizeof(*at));

	for (size_t i = 0; i < count; i++)
		asked[block[i]] = (uint32_t)i + 1;
	pass_words(g, asked, at, NULL, false);
	for (size_t i = 1; i <= count; i++)
		at[i + 1] += at[i];
	*word = alloc_bytes(at[count + 1] * sizeof(**word) + 1);
	pass_words(g, asked, at, *word, true);
	*start = at;
	free(asked);
}

struct refs_found refs_count_words(const struct graph *g, const struct refs_word *word, uint64_t count)
{
	const struct snapshot *s = g->snapshot;
	struct refs_found f = { 0, 0, 0 };

	for (uint64_t k = 0; k < count; k++) {
		uint32_t flags =
			word[k].root ? s->root_edges[word[k].edge].flags : s->edges[word[k].edge].flags;

		if (flags & EDGE_UNCOUNTED || (!word[k].root && snapshot_unused(s, word[k].edge)))
			continue;
		f.roots += word[k].root;
		f.blocks += !word[k].root;
		/* An object of Python does not begin where its block does. */
		f.inside += (flags & EDGE_INTERIOR) && !(flags & EDGE_EXPLAINED && s->python_object_count);
	}
	return f;
}

/* A word that Python does not count is the last choice. */
static int doubt(uint32_t flags)
{
	return (flags & EDGE_UNCOUNTED ? 4 : 0) + (graph_inside(flags) ? 2 : 0)
		+ (flags & EDGE_STALE ? 1 : 0);
}

uint64_t refs_hop_edge(const struct graph *g, uint32_t from, uint32_t to)
{
	const struct tide_edge *edge = g->snapshot->edges;
	uint64_t first, end, best = REFS_NONE;

	graph_words(g, from, &first, &end);
	for (; first < end; first++)
		if (edge[first].block == to && !snapshot_unused(g->snapshot, first)
			&& (best == REFS_NONE || doubt(edge[first].flags) < doubt(edge[best].flags)))
			best = first;
	return best;
}

uint32_t refs_hop(const struct graph *g, uint32_t from, uint32_t to)
{
	uint64_t edge = refs_hop_edge(g, from, to);

	return edge == REFS_NONE ? 0 : g->snapshot->edges[edge].offset;
}
