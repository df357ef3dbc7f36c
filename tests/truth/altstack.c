/* A handler on an alternate stack holds a block, and so does the frame that the
 * signal interrupted: in the thread that exits, and in one that is blocked.
 *
 * cases: exits blocked
 * held[exits]: make_in_handler root=stack blocks=1
 * held[exits]: make_interrupted root=stack blocks=1
 * held[blocked]: make_in_handler root=stack blocks=1
 * held[blocked]: make_interrupted root=stack blocks=1
 */
#define _GNU_SOURCE
#include "truth.h"
#include "thread.h"
#include <signal.h>
#include <sys/mman.h>

static NOINLINE void *make_in_handler(void) { void *p = malloc(70); HIDE(p); return p; }
static NOINLINE void *make_interrupted(void) { void *p = malloc(71); HIDE(p); return p; }

static void handler(int signal)
{
	void *volatile kept = make_in_handler();
	(void)signal;
	(void)kept;
	if (is_case("exits"))
		exit(0);
	BLOCK_FOREVER();
}

static NOINLINE void interrupted(void)
{
	void *volatile kept = make_interrupted();
	(void)kept;
	pthread_kill(pthread_self(), SIGUSR1);
}

static void *thread_main(void *unused)
{
	(void)unused;
	stack_t s = { .ss_size = 262144 };
	s.ss_sp = mmap(NULL, s.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&s, NULL);
	interrupted();
	return NULL;
}

static void scenario(void)
{
	struct sigaction a = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	sigaction(SIGUSR1, &a, NULL);
	if (is_case("exits")) {
		thread_main(NULL);
	} else {
		start_thread(thread_main, NULL);
		wait_blocked(1);
	}
}
