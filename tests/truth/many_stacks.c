/* Leaks on 8192 distinct stacks: two call sites, thirteen levels.
 *
 * cases: leak fixed
 * truth[leak]: unreferenced blocks=8192 bytes=131072 site=leaf distinct=8192
 */
#include "truth.h"

static NOINLINE void leaf(void)
{
	void *p = malloc(16);
	HIDE(p);
	if (is_case("fixed"))
		free(p);
}

static NOINLINE void down(int depth)
{
	if (!depth) {
		leaf();
		return;
	}
	down(depth - 1);
	__asm__ volatile("" : : : "memory");
	down(depth - 1);
	__asm__ volatile("" : : : "memory");
}

static void scenario(void)
{
	down(13);
}
