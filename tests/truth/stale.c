/* Stale words far below the live part of a stack do not count as references: of the main
 * thread, and of a thread that is blocked.
 *
 * cases: main thread below
 * truth[main]: unreferenced blocks=50 bytes=1000 site=make_block
 * truth[thread]: unreferenced blocks=50 bytes=1000 site=make_block
 * truth[below]: unreferenced blocks=1 bytes=20 site=make_block
 */
#define TRUTH_OWN_MAIN
#include "truth.h"
#include "thread.h"

static NOINLINE void *make_block(void) { void *p = malloc(20); HIDE(p); return p; }

/* Leaves its pointers in dead frames, well below the caller's. */
static NOINLINE void litter(int depth)
{
	volatile char room[512];
	room[0] = (char)depth;
	if (depth) {
		litter(depth - 1);
	} else {
		void *volatile kept[50];
		for (int i = 0; i < 50; i++)
			kept[i] = make_block();
		(void)kept;
	}
	room[1] = room[0];
}

static void *thread_main(void *unused)
{
	(void)unused;
	litter(8);
	CLEAR_REGISTERS();
	atomic_fetch_add(&thread_blocked, 1);
	for (;;) {
		long result;
		__asm__ volatile("syscall" : "=a"(result) : "0"((long)SYS_pause) : "rcx", "r11", "memory");
	}
	return NULL;
}

/* The word lies where a leaf function might keep one; but this is a system
 * call of libc's. */
static void *below_main(void *unused)
{
	static uintptr_t hidden;

	(void)unused;
	hidden = ~(uintptr_t)make_block();
	scrub();
	atomic_fetch_add(&thread_blocked, 1);
	__asm__ volatile("mov %0, %%rax\n\tnot %%rax\n\tmov %%rax, -56(%%rsp)\n\txor %%eax, %%eax"
		: : "m"(hidden) : "rax", "memory");
	for (;;)
		syscall(SYS_pause);
	return NULL;
}

static void scenario(void)
{
	if (is_case("main")) {
		litter(8);
	} else {
		start_thread(is_case("below") ? below_main : thread_main, NULL);
		wait_blocked(1);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		truth_case = argv[1];
	scenario();
	CLEAR_REGISTERS();
	return truth_status;
}
