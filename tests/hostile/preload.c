/* Another library preloaded, which counts and passes on; blocks made by either side.
 * libraries: lib_counter.c:-ldl
 * with: LD_PRELOAD=FOLDER/lib_counter.so
 */
#include "hostile.h"
#include <dlfcn.h>

static void counts(void)
{
	long (*calls)(void) = (long (*)(void))dlsym(RTLD_DEFAULT, "counter_calls");
	CHECK(calls);
	long before = calls();
	for (int i = 0; i < 1000; i++)
		free(realloc(malloc(10), 200));
	CHECK(calls() == before + 3000);
	exercise(1000);
	CHECK(!strncmp(getenv("LD_PRELOAD") ? strstr(getenv("LD_PRELOAD"), "lib_counter") : "", "lib_counter", 11));
}

/* A child has it too. */
static void children(void)
{
	CHECK(!system("case \"$LD_PRELOAD\" in *lib_counter*) exit 0;; esac; exit 1"));
}

MAIN(CASE(counts), CASE(children))
