/* Programs that walk their own stacks all the time, by libgcc, by libunwind and by
 * backtrace(), while others allocate, open libraries and throw nothing away.
 * libraries: lib_plugin.c
 * limit: 60
 */
#include "hostile.h"
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <unwind.h>

static volatile int over;
static int (*unwinder)(void **, int);

static _Unwind_Reason_Code step(struct _Unwind_Context *c, void *n)
{
	if (_Unwind_GetIP(c))
		++*(int *)n;
	return _URC_NO_REASON;
}

static NOINLINE int deep(int n, void **frames)
{
	int count = 0;
	if (n) {
		count = deep(n - 1, frames);
		HIDE(frames);
		return count;
	}
	_Unwind_Backtrace(step, &count);
	void *p = malloc(64);
	int again = backtrace(frames, 64);
	CHECK(count > 20 && again > 20);
	if (unwinder)
		CHECK(unwinder(frames, 64) > 20);
	free(p);
	return count;
}

static void *walker(void *argument)
{
	void *frames[64];
	for (int i = 0; i < 1500; i++) {
		int n = deep(20 + i % 10, frames);
		CHECK(n >= 22 + i % 10);
	}
	return argument;
}

static void *opener(void *argument)
{
	while (!over) {
		void *l = dlopen("./lib_plugin.so", RTLD_NOW);
		CHECK(l);
		exercise(20);
		dlclose(l);
	}
	return argument;
}

static void run(void)
{
	pthread_t t[4], o;
	CHECK(!pthread_create(&o, NULL, opener, NULL));
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_create(&t[i], NULL, walker, NULL));
	exercise(30000);
	for (int i = 0; i < 4; i++)
		CHECK(!pthread_join(t[i], NULL));
	over = 1;
	CHECK(!pthread_join(o, NULL));
}

static void by_libgcc(void) { run(); }

/* A second libunwind in the process, of whatever version. */
static void by_libunwind(void)
{
	void *l = dlopen("libunwind.so.8", RTLD_NOW);
	if (l)
		unwinder = (int (*)(void **, int))dlsym(l, "unw_backtrace");
	run();
}

MAIN(CASE(by_libgcc), CASE(by_libunwind))
