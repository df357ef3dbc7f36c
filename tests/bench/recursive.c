/* recursive.c - a recursive builder that allocates on about 100 000 distinct
 * stacks: a tree made and freed by four functions that call each other, so
 * that nearly each path from the root is a stack of its own.
 *
 *   recursive ROUNDS DEPTH      (default 24 17; 2^DEPTH nodes)
 */
#include "timing.h"

struct node { struct node *left, *right; long value; };

#define NOINLINE __attribute__((noinline, noclone))

static NOINLINE struct node *build(int depth, long value);

/* Left and right descend from different call sites; so a node's stack tells
 * its whole path. */
static NOINLINE struct node *build(int depth, long value)
{
	struct node *n = malloc(sizeof(*n));
	n->value = value;
	n->left = depth > 1 ? build(depth - 1, value * 2) : NULL;
	n->right = depth > 1 ? build(depth - 1, value * 2 + 1) : NULL;
	return n;
}

static NOINLINE long sum_and_free(struct node *n)
{
	if (!n)
		return 0;
	long sum = n->value + sum_and_free(n->left) + sum_and_free(n->right);
	free(n);
	return sum;
}

int main(int argc, char **argv)
{
	long rounds = timing_argument(argc, argv, 1, 24);
	int depth = (int)timing_argument(argc, argv, 2, 17);
	long sum = 0;
	uint64_t start = timing_now();
	for (long i = 0; i < rounds; i++)
		sum += sum_and_free(build(depth, i + 1));
	timing_print("recursive", timing_now() - start, (uint64_t)rounds << depth);
	fprintf(stderr, "sum %ld\n", sum);
	return 0;
}
