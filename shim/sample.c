/* sample.c - see sample.h. The shim does not use libm: exp and log are computed
 * here, to about 1e-9, far below the noise of sampling. */
#include "mix.h"
#include "sample.h"

/* e^-x for 0 <= x: halve until small, Taylor, square again. */
static double compute_exp_negative(double x)
{
	unsigned halvings = 0;
	if (x > 40)
		return 0;
	while (x > 0.0625) {
		x /= 2;
		halvings++;
	}
	double r = 1 - x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6)))));
	while (halvings--)
		r *= r;
	return r;
}

/* -ln(u) for u = n / 2^53, n >= 1. */
static double compute_minus_log(uint64_t n)
{
	unsigned bits = 63u - (unsigned)__builtin_clzll(n);
	double m = (double)n / (double)(1ull << bits); /* 1 <= m < 2 */
	double y = (m - 1) / (m + 1), y2 = y * y, sum = 0;
	for (int k = 19; k >= 1; k -= 2)
		sum = sum * y2 + 1.0 / k;
	return (53 - (int)bits) * 0.69314718055994531 - 2 * y * sum;
}

uint64_t sample_random(uint64_t *random)
{
	uint64_t x = *random; /* xorshift64*: Vigna, 2014 */
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*random = x;
	return x * MIX_STAR;
}

int64_t sample_next(uint64_t *random, uint64_t mean)
{
	uint64_t n = sample_random(random) >> 11;
	return (int64_t)(compute_minus_log(n | 1) * (double)mean) + 1;
}

struct sample_weight sample_weight(uintptr_t address, uint64_t size, uint64_t mean)
{
	/* Nothing can be picked from an empty block, so it counts as one byte. */
	double bytes = size ? (double)size : 1, p = 1 - compute_exp_negative(bytes / (double)mean);
	double blocks = 1 / p;
	int64_t whole = (int64_t)blocks;
	uint64_t h = (address >> 4) * MIX_GOLDEN;
	double dice = (double)(h >> 11) / 9007199254740992.0;
	if (blocks - (double)whole > dice)
		whole++;
	return (struct sample_weight){ (int64_t)((double)size / p + 0.5), whole };
}

uint8_t sample_filter[1 << SAMPLE_FILTER_BITS];

static void filter_change(uint8_t *n, int by)
{
	uint8_t have = __atomic_load_n(n, __ATOMIC_RELAXED);
	while (have != 255 && (have || by > 0)
		&& !__atomic_compare_exchange_n(
			n, &have, (uint8_t)(have + by), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void sample_filter_add(uintptr_t address) { filter_change(sample_filter_of(address), 1); }

void sample_filter_remove(uintptr_t address) { filter_change(sample_filter_of(address), -1); }
