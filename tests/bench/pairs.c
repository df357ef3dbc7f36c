/* pairs.c - malloc and free of 32 bytes at a fixed depth.
 *
 *   pairs DEPTH LEAVES COUNT      (default 15 1 5000000)
 *
 * LEAVES 1: the same stack every time. LEAVES 50: fifty leaf functions in
 * turn under the same parents. Depth counts the frames below main.
 */
#include "timing.h"

#define NOINLINE __attribute__((noinline, noclone))

static long leaves, count;
static uint64_t spent;

#define LEAF(n) static NOINLINE void leaf_##n(void) \
{ void *p = malloc(32); __asm__ volatile("" : : "r"(p) : "memory"); free(p); __asm__ volatile(""); }
#define TEN(m, d) m(d##0) m(d##1) m(d##2) m(d##3) m(d##4) m(d##5) m(d##6) m(d##7) m(d##8) m(d##9)
TEN(LEAF, 1) TEN(LEAF, 2) TEN(LEAF, 3) TEN(LEAF, 4) TEN(LEAF, 5)
#define NAME(n) leaf_##n,
static void (*const leaf[50])(void) = { TEN(NAME, 1) TEN(NAME, 2) TEN(NAME, 3) TEN(NAME, 4) TEN(NAME, 5) };

static NOINLINE void work(void)
{
	uint64_t start = timing_now();
	if (leaves <= 1) {
		for (long i = 0; i < count; i++) {
			void *p = malloc(32);
			__asm__ volatile("" : : "r"(p) : "memory");
			free(p);
		}
	} else {
		long l = 0;
		for (long i = 0; i < count; i++) {
			leaf[l]();
			if (++l == leaves)
				l = 0;
		}
	}
	spent = timing_now() - start;
}

/* Four different functions, so that neighbouring frames differ as they do in
 * programs. The asm after each call keeps it from becoming a jump. */
static void down_b(long depth);
static void down_c(long depth);
static void down_d(long depth);
#define DOWN(name, next) static NOINLINE void name(long depth) \
{ if (depth <= 1) work(); else next(depth - 1); __asm__ volatile("" : : : "memory"); }
static void down_a(long depth);
DOWN(down_d, down_a)
DOWN(down_c, down_d)
DOWN(down_b, down_c)
DOWN(down_a, down_b)

int main(int argc, char **argv)
{
	long depth = timing_argument(argc, argv, 1, 15);
	leaves = timing_argument(argc, argv, 2, 1);
	count = timing_argument(argc, argv, 3, 5000000);
	if (leaves > 50)
		leaves = 50;
	if (depth <= 2)
		work();
	else
		down_a(depth - 2);
	char name[64];
	snprintf(name, sizeof(name), "pairs-%ld-%ld", depth, leaves < 1 ? 1 : leaves);
	timing_print(name, spent, (uint64_t)count);
	return 0;
}
