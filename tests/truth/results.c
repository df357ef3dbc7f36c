/* The result of a thread that nobody has joined yet is held; joined and
 * dropped it is lost. The argument of a thread that has let it go is lost,
 * though the thread lives and libc remembers it.
 *
 * cases: unjoined dropped argument
 * truth[dropped]: unreferenced blocks=1 bytes=45 site=make_result
 * truth[argument]: unreferenced blocks=1 bytes=46 site=make_argument
 */
#include "truth.h"
#include "thread.h"

NOINLINE void stand_still(void);
void *forgets(void *);

static NOINLINE void *make_result(void) { void *p = malloc(45); HIDE(p); return p; }
static NOINLINE void *make_argument(void) { void *p = malloc(46); HIDE(p); return p; }

static void *thread_main(void *unused)
{
	(void)unused;
	return make_result();
}

void stand_still(void)
{
	BLOCK_FOREVER();
}

/* Takes its argument and keeps it nowhere. */
__asm__(".pushsection .text\n.globl forgets\n.type forgets, @function\nforgets:\n.cfi_startproc\n"
	"\txorl %edi,%edi\n\tsubq $8,%rsp\n\t.cfi_adjust_cfa_offset 8\n\tcall stand_still\n\thlt\n.cfi_endproc\n"
	".size forgets, .-forgets\n.popsection");

static void scenario(void)
{
	if (is_case("argument")) {
		start_thread(forgets, make_argument());
		wait_blocked(1);
		return;
	}
	pthread_t t = start_thread(thread_main, NULL);
	if (is_case("dropped"))
		pthread_join(t, NULL);
	else
		usleep(50000);
}
