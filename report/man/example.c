/* example.c - the program that the manual pages profile: a cache that grows, sessions that are lost, alone and in
 * pairs that keep each other, and work that frees what it takes.
 *
 *   app [REQUESTS]
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tidemark.h>

#define NOINLINE __attribute__((noinline))

struct entry { struct entry *next; char text[200]; };
struct session { struct session *peer; char *name, buffer[1000]; };

static struct entry *cache;

static NOINLINE void cache_insert(int number)
{
	struct entry *e = calloc(1, sizeof(*e));

	e->next = cache;
	e->text[0] = (char)number;
	cache = e;
}

static NOINLINE struct session *session_new(const char *name)
{
	struct session *s = calloc(1, sizeof(*s));

	s->name = strdup(name);
	return s;
}

static NOINLINE void pair(void)
{
	struct session *a = session_new("left"), *b = session_new("right");

	a->peer = b;
	b->peer = a;
}

static NOINLINE void parse(int number)
{
	char *copy = malloc(64 + (size_t)number % 100);

	__asm__ volatile("" : "+r"(copy));
	free(copy);
}

static NOINLINE void request(int number)
{
	struct timespec wait = { .tv_nsec = 200000 };

	nanosleep(&wait, NULL);
	parse(number);
	cache_insert(number);
	if (number % 20 == 0)
		session_new("guest");
	if (number % 50 == 0)
		pair();
}

/* Leaves no pointer of a request behind on the stack. */
static NOINLINE void wipe(void)
{
	volatile char stack[4096];

	memset((void *)stack, 0, sizeof(stack));
}

int main(int argc, char **argv)
{
	int requests = argc > 1 ? atoi(argv[1]) : 400;

	for (int i = 1; i <= 100; i++)
		request(i);
	tide_mark("warm");
	for (int i = 101; i <= requests; i++)
		request(i);
	wipe();
	tide_mark("end");
	return 0;
}
