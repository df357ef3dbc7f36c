/* seed.c - leaks of a known kind and rate, for the gate's tests.
 *
 *   seed MODE [ROUNDS [EVERY]]
 *
 *   none      allocates and frees: nothing to find
 *   lost      loses one block of 100 bytes every EVERY rounds    (function lose_one)
 *   elsewhere the same in another function                       (lose_elsewhere)
 *   cache     keeps one block more every EVERY rounds            (cache_fill)
 *   warming   keeps blocks until half of the first half, then none; a pool beside it
 *   ring      loses rings of two blocks                          (make_ring)
 *   head      loses a list of EVERY nodes by its head            (make_list)
 *   child     a forked child loses three blocks                  (lose_three)
 *   sometimes loses a block when the file `again` does not exist, and makes it
 *   crash, hang, status (exits with ROUNDS)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern void tide_mark(const char *name) __attribute__((weak));

/* Blocks are zeroed: what the allocator has left in a reused one may point into one that is lost.
 * The compiler must believe that somebody looks, or it stores and allocates nothing. */
#define seen(p) __asm__ volatile("" : : "r"(p) : "memory")

struct node { struct node *next; char text[48]; };

static struct node *cache;
static void *pool[64];

__attribute__((noinline)) static void lose_one(void)
{
	volatile char *block = calloc(1, 100);

	block[0] = 1;
}

__attribute__((noinline)) static void lose_elsewhere(void)
{
	volatile char *block = calloc(1, 100);

	block[0] = 2;
}

__attribute__((noinline)) static void lose_three(void)
{
	for (int i = 0; i < 3; i++) {
		volatile char *block = calloc(1, 70);

		block[0] = 3;
	}
}

__attribute__((noinline)) static void cache_fill(void)
{
	struct node *n = malloc(sizeof *n);

	n->next = cache;
	cache = n;
}

__attribute__((noinline)) static void make_ring(void)
{
	struct node *a = malloc(sizeof *a), *b = malloc(sizeof *b);

	a->next = b;
	b->next = a;
	seen(a);
}

__attribute__((noinline)) static void make_list(long count)
{
	struct node *volatile head = NULL;

	for (long i = 0; i < count; i++) {
		struct node *n = malloc(sizeof *n);

		n->next = head;
		head = n;
		seen(n);
	}
	head = NULL;
}

/* A pool that is never the same, but bounded. */
__attribute__((noinline)) static void churn(unsigned round)
{
	unsigned slot = round * 2654435761u >> 26;

	free(pool[slot]);
	pool[slot] = round % 3 ? calloc(1, 32 + round % 100) : NULL;
}

/* Overwrites what calls before have left below the stack pointer. */
__attribute__((noinline)) static void wipe(void)
{
	volatile char rubbish[8192];

	for (size_t i = 0; i < sizeof rubbish; i++)
		rubbish[i] = 1;
}

static void one_round(const char *mode, long round, long rounds, long every)
{
	churn((unsigned)round);
	if (!strcmp(mode, "lost") && round % every == 0)
		lose_one();
	if (!strcmp(mode, "elsewhere") && round % every == 0)
		lose_elsewhere();
	if (!strcmp(mode, "cache") && round % every == 0)
		cache_fill();
	if (!strcmp(mode, "warming") && round < rounds / 4)
		cache_fill();
	if (!strcmp(mode, "ring") && round % every == 0)
		make_ring();
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "none";
	long rounds = argc > 2 ? atol(argv[2]) : 1, every = argc > 3 ? atol(argv[3]) : 1;
	/* A run without a single allocation cannot be judged. */
	char *volatile first = malloc(32);
	int status = 0;

	free(first);
	if (!strcmp(mode, "status"))
		return (int)rounds;
	if (!strcmp(mode, "hang"))
		pause();
	for (long round = 0; round < rounds; round++) {
		one_round(mode, round, rounds, every);
		if (tide_mark)
			tide_mark("turn");
	}
	if (!strcmp(mode, "head"))
		make_list(every);
	if (!strcmp(mode, "child") && !fork()) {
		lose_three();
		wipe();
		exit(0);
	}
	if (!strcmp(mode, "child"))
		wait(&status);
	if (!strcmp(mode, "sometimes") && access("again", F_OK)) {
		close(open("again", O_CREAT | O_WRONLY, 0600));
		lose_one();
	}
	if (!strcmp(mode, "crash"))
		abort();
	wipe();
	return 0;
}
