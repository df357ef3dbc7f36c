/* stack_types - a C program that says the true type of each block that its stacks hold.
 *
 *	stack_types FILE [wait]
 *
 * Lines of FILE are as true_types_c has them; "?" before the type: nothing sure leads to the block, or an optimising
 * compiler may keep the only pointer to it in a register. All memory comes from one wrapper, and no variable outside of
 * functions points to it. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *truth;
static int waits;
static volatile int sink;
static sem_t ready;

struct one { long a, b, c; };
struct two { struct two *next; long v; };
struct three { double x[4]; struct one *of; };
struct four { int a[12]; };
struct five { char name[40]; struct four *four; };
struct six { long w[7]; };
struct seven { long w[9]; };
struct eight { long w[11]; };
struct nine { long w[13]; };
struct ten { long w[15]; struct one *first; };
struct trap { char bytes[6 * sizeof(struct one)]; };
struct queue { long n; struct two *head; struct three **table; };
union either { struct six *six; struct seven *seven; };

__attribute__((noinline)) static void *make(size_t bytes, const char *type)
{
	void *p = calloc(1, bytes);

	fprintf(truth, "%p %s\n", p, type);
	return p;
}
#define MAKE(type) make(sizeof(struct type), #type)
#define UNSURE(type) make(sizeof(struct type), "?" #type)

/* The variable is in memory, and may be changed. */
#define IN_MEMORY(v) __asm__ volatile("" : : "r"(&(v)) : "memory")

__attribute__((noinline)) static void stop(void)
{
	fflush(truth);
	if (waits)
		pause();
	else
		exit(0);
	IN_MEMORY(truth);
}

/* Leaves pointers of the wrong types where the frames of those who come next will be. */
__attribute__((noinline)) static void soil(void *const *with, size_t count)
{
	void *volatile words[160];

	for (size_t i = 0; i < 160; i++)
		words[i] = with[i % count];
	IN_MEMORY(words);
}

/* Variables that have no value yet, whose slots hold words of before. */
__attribute__((noinline)) static void stale(void)
{
	struct one *not_yet, *many_lines;
	struct three partly; /* only its numbers have values */
	struct four *listed[4];

	for (volatile int i = 0; i < 4; i++)
		listed[i] = MAKE(four);
	partly.x[0] = partly.x[1] = partly.x[2] = partly.x[3] = sink;
	stop();
	sink = listed[sink]->a[0] + partly.x[sink];
	partly.of = MAKE(one);
	IN_MEMORY(partly);
	not_yet = MAKE(one);
	IN_MEMORY(not_yet);
	many_lines =
		make(sizeof(struct one),
			"one");
	IN_MEMORY(many_lines);
	struct one *declared_later = MAKE(one);
	IN_MEMORY(declared_later);
	struct three filled_later = { .of = MAKE(one) };
	IN_MEMORY(filled_later);
	stop();
}

__attribute__((noinline)) static void soiled(void)
{
	/* Of a size that six objects of the type have that all those variables point to. */
	void *with = UNSURE(trap);

	soil(&with, 1);
	stale();
	IN_MEMORY(with);
}

/* Scopes that are over, and not begun. */
__attribute__((noinline)) static void scopes(void)
{
	{
		struct four *over = UNSURE(four);
		IN_MEMORY(over);
	}
	{
		struct one *here = MAKE(one);
		IN_MEMORY(here);
		{
			struct six *here = MAKE(six);
			IN_MEMORY(here);
			soiled();
			IN_MEMORY(here);
		}
		IN_MEMORY(here);
	}
	{
		struct nine *next = MAKE(nine);
		IN_MEMORY(next);
	}
}

static inline __attribute__((always_inline)) void inlined(struct three *given)
{
	struct five five = { .four = MAKE(four) };
	struct three *copy = given;

	IN_MEMORY(five);
	IN_MEMORY(copy);
	scopes();
	IN_MEMORY(five);
	IN_MEMORY(copy);
}

__attribute__((noinline)) static void unsure(void)
{
	union either either = { .six = UNSURE(six) };
	void *any = UNSURE(seven);
	unsigned char *bytes = UNSURE(eight);

	IN_MEMORY(either);
	IN_MEMORY(any);
	IN_MEMORY(bytes);
	inlined(MAKE(three));
	IN_MEMORY(either);
	IN_MEMORY(any);
	IN_MEMORY(bytes);
}

__attribute__((noinline)) static void recurse(int depth, struct two *before)
{
	struct two *mine = MAKE(two);
	struct ten of_all = { .first = depth ? MAKE(one) : NULL };

	IN_MEMORY(mine);
	IN_MEMORY(before);
	IN_MEMORY(of_all);
	if (depth)
		recurse(depth - 1, mine);
	else
		unsure();
	IN_MEMORY(mine);
	IN_MEMORY(of_all);
}

static void *work(void *unused)
{
	struct queue queue = { 0 };
	struct nine *nine[3];

	for (int i = 0; i < 3; i++)
		nine[i] = MAKE(nine);
	for (int i = 0; i < 5; i++) {
		struct two *t = MAKE(two);

		t->next = queue.head;
		queue.head = t;
	}
	IN_MEMORY(nine);
	IN_MEMORY(queue);
	sem_post(&ready);
	for (;;)
		pause();
	return unused;
}

int main(int argc, char **argv)
{
	struct queue queue;
	pthread_t thread;

	truth = fopen(argv[1], "w");
	waits = argc > 2;
	sem_init(&ready, 0, 0);
	pthread_create(&thread, NULL, work, NULL);
	sem_wait(&ready);
	memset(&queue, 0, sizeof(queue));
	queue.table = make(10 * sizeof(struct three *), "three*");
	for (int i = 0; i < 10; i++) {
		queue.table[i] = MAKE(three);
		queue.table[i]->of = MAKE(one);
	}
	struct two *first = MAKE(two);

	IN_MEMORY(queue);
	IN_MEMORY(first);
	recurse(4, first);
	IN_MEMORY(queue);
	IN_MEMORY(first);
}
