/* Clocks that are not what they seem: the program (or a preloaded library, as faketime is)
 * has clock_gettime of its own, which stands still, runs backwards, fails, or allocates.
 * cases: still backwards fails allocates
 */
#include <time.h>
#include "hostile.h"

static enum { STILL, BACKWARDS, FAILS, ALLOCATES } what;
static long calls;

__attribute__((constructor(101))) static void choose(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	what = !strcmp(name, "backwards") ? BACKWARDS : !strcmp(name, "fails") ? FAILS
		: !strcmp(name, "allocates") ? ALLOCATES : STILL;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	calls++;
	t->tv_sec = 1000000000 - (what == BACKWARDS ? calls * 1000 : 0);
	t->tv_nsec = 0;
	if (what == ALLOCATES) {
		void *p = malloc(100);
		HIDE(p);
		free(p);
	}
	if (what == FAILS) {
		errno = EINVAL;
		return -1;
	}
	return 0;
}

/* Long enough for several points of a timeline. */
static void all(void)
{
	struct timespec t, pause = { 0, 2000000 };
	for (int i = 0; i < 20; i++) {
		exercise(2000);
		nanosleep(&pause, NULL);
		CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == (what == FAILS ? -1 : 0));
	}
	CHECK(calls == 20);	/* nobody but the program asked its clock */
}

static void still(void) { all(); }
static void backwards(void) { all(); }
static void fails(void) { all(); }
static void allocates(void) { all(); }

MAIN(CASE(still), CASE(backwards), CASE(fails), CASE(allocates))
