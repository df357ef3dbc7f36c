/* Three blocks that nothing refers to.
 *
 * cases: leak fixed
 * truth[leak]: unreferenced blocks=3 bytes=300 site=make_three distinct=1
 */
#include "truth.h"

static NOINLINE void *make_three(void)
{
	void *p = malloc(100);
	HIDE(p);
	return p;
}

static void scenario(void)
{
	for (int i = 0; i < 3; i++) {
		void *p = make_three();
		if (is_case("fixed"))
			free(p);
	}
}
