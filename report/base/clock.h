/* clock.h - the time of day, and time that only goes forward. */
#ifndef TIDEMARK_CLOCK_H
#define TIDEMARK_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* CLOCK_MONOTONIC, in nanoseconds. Differences are durations; it does not advance in suspend. */
static inline uint64_t clock_ns(void) { return clock_read(CLOCK_MONOTONIC); }
/* CLOCK_REALTIME, in nanoseconds since 1970. */
static inline uint64_t clock_wall_ns(void) { return clock_read(CLOCK_REALTIME); }

#endif
