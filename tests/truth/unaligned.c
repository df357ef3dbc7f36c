/* A pointer at an odd address: seen when asked.
 *
 * options: --unaligned
 * held: make_block root=global name=packed blocks=1
 */
#include "truth.h"

struct __attribute__((packed)) odd { char tag; void *pointer; };
struct odd packed;

static NOINLINE void *make_block(void)
{
	void *p = calloc(1, 100);
	HIDE(p);
	return p;
}

static void scenario(void)
{
	packed.pointer = make_block();
}
