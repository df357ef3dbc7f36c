/* Allocation after everybody has gone: atexit and on_exit handlers, destructors
 * of keys in all their rounds, thread-local destructors, destructors of libraries.
 * status[exit_in_thread]: 5
 */
#include "hostile.h"
#include <pthread.h>

extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
extern void *__dso_handle;

static void *kept;
static pthread_key_t key;
static int rounds;

static void handler(void) { exercise(300); kept = realloc(kept, 12345); free(kept); kept = NULL; printf("handler\n"); }
static void handler_with_value(int status, void *value) { free(value); printf("status %d\n", status); exercise(100); }
__attribute__((destructor(101))) static void last(void)
{
	char *volatile event = strdup("the very last");
	free(event);
}
__attribute__((destructor)) static void destructor(void) { exercise(100); }

static void at_exit(void)
{
	kept = malloc(10);
	atexit(handler);
	atexit(handler);
	on_exit(handler_with_value, malloc(77));
}

static void key_destructor(void *value)
{
	free(value);
	exercise(50);
	if (++rounds < 4)
		pthread_setspecific(key, malloc(64));
}

static void tls_destructor(void *value) { free(value); exercise(50); }

static void *thread_main(void *unused)
{
	pthread_setspecific(key, malloc(64));
	__cxa_thread_atexit_impl(tls_destructor, malloc(128), &__dso_handle);
	exercise(100);
	return unused;
}

static void thread_end(void)
{
	pthread_key_create(&key, key_destructor);
	for (int i = 0; i < 50; i++) {
		pthread_t t;
		rounds = 0;
		CHECK(!pthread_create(&t, NULL, thread_main, NULL));
		CHECK(!pthread_join(t, NULL));
		CHECK(rounds == 4);
	}
}

static void main_thread_end(void)
{
	__cxa_thread_atexit_impl(tls_destructor, malloc(128), &__dso_handle);
	atexit(handler);
}

static void *exiting(void *unused) { exercise(10); exit(5); return unused; }
static void exit_in_thread(void)
{
	pthread_t t;
	atexit(handler);
	pthread_create(&t, NULL, exiting, NULL);
	pthread_join(t, NULL);
}

/* Other threads allocate while the process ends. */
static void *busy(void *unused) { for (;;) exercise(100); return unused; }
static void exit_while_busy(void)
{
	pthread_t t;
	for (int i = 0; i < 4; i++)
		pthread_create(&t, NULL, busy, NULL);
	usleep(20000);
	atexit(handler);
}

MAIN(CASE(at_exit), CASE(thread_end), CASE(main_thread_end), CASE(exit_in_thread), CASE(exit_while_busy))
