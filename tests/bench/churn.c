/* churn.c - a heap of many live blocks in which random ones are replaced.
 *
 *   churn BLOCKS OPERATIONS [BYTES]      (default 1000000 3000000 32)
 *
 * Three results: filling in order, random replacement, freeing in order.
 */
#include "timing.h"

static __attribute__((noinline)) void *make(size_t bytes);

int main(int argc, char **argv)
{
	size_t blocks = (size_t)timing_argument(argc, argv, 1, 1000000);
	long operations = timing_argument(argc, argv, 2, 3000000);
	size_t bytes = (size_t)timing_argument(argc, argv, 3, 32);
	void **block = calloc(blocks, sizeof(*block));
	uint64_t seed = 88172645463325252u, start = timing_now();

	for (size_t i = 0; i < blocks; i++)
		block[i] = make(bytes);
	timing_print("churn-fill", timing_now() - start, blocks);

	start = timing_now();
	for (long i = 0; i < operations; i++) {
		void **b = &block[timing_random(&seed) % blocks];
		free(*b);
		*b = make(bytes);
	}
	timing_print("churn-random", timing_now() - start, (uint64_t)operations);

	start = timing_now();
	for (size_t i = 0; i < blocks; i++)
		free(block[i]);
	timing_print("churn-free", timing_now() - start, blocks);
	free(block);
	return 0;
}

static void *make(size_t bytes)
{
	char *p = malloc(bytes);
	*p = 1;
	return p;
}
