/* subgraph.c - see subgraph.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/fetch.h"
#include "subgraph.h"

#define AHEAD 24u       /* blocks: what is known of those that their references lead to */
#define AHEAD_IN_ROW 8u /* references of one block */

static void fetch_ahead(const struct graph *g, const uint8_t *state, const uint32_t *of, uint32_t block)
{
	if (block >= g->blocks || state[block])
		return;
	for (uint32_t k = g->start[block]; k < g->start[block + 1] && k < g->start[block] + AHEAD_IN_ROW;
		k++) {
		fetch_line(&state[g->out[k] & GRAPH_BLOCK]);
		fetch_line(&of[g->out[k] & GRAPH_BLOCK]);
	}
}

void subgraph_new(struct subgraph *part, const struct graph *g, const uint8_t *state, uint32_t **number)
{
	uint32_t *of = alloc_bytes(((uint64_t)g->blocks + 1) * sizeof(*of)), blocks = 0, n = 0;
	size_t room = 0;

	for (uint32_t i = 0; i < g->blocks; i++)
		of[i] = state[i] ? GRAPH_NONE : blocks++;
	*part = (struct subgraph){ .blocks = blocks };
	part->block = alloc_bytes(((uint64_t)blocks + 1) * sizeof(*part->block));
	part->start = alloc_bytes(((uint64_t)blocks + 1) * sizeof(*part->start));
	for (uint32_t i = 0; i < g->blocks; i++) {
		fetch_ahead(g, state, of, i + AHEAD);
		if (state[i])
			continue;
		part->block[of[i]] = i;
		part->start[of[i]] = n;
		for (uint32_t k = g->start[i]; k < g->start[i + 1]; k++) {
			uint32_t to = g->out[k] & GRAPH_BLOCK;

			if (!state[to])
				*ARRAY_ADD(part->out, n, room) = of[to];
		}
	}
	part->start[blocks] = n;
	if (number)
		*number = of;
	else
		free(of);
}

void subgraph_free(struct subgraph *part)
{
	free(part->block);
	free(part->start);
	free(part->out);
	memset(part, 0, sizeof(*part));
}
