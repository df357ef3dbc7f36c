/* Blocks of no bytes: lost ones count as blocks, held ones are held though a
 * pointer to them points at nothing of theirs.
 *
 * cases: leak fixed
 * truth[leak]: unreferenced blocks=10 bytes=0 site=make_lost
 * held[leak]: make_held root=global name=held blocks=10
 */
#include "truth.h"

void *held[10];

static NOINLINE void *make_lost(void) { void *p = malloc(0); HIDE(p); return p; }
static NOINLINE void *make_held(void) { void *p = malloc(0); HIDE(p); return p; }

static void scenario(void)
{
	for (int i = 0; i < 10; i++) {
		void *p = make_lost();
		held[i] = make_held();
		if (is_case("fixed")) {
			free(p);
			free(held[i]);
			held[i] = NULL;
		}
	}
}
