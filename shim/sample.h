/* sample.h - Poisson sampling by bytes, and the weights that make it unbiased.
 *
 * Every byte is picked with probability 1/mean; a block is taken when one of
 * its bytes is: p = 1 - exp(-size / mean). A taken block counts as 1/p blocks
 * and size/p bytes, so every sum estimates the truth without bias (the
 * estimator of Horvitz and Thompson, 1952). Blocks are whole: the fraction is
 * rounded up or down by a hash of the address, which gives the same answer when
 * the block is freed.
 */
#ifndef TIDEMARK_SAMPLE_H
#define TIDEMARK_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>
#include "mix.h"

struct sample_weight {
	int64_t bytes, blocks;
};

/* The bytes to the next pick have not been drawn yet. The next block takes the slow path, and the draw is made
 * as if sampling began there, so a thread's first block is not more likely to be a sample than others. */
#define SAMPLE_UNDRAWN (INT64_MIN / 2)

/* 64 random bits; `random` is the thread's generator, never 0. */
uint64_t sample_random(uint64_t *random);
/* Bytes until the next pick. */
int64_t sample_next(uint64_t *random, uint64_t mean);
struct sample_weight sample_weight(uintptr_t address, uint64_t size, uint64_t mean);

/* Counts of sampled blocks by a hash of their address. The free of nearly all
 * other blocks reads only one byte of these 8 KiB, which stay in the first-level
 * cache, and not the slot, which does not. A count stays at 255 once it gets
 * there. */
#define SAMPLE_FILTER_BITS 13
extern uint8_t sample_filter[1 << SAMPLE_FILTER_BITS];

static inline uint8_t *sample_filter_of(uintptr_t address)
{
	return &sample_filter[(uint32_t)(address >> 4) * MIX_GOLDEN_32 >> (32 - SAMPLE_FILTER_BITS)];
}

void sample_filter_add(uintptr_t address);
void sample_filter_remove(uintptr_t address);

#endif
