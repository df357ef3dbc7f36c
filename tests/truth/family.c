/* The rest of the malloc family, and realloc that moves.
 *
 * cases: leak fixed
 * truth[leak]: unreferenced blocks=1 bytes=60 site=by_calloc
 * truth[leak]: unreferenced blocks=1 bytes=5000 site=by_realloc
 * truth[leak]: unreferenced blocks=1 bytes=77 site=by_memalign
 * truth[leak]: unreferenced blocks=1 bytes=128 site=by_aligned_alloc
 * truth[leak]: unreferenced blocks=1 bytes=6 site=by_strdup
 * truth[leak]: unreferenced blocks=1 bytes=300000 site=by_big
 */
#define _GNU_SOURCE
#include "truth.h"

static NOINLINE void *by_calloc(void) { void *p = calloc(6, 10); HIDE(p); return p; }
static NOINLINE void *by_aligned_alloc(void) { void *p = aligned_alloc(64, 128); HIDE(p); return p; }
static NOINLINE void *by_strdup(void) { void *p = strdup("hello"); HIDE(p); return p; }
static NOINLINE void *by_big(void) { void *p = malloc(300000); HIDE(p); return p; }

static NOINLINE void *by_realloc(void)
{
	void *p = malloc(10), *wall;
	HIDE(p);
	wall = malloc(10);
	HIDE(wall);
	p = realloc(p, 5000);
	HIDE(p);
	free(wall);
	return p;
}

static NOINLINE void *by_memalign(void)
{
	void *p = NULL;
	if (posix_memalign(&p, 256, 77))
		abort();
	HIDE(p);
	return p;
}

static void scenario(void)
{
	void *(*const make[])(void) = { by_calloc, by_realloc, by_memalign, by_aligned_alloc, by_strdup, by_big };
	for (unsigned i = 0; i < sizeof(make) / sizeof(*make); i++) {
		void *p = make[i]();
		if (is_case("fixed"))
			free(p);
	}
}
