/* graph.c - a heap to be searched for leaks: COUNT blocks of 48 bytes with two
 * random references each, held by one global; about a fifth is lost.
 *
 *   graph COUNT      (default 1000000)
 */
#include "timing.h"

struct node { struct node *a, *b; long value[4]; };

struct node *root;

int main(int argc, char **argv)
{
	long count = timing_argument(argc, argv, 1, 1000000);
	struct node **all = malloc((size_t)count * sizeof *all);
	uint64_t random = 88172645463325252ull, start = timing_now();
	for (long i = 0; i < count; i++)
		all[i] = calloc(1, sizeof *all[i]);
	for (long i = 0; i < count; i++) {
		random ^= random << 13, random ^= random >> 7, random ^= random << 17;
		all[i]->a = all[random % (uint64_t)count];
		all[i]->b = all[(random >> 32) % (uint64_t)count];
	}
	root = all[0];
	free(all);
	timing_print("graph", timing_now() - start, (uint64_t)count);
	return 0;
}
