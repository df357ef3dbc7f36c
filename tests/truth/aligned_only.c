/* A pointer at an odd address: not seen when not asked.
 *
 * truth: unreferenced blocks=1 bytes=100 site=make_block
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
