/* A program with something for every view: rings, a lost list, a cache that grows, a tree, threads, marks. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "../../shim/tidemark.h"

struct node { struct node *next, *before; char *name; };
struct tree { struct tree *left, *right; int value; };
static struct node *cache;
static struct tree *root;

static struct node *make_node(const char *name)
{
	struct node *n = calloc(1, sizeof(*n));

	n->name = strdup(name);
	return n;
}

static void make_ring(int count)
{
	struct node *first = make_node("ring"), *last = first;

	for (int i = 1; i < count; i++) {
		struct node *n = make_node("ring");

		last->next = n;
		n->before = last;
		last = n;
	}
	last->next = first;
	first->before = last;
}

static void lose_list(int count)
{
	struct node *list = NULL;

	for (int i = 0; i < count; i++) {
		struct node *n = make_node("list");

		n->next = list;
		list = n;
	}
}

static void fill_cache(int count)
{
	for (int i = 0; i < count; i++) {
		struct node *n = make_node("cache");

		n->next = cache;
		cache = n;
	}
}

/* A stack for each way down the tree: many sites. */
static struct tree *grow(int depth)
{
	struct tree *t = NULL;

	if (depth) {
		t = calloc(1, sizeof(*t));
		t->left = grow(depth - 1);
		t->right = grow(depth - 1);
	}
	return t;
}

static void temporary(int count)
{
	for (int i = 0; i < count; i++) {
		char *volatile p = malloc(100 + (size_t)i % 5000);

		free(p);
	}
}

static void *worker(void *arg)
{
	temporary(10000);
	fill_cache(100);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	pthread_create(&thread, NULL, worker, NULL);
	pthread_join(thread, NULL);
	if (tide_mark)
		tide_mark("warm");
	for (int i = 0; i < 20; i++) {
		make_ring(3);
		fill_cache(20);
		usleep(2000);
	}
	make_ring(6);
	lose_list(50);
	if (tide_mark)
		tide_mark("half </script><b>");
	root = grow(argc > 1 && !strcmp(argv[1], "many") ? 17 : 10);
	if (argc > 1 && !strcmp(argv[1], "new"))
		fill_cache(5000);
	else
		temporary(100);
	free(memset(malloc(3000000), 1, 3000000));
	return 0;
}
