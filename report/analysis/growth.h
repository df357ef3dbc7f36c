/* growth.h - does a site hold more and more, though nothing is lost?
 *
 * The first half of the rounds is warm-up; the rest is cut into five windows. A
 * site grows when the least number of its live blocks in a window rises in all
 * five. Minima ignore bursts, and a cache that has warmed up or a table that
 * doubles does not raise them five times; slopes and rank tests call both leaks,
 * because live counts of neighbouring rounds are not independent.
 *
 * GW1  Input is a row of buckets (struct tide_rounds, or one value per snapshot).
 *     Window edges are rounded to whole buckets; with `width` 1 they are exact.
 * GW2  Fewer than GROWTH_LEAST_ROUNDS rounds: no answer, never "does not grow".
 */
#ifndef TIDEMARK_GROWTH_H
#define TIDEMARK_GROWTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GROWTH_WINDOWS 5
#define GROWTH_LEAST_ROUNDS 10 /* five windows of one round each after the warm-up */
#define GROWTH_MOST_ROUNDS ((uint64_t)1 << 48)

struct growth {
	uint64_t floor[GROWTH_WINDOWS]; /* least live blocks of the window */
	double per_round;               /* blocks, from the first window to the last */
	bool grows;
};

/* Whether a row of `buckets` can hold `rounds`, `width` of them in each. The numbers may come from a damaged
 * file. */
bool growth_fits(size_t buckets, uint64_t rounds, uint64_t width);
/* least[b] stands for rounds [b * width, (b + 1) * width) of `rounds`; `buckets` are given.
 * -1: too few rounds, or they do not fit (growth_fits). */
int growth_find(const uint32_t *least, size_t buckets, uint64_t rounds, uint64_t width, struct growth *g);

#endif
