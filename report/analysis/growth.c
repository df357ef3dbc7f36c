/* growth.c - see growth.h. */
#include "growth.h"

bool growth_fits(size_t buckets, uint64_t rounds, uint64_t width)
{
	return width && width <= rounds && rounds <= GROWTH_MOST_ROUNDS
		&& (rounds + width - 1) / width <= buckets;
}

int growth_find(const uint32_t *least, size_t buckets, uint64_t rounds, uint64_t width, struct growth *g)
{
	uint64_t edge[GROWTH_WINDOWS + 1], warm = rounds / 2, measured = rounds - warm;

	*g = (struct growth){ .grows = true };
	if (rounds < GROWTH_LEAST_ROUNDS || !growth_fits(buckets, rounds, width)) {
		g->grows = false;
		return -1;
	}
	for (unsigned k = 0; k <= GROWTH_WINDOWS; k++) {
		uint64_t round = warm + measured * k / GROWTH_WINDOWS;

		edge[k] = (round + width / 2) / width;
	}
	edge[GROWTH_WINDOWS] = (rounds - 1) / width + 1;
	for (unsigned k = 0; k < GROWTH_WINDOWS; k++) {
		if (edge[k] >= edge[k + 1]) {
			g->grows = false;
			return -1;
		}
		g->floor[k] = least[edge[k]];
		for (uint64_t b = edge[k]; b < edge[k + 1]; b++)
			if (least[b] < g->floor[k])
				g->floor[k] = least[b];
		if (k && g->floor[k] <= g->floor[k - 1])
			g->grows = false;
	}
	/* Of a steady rise the floor is at the beginning of each window. */
	g->per_round = ((double)g->floor[GROWTH_WINDOWS - 1] - (double)g->floor[0])
		/ ((double)(edge[GROWTH_WINDOWS - 1] - edge[0]) * (double)width);
	return 0;
}
