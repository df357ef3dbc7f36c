/* A thread blocked in the kernel holds a block in nothing but one register: a
 * general one that calls preserve, or a vector register.
 *
 * cases: general vector dropped
 * truth[dropped]: unreferenced blocks=1 bytes=90 site=make_block
 * held[general]: make_block root=register blocks=1
 * held[vector]: make_block root=register blocks=1
 */
#include "truth.h"
#include "thread.h"

NOINLINE void *make_block(void);
NOINLINE void wipe(void);
void *general_thread(void *), *vector_thread(void *), *dropped_thread(void *);
extern atomic_int ready;
atomic_int ready;

void *make_block(void) { void *p = malloc(90); HIDE(p); return p; }
void wipe(void) { scrub(); }

/* Never return, so preserved registers need not be kept. The pointer goes from
 * rax into its register, everything else is wiped. */
#define THREAD(name, keep, restore) \
__asm__(".pushsection .text\n.globl " #name "\n.type " #name ", @function\n" #name ":\n" \
	".cfi_startproc\n\tsubq $8,%rsp\n\t.cfi_adjust_cfa_offset 8\n\tcall make_block\n\t" keep \
	"\n\txorl %eax,%eax\n\tcall wipe\n\t" restore \
	"\n\txorl %eax,%eax\n\tmovl $1,ready(%rip)\n1:\tmovl $34,%eax\n\tsyscall\n\tjmp 1b\n\t.cfi_endproc\n" \
	".size " #name ", .-" #name "\n.popsection")
THREAD(general_thread, "movq %rax,%r13", "");
THREAD(dropped_thread, "xorl %r13d,%r13d", "");
/* wipe() clears the vector registers: the pointer waits in r13, complemented. */
THREAD(vector_thread, "movq %rax,%r13\n\tnotq %r13", "notq %r13\n\tmovq %r13,%xmm9\n\txorl %r13d,%r13d");

static void scenario(void)
{
	start_thread(is_case("general") ? general_thread : is_case("vector") ? vector_thread : dropped_thread, NULL);
	while (!atomic_load(&ready))
		usleep(1000);
	usleep(20000);
}
