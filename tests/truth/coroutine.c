/* A suspended coroutine holds a block on its stack: in memory the program
 * mapped, and in a block of the heap that a global holds.
 *
 * cases: mapped heap
 * held[mapped]: make_block root=mapping,stack blocks=1
 * held[heap]: make_block root=global,stack blocks=1
 */
#define _GNU_SOURCE
#include "truth.h"
#include <sys/mman.h>
#include <ucontext.h>

#define STACK 65536
static ucontext_t main_context, other_context;
void *stack_block;

static NOINLINE void *make_block(void) { void *p = malloc(80); HIDE(p); return p; }

static void body(void)
{
	void *volatile kept = make_block();
	swapcontext(&other_context, &main_context);
	free(kept);
}

static void scenario(void)
{
	void *stack = is_case("mapped")
		? mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
		: (stack_block = calloc(1, STACK));
	getcontext(&other_context);
	other_context.uc_stack.ss_sp = stack;
	other_context.uc_stack.ss_size = STACK;
	other_context.uc_link = &main_context;
	makecontext(&other_context, body, 0);
	swapcontext(&main_context, &other_context);
	/* The saved registers hold nothing of it; wiped to be sure. */
	memset(&main_context, 0, sizeof(main_context));
	memset(other_context.uc_mcontext.gregs, 0, sizeof(other_context.uc_mcontext.gregs));
}
