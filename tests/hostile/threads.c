/* Threads: tiny stacks, ten thousand of them, cancellation, names, and ends of
 * every kind.
 * limit: 120
 */
#include "hostile.h"
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <semaphore.h>
#include <stdatomic.h>

static atomic_int done;

static void *small_main(void *argument)
{
	void *p[20];
	for (int i = 0; i < 20; i++) {
		p[i] = malloc((size_t)(i * 30 + 1));
		CHECK(p[i]);
	}
	p[3] = realloc(p[3], 4000);
	for (int i = 0; i < 20; i++)
		free(p[i]);
	atomic_fetch_add(&done, 1);
	return argument;
}

static pthread_t start(void *(*f)(void *), size_t stack, void *argument)
{
	pthread_attr_t a;
	pthread_t t;
	pthread_attr_init(&a);
	if (stack)
		CHECK(!pthread_attr_setstacksize(&a, stack));
	int r;
	while ((r = pthread_create(&t, &a, f, argument)) == EAGAIN)
		usleep(1000);
	CHECK(!r);
	pthread_attr_destroy(&a);
	return t;
}

static void small_stacks(void)
{
	for (int i = 0; i < 100; i++) {
		void *result;
		CHECK(!pthread_join(start(small_main, PTHREAD_STACK_MIN, &done), &result) && result == &done);
	}
}

static void own_stacks(void)
{
	for (int i = 0; i < 20; i++) {
		pthread_attr_t a;
		pthread_t t;
		void *stack = NULL, *result;
		CHECK(!posix_memalign(&stack, 4096, 16384));
		pthread_attr_init(&a);
		CHECK(!pthread_attr_setstack(&a, stack, 16384));
		CHECK(!pthread_create(&t, &a, small_main, stack));
		CHECK(!pthread_join(t, &result) && result == stack);
		free(stack);
	}
}

static void ten_thousand(void)
{
	for (int i = 0; i < 100; i++) {
		pthread_t t[100];
		for (int k = 0; k < 100; k++)
			t[k] = start(small_main, 16384, NULL);
		for (int k = 0; k < 100; k++)
			CHECK(!pthread_join(t[k], NULL));
	}
	printf("%d\n", atomic_load(&done));
}

static void detached(void)
{
	for (int i = 0; i < 300; i++)
		CHECK(!pthread_detach(start(small_main, 0, NULL)));
	while (atomic_load(&done) < 300)
		usleep(1000);
}

static void *wait_main(void *argument)
{
	sem_t *s = argument;
	void *volatile kept = malloc(100);
	sem_post(s);
	for (;;)
		pause();
	return kept;
}

static void *churn_main(void *argument)
{
	sem_post(argument);
	for (;;) {
		free(malloc(100));
		pthread_testcancel();
	}
	return NULL;
}

static void cancel(void)
{
	sem_t s;
	sem_init(&s, 0, 0);
	for (int i = 0; i < 100; i++) {
		void *result;
		pthread_t t = start(i & 1 ? wait_main : churn_main, 0, &s);
		sem_wait(&s);
		CHECK(!pthread_cancel(t));
		CHECK(!pthread_join(t, &result) && result == PTHREAD_CANCELED);
	}
}

/* A hook is not a cancellation point: a cancelled thread goes on allocating until it meets one. */
static atomic_int survived;
static void *pending_main(void *argument)
{
	sem_t *s = argument;
	sem_post(s);
	while (!atomic_load(&done))
		sched_yield();
	for (int i = 0; i < 1000; i++) {
		void *p = malloc((size_t)i * 100);
		p = realloc(p, (size_t)i * 300 + 1);
		free(p);
	}
	atomic_store(&survived, 1);
	pthread_testcancel();
	return NULL;
}
static void no_cancellation_point(void)
{
	sem_t s;
	void *result;
	sem_init(&s, 0, 0);
	pthread_t t = start(pending_main, 0, &s);
	sem_wait(&s);
	pthread_cancel(t);
	atomic_store(&done, 1);
	pthread_join(t, &result);
	CHECK(result == PTHREAD_CANCELED && atomic_load(&survived));
}

static void *named_main(void *unused)
{
	char name[16];
	pthread_setname_np(pthread_self(), "a name of fiftn");
	exercise(100);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	CHECK(!strcmp(name, "a name of fiftn"));
	return unused;
}

static void names(void)
{
	char name[16];
	pthread_getname_np(pthread_self(), name, sizeof(name));
	printf("%s\n", name);
	pthread_join(start(named_main, 0, NULL), NULL);
	pthread_getname_np(pthread_self(), name, sizeof(name));
	printf("%s\n", name);
}

static void *outlives_main(void *unused)
{
	usleep(50000);
	exercise(500);
	printf("last one out\n");
	return unused;
}

static void main_leaves_first(void)
{
	start(outlives_main, 0, NULL);
	free(malloc(10));
	pthread_exit(NULL);
}

/* Blocks made in one thread are freed and resized in others. */
#define PASSED 20000
static void *passed[PASSED];
static void *taker(void *argument)
{
	long k = (long)argument;
	for (long i = k; i < PASSED; i += 4) {
		passed[i] = realloc(passed[i], 100 + (size_t)i % 900);
		free(passed[i]);
	}
	return NULL;
}
static void handed_over(void)
{
	pthread_t t[4];
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < PASSED; i++)
			passed[i] = malloc((size_t)i % 300);
		for (long k = 0; k < 4; k++)
			t[k] = start(taker, 0, (void *)k);
		for (int k = 0; k < 4; k++)
			pthread_join(t[k], NULL);
	}
}

/* What pthread_create returns, and that its attributes are obeyed. */
static void *affinity_main(void *argument)
{
	pthread_attr_t a;
	size_t stack, guard;
	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstacksize(&a, &stack);
	pthread_attr_getguardsize(&a, &guard);
	pthread_attr_destroy(&a);
	printf("stack %zu guard %zu\n", stack, guard);
	return argument;
}
static void attributes(void)
{
	pthread_t t;
	pthread_attr_t a;
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 300 * 1024);
	pthread_attr_setguardsize(&a, 64 * 1024);
	CHECK(!pthread_create(&t, &a, affinity_main, NULL));
	pthread_join(t, NULL);
	pthread_attr_setschedpolicy(&a, 77);
	errno = 0;
	printf("bad policy: %d\n", pthread_attr_setschedpolicy(&a, 77));
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, (size_t)1 << 46);
	printf("huge stack: %d\n", pthread_create(&t, &a, affinity_main, NULL));
}

MAIN(CASE(small_stacks), CASE(own_stacks), CASE(ten_thousand), CASE(detached), CASE(cancel), CASE(no_cancellation_point),
	CASE(names), CASE(main_leaves_first), CASE(handed_over), CASE(attributes))
