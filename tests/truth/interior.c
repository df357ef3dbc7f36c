/* Interior pointers: a low tag bit is a layout that is known; forty bytes into
 * a plain block is not, and holds the block only possibly.
 *
 * cases: tagged inside
 * truth[inside]: possible blocks=1 bytes=100 site=make_block
 * held[tagged]: make_block root=global name=word blocks=1
 */
#include "truth.h"

uintptr_t word;

static NOINLINE void *make_block(void)
{
	void *p = calloc(1, 100);
	HIDE(p);
	return p;
}

static void scenario(void)
{
	word = (uintptr_t)make_block() + (is_case("tagged") ? 1 : 40);
}
