/* pthread_setspecific holds: in the first block of keys and in later ones, of
 * the main thread and of a blocked one.
 *
 * held: make_low root=pthread_key,tls blocks=2
 * held: make_high root=pthread_key,tls blocks=2
 */
#include "truth.h"
#include "thread.h"

static pthread_key_t low, high;

static NOINLINE void *make_low(void) { void *p = malloc(33); HIDE(p); return p; }
static NOINLINE void *make_high(void) { void *p = malloc(34); HIDE(p); return p; }

static NOINLINE void fill(void)
{
	pthread_setspecific(low, make_low());
	pthread_setspecific(high, make_high());
}

static void *thread_main(void *unused)
{
	(void)unused;
	fill();
	BLOCK_FOREVER();
	return NULL;
}

static void scenario(void)
{
	pthread_key_t filler;
	pthread_key_create(&low, NULL);
	for (int i = 0; i < 100; i++)
		pthread_key_create(&filler, NULL);
	pthread_key_create(&high, NULL);
	fill();
	start_thread(thread_main, NULL);
	wait_blocked(1);
}
