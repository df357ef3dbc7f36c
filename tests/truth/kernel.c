/* Only the kernel holds the pointer: as the data of an epoll descriptor, as the
 * value of a timer. When they are closed the blocks are lost.
 *
 * cases: held closed
 * truth[closed]: unreferenced blocks=1 bytes=150 site=make_for_epoll
 * truth[closed]: unreferenced blocks=1 bytes=160 site=make_for_timer
 * held[held]: make_for_epoll root=kernel blocks=1
 * held[held]: make_for_timer root=kernel blocks=1
 * needs: /proc/self/timers
 * build: -lrt
 */
#define _GNU_SOURCE
#include "truth.h"
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

static NOINLINE void *make_for_epoll(void) { void *p = malloc(150); HIDE(p); return p; }
static NOINLINE void *make_for_timer(void) { void *p = malloc(160); HIDE(p); return p; }

static void scenario(void)
{
	int ends[2], set = epoll_create1(0);
	if (pipe(ends))
		abort();
	struct epoll_event event = { .events = EPOLLIN };
	event.data.ptr = make_for_epoll();
	epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
	memset(&event, 0, sizeof(event));

	static timer_t timer; /* up to glibc 2.33 a pointer to a block of 8 bytes */
	struct sigevent e = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	e.sigev_value.sival_ptr = make_for_timer();
	if (timer_create(CLOCK_MONOTONIC, &e, &timer))
		abort();
	memset(&e, 0, sizeof(e));
	if (is_case("closed")) {
		timer_delete(timer);
		close(set);
	}
}
