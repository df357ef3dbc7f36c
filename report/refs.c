/* refs.c - see refs.h. */
#include <stdlib.h>
#include "blockmap_read.h"
#include "refs.h"

const char *refs_root_kind(uint32_t kind)
{
	static const char *const name[] = {
		"unknown", "global", "tls", "pthread_key", "stack", "register", "mapping", "kernel",
	};

	return kind < sizeof(name) / sizeof(name[0]) ? name[kind] : name[0];
}

uint32_t refs_block_at(const struct snapshot *s, uint64_t address)
{
	uint64_t at = blockmap_find(s->blocks, s->block_count, address);

	return at == BLOCKMAP_NONE ? GRAPH_NONE : (uint32_t)at;
}

void refs_find_words(struct refs *r)
{
	const struct snapshot *s = &r->snapshot;
	const struct graph *g = &r->leaks.graph;
	uint32_t *asked = memory_get_zeroed((uint64_t)g->blocks + 1, sizeof(*asked));
	uint64_t *at = memory_get_zeroed(r->count + 2, sizeof(*at));

	for (size_t i = 0; i < r->count; i++)
		asked[r->block[i]] = (uint32_t)i + 1;
	/* Two rounds: count, then fill. at[i + 1] is the next free place of i while filling. */
	for (int round = 0; round < 2; round++) {
		for (uint64_t k = 0; k < s->root_edge_count; k++) {
			const struct tide_root_edge *e = &s->root_edges[k];
			uint32_t i = e->block < g->blocks && e->root < g->roots ? asked[e->block] : 0;

			if (i && !round)
				at[i + 1]++;
			else if (i)
				r->word[at[i]++] = (struct refs_word){ (uint32_t)k, true, k };
		}
		for (uint32_t b = 0; b < g->blocks; b++) {
			uint64_t first, end;

			graph_words(g, b, &first, &end);
			for (; first < end; first++) {
				uint32_t i = s->edges[first].block < g->blocks ? asked[s->edges[first].block] : 0;

				if (i && !round)
					at[i + 1]++;
				else if (i)
					r->word[at[i]++] = (struct refs_word){ b, false, first };
			}
		}
		if (round)
			break;
		for (size_t i = 1; i <= r->count; i++)
			at[i + 1] += at[i];
		r->word = memory_get(at[r->count + 1] * sizeof(*r->word) + 1);
	}
	r->word_start = at;
	free(asked);
}

struct refs_found refs_found(const struct refs *r, size_t i)
{
	struct refs_found f = { 0, 0, 0 };

	for (uint64_t k = r->word_start[i]; k < r->word_start[i + 1]; k++) {
		const struct refs_word *w = &r->word[k];
		uint32_t flags = w->root ? r->snapshot.root_edges[w->edge].flags : r->snapshot.edges[w->edge].flags;

		f.roots += w->root;
		f.blocks += !w->root;
		f.inside += !!(flags & EDGE_INTERIOR);
	}
	return f;
}

uint32_t refs_hop(const struct refs *r, uint32_t from, uint32_t to)
{
	const struct tide_edge *best = NULL;
	uint64_t first, end;

	graph_words(&r->leaks.graph, from, &first, &end);
	for (; first < end; first++) {
		const struct tide_edge *e = &r->snapshot.edges[first];

		if (e->block == to && (!best || (graph_inside(best->flags) && !graph_inside(e->flags))))
			best = e;
	}
	return best ? best->offset : 0;
}
