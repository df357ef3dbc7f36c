/* timing.h - what the workloads share: a clock, and one line of result.
 *
 * Each workload prints `NAME VALUE UNIT` lines; the value is time per
 * operation measured inside the program, so that start-up does not blur it.
 */
#ifndef TIDEMARK_BENCH_TIMING_H
#define TIDEMARK_BENCH_TIMING_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t timing_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void timing_print(const char *name, uint64_t ns, uint64_t operations)
{
	printf("%s %.2f ns\n", name, (double)ns / (double)(operations ? operations : 1));
}

static inline long timing_argument(int argc, char **argv, int i, long otherwise)
{
	return argc > i ? atol(argv[i]) : otherwise;
}

/* xorshift64: the same numbers on every machine. */
static inline uint64_t timing_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#endif
