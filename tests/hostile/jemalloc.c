/* Another allocator preloaded underneath: its blocks are closer together, and go to it.
 * needs: libjemalloc.so.2
 * with: LD_PRELOAD=libjemalloc.so.2
 */
#include "hostile.h"
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

static void *work(void *unused)
{
	for (int i = 0; i < 20; i++)
		exercise(500);
	void *p[1000];
	for (int i = 0; i < 1000; i++)
		p[i] = malloc(8);
	for (int i = 0; i < 1000; i++) {
		CHECK(malloc_usable_size(p[i]) >= 8);
		free(p[i]);
	}
	return unused;
}
static void runs(void)
{
	CHECK(dlsym(RTLD_DEFAULT, "mallctl"));
	pthread_t t[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, work, NULL);
	work(NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}
MAIN(CASE(runs))
