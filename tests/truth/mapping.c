/* Memory that the program mapped holds: private and shared; unmapped, no more.
 *
 * cases: held unmapped
 * truth[unmapped]: unreferenced blocks=1 bytes=210 site=make_private
 * truth[unmapped]: unreferenced blocks=1 bytes=220 site=make_shared
 * held[held]: make_private root=mapping blocks=1
 * held[held]: make_shared root=mapping blocks=1
 */
#define _GNU_SOURCE
#include "truth.h"
#include <sys/mman.h>

static NOINLINE void *make_private(void) { void *p = malloc(210); HIDE(p); return p; }
static NOINLINE void *make_shared(void) { void *p = malloc(220); HIDE(p); return p; }

static NOINLINE void **map(int flags)
{
	return mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

static void scenario(void)
{
	void **p = map(MAP_PRIVATE), **s = map(MAP_SHARED);
	p[777] = make_private();
	s[999] = make_shared();
	if (is_case("unmapped")) {
		munmap(p, 1 << 20);
		munmap(s, 1 << 20);
	}
}
