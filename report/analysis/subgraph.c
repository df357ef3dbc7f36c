/* subgraph.c - see subgraph.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "subgraph.h"

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
