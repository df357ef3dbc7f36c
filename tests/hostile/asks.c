/* Questions about all blocks (tidemark.h), from several threads at once, while others make and
 * free blocks and give their memory back to the kernel.
 * modes: full every preload
 * limit: 120
 */
#include "hostile.h"
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include "../../shim/tidemark.h"

#define ASKERS 3
#define CHURNERS 3

static atomic_int over;
static pthread_barrier_t all_there;

/* The top of an arena, and blocks that are mappings of their own: both vanish when freed. */
static void *churn(void *argument)
{
	static const size_t sizes[] = { 24, 1000, 131072 - 24, 135144, 200000, 400000 };
	void *p[64] = { 0 };
	unsigned r = 1 + (unsigned)(uintptr_t)argument;
	pthread_barrier_wait(&all_there);
	while (!over) {
		for (int i = 0; i < 64; i++) {
			r = r * 1664525u + 1013904223u;
			CHECK(p[i] = malloc(sizes[(r >> 16) % 6]));
		}
		for (int i = 64; i-- > 0;)
			free(p[i]);
		malloc_trim(0);
	}
	return NULL;
}

struct found {
	void **expected;
	int count, seen;
};

static void look(void *context, void *block, size_t bytes)
{
	struct found *f = (struct found *)context;
	for (int i = 0; i < f->count; i++)
		if (f->expected[i] == block) {
			CHECK(bytes == 100 + (size_t)i);
			f->seen++;
		}
}

/* What this thread leaves in its scope is all that it sees of it. */
static void *ask(void *argument)
{
	void *p[50];
	char name[] = "scope 0";
	name[6] = (char)('0' + (int)(uintptr_t)argument);
	pthread_barrier_wait(&all_there);
	for (int round = 0; round < 40; round++) {
		size_t bytes = 0;
		tide_scope_begin(name);
		for (int i = 0; i < 50; i++) {
			CHECK(p[i] = malloc(100 + (size_t)i));
			bytes += 100 + (size_t)i;
		}
		struct found f = { p, 50, 0 };
		for (int generation = 0; generation < 3; generation++) {
			tide_blocks(generation, look, &f);
			if (tide_mark)
				tide_count(generation);
		}
		struct tide_left left = tide_scope_end(name);
		if (tide_mark) {
			CHECK(left.blocks == 50 && left.bytes == bytes);
			/* Marks of other threads move blocks to the next generation in between. */
			CHECK(f.seen >= 50);
		}
		for (int i = 0; i < 50; i++)
			free(p[i]);
	}
	return NULL;
}

static void blocks(void)
{
	pthread_t askers[ASKERS], churners[CHURNERS];
	CHECK(!pthread_barrier_init(&all_there, NULL, ASKERS + CHURNERS));
	for (uintptr_t i = 0; i < CHURNERS; i++)
		CHECK(!pthread_create(&churners[i], NULL, churn, (void *)i));
	for (uintptr_t i = 0; i < ASKERS; i++)
		CHECK(!pthread_create(&askers[i], NULL, ask, (void *)i));
	for (int i = 0; i < ASKERS; i++)
		CHECK(!pthread_join(askers[i], NULL));
	over = 1;
	for (int i = 0; i < CHURNERS; i++)
		CHECK(!pthread_join(churners[i], NULL));
}

static void *held[20];

/* Each question gets its own answer. */
static void *count(void *argument)
{
	int n = (int)(uintptr_t)argument;
	pthread_barrier_wait(&all_there);
	for (int round = 0; round < 3; round++) {
		long references = tide_refcount(held[n]);
		CHECK(references == -1 || references >= 1 + n);
	}
	return NULL;
}

/* The block held[n] is referred to by held[n] and by n words more. */
static void references(void)
{
	static void *more[ASKERS * ASKERS];
	pthread_t t[ASKERS];
	int words = 0;
	for (int i = 0; i < ASKERS; i++) {
		CHECK(held[i] = malloc(64));
		for (int k = 0; k < i; k++)
			more[words++] = held[i];
	}
	CHECK(!pthread_barrier_init(&all_there, NULL, ASKERS));
	for (uintptr_t i = 0; i < ASKERS; i++)
		CHECK(!pthread_create(&t[i], NULL, count, (void *)i));
	for (int i = 0; i < ASKERS; i++)
		CHECK(!pthread_join(t[i], NULL));
	HIDE(more[0]);
}

MAIN(CASE(blocks), CASE(references))
