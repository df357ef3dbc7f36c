/* The same leak is seen whichever way the process ends, and what main's caller
 * still holds in its frame is held.
 *
 * cases: return exit _exit quick_exit abort thread_exit
 * truth: unreferenced blocks=3 bytes=99 site=make_lost
 * held[exit]: make_held root=stack blocks=1
 * held[_exit]: make_held root=stack blocks=1
 * held[quick_exit]: make_held root=stack blocks=1
 * held[abort]: make_held root=stack blocks=1
 * held[thread_exit]: make_held root=global blocks=1
 * held[return]: make_held root=global blocks=1
 * status[exit]: 4
 * status[_exit]: 5
 * status[quick_exit]: 6
 * status[abort]: 134
 */
#define _GNU_SOURCE
#include "truth.h"
#include "thread.h"

void *kept_global;

static NOINLINE void *make_lost(void) { void *p = malloc(33); HIDE(p); return p; }
static NOINLINE void *make_held(void) { void *p = malloc(44); HIDE(p); return p; }
static NOINLINE void lose(void) { make_lost(); make_lost(); make_lost(); }

static NOINLINE void leave(void)
{
	scrub();
	if (is_case("exit"))
		exit(4);
	if (is_case("_exit"))
		_exit(5);
	if (is_case("quick_exit"))
		quick_exit(6);
	if (is_case("abort"))
		abort();
	if (is_case("thread_exit"))
		pthread_exit(NULL);
}

static void scenario(void)
{
	lose();
	if (is_case("return") || is_case("thread_exit")) {
		kept_global = make_held();
		leave();
	} else {
		void *volatile kept = make_held();
		leave();
		(void)kept;
	}
}
