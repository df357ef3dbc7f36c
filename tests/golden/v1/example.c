/* example.c - the program whose snapshot is example.tide (format version 1):
 *
 *   cc -g -O0 -o example example.c -ldl && tidemark run -o example.tide ./example
 *
 * make_leak      3 blocks of 100 bytes that nothing refers to
 * make_ring      2 blocks of 64 bytes that refer to each other and that nothing else holds
 * make_list      10 blocks of 48 bytes, a list held by the global `head`
 * make_temporary 1000 blocks of 1000 bytes, freed at once
 * Between make_leak and the others the program sets the mark "warm".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>

struct node { struct node *next; char rest[40]; };

struct node *head;

static void __attribute__((noinline)) make_leak(void)
{
	for (int i = 0; i < 3; i++)
		*(volatile char *)malloc(100) = 1;
}

static void __attribute__((noinline)) make_ring(void)
{
	struct { void *other; char rest[56]; } *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

	a->other = b;
	b->other = a;
}

static void __attribute__((noinline)) make_list(void)
{
	for (int i = 0; i < 10; i++) {
		struct node *n = malloc(sizeof(*n));

		n->next = head;
		head = n;
	}
}

static void __attribute__((noinline)) make_temporary(void)
{
	for (int i = 0; i < 1000; i++)
		free(malloc(1000));
}

static void __attribute__((noinline)) clear_stack(void)
{
	volatile char all[4096];

	for (int i = 0; i < 4096; i++)
		all[i] = 0;
}

int main(void)
{
	void (*mark)(const char *) = (void (*)(const char *))dlsym(RTLD_DEFAULT, "tide_mark");

	make_leak();
	if (mark)
		mark("warm");
	make_ring();
	make_list();
	make_temporary();
	clear_stack();
	return 0;
}
