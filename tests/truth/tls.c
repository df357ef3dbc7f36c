/* Thread-local variables hold: the main thread's, a blocked thread's, and those
 * of a library loaded later. When a thread has ended, what it held is lost.
 *
 * cases: held ended
 * truth[ended]: unreferenced blocks=1 bytes=55 site=make_of_thread
 * truth[ended]: unreferenced blocks=1 bytes=66 site=make_dynamic
 * held[held]: make_of_main root=tls blocks=1
 * held[held]: make_of_thread root=tls blocks=1
 * held[held]: make_dynamic root=tls blocks=1
 * held[ended]: make_of_main root=tls blocks=1
 * libraries: lib_tls.c
 * build: -ldl
 */
#define _GNU_SOURCE
#include "truth.h"
#include "thread.h"
#include <dlfcn.h>

__thread void *holder;
static void (*set_in_library)(void *);

static NOINLINE void *make_of_main(void) { void *p = malloc(44); HIDE(p); return p; }
static NOINLINE void *make_of_thread(void) { void *p = malloc(55); HIDE(p); return p; }
static NOINLINE void *make_dynamic(void) { void *p = malloc(66); HIDE(p); return p; }

static NOINLINE void fill(void)
{
	holder = make_of_thread();
	set_in_library(make_dynamic());
}

static void *thread_main(void *unused)
{
	(void)unused;
	fill();
	if (is_case("ended"))
		return NULL;
	BLOCK_FOREVER();
	return NULL;
}

static void scenario(void)
{
	void *library = dlopen("./lib_tls.so", RTLD_NOW);
	if (!library) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	set_in_library = (void (*)(void *))dlsym(library, "set_in_library");
	holder = make_of_main();
	pthread_t t = start_thread(thread_main, NULL);
	if (is_case("ended"))
		pthread_join(t, NULL);
	else
		wait_blocked(1);
}
