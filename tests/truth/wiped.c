/* With --wipe: a new block holds nothing of what lay there before, so that neither freed arrays of
 * pointers nor the unused end of one that grew keep anything alive. What the program has written stays.
 *
 * cases: arrays growth aligned
 * options: --wipe
 * truth: unreferenced blocks=100 bytes=2000 site=make_lost
 */
#include "truth.h"
#include <malloc.h>

char *kept[8];

static NOINLINE char *make_lost(void) { char *p = malloc(20); HIDE(p); return p; }

/* A freed array that was full of pointers, `bytes` long. */
static NOINLINE void array_freed(char **a, int first)
{
	HIDE(a);
	for (int i = 0; i < 100; i++)
		a[first + i] = make_lost();
	free(a);
}

static void scenario(void)
{
	if (is_case("arrays")) {
		array_freed(calloc(200, 8), 50);
		kept[0] = malloc(1600);
	} else if (is_case("growth")) {
		array_freed(calloc(200, 8), 50);
		kept[0] = malloc(200);
		for (int i = 0; i < 200; i++)
			kept[0][i] = (char)i;
		((char **)(void *)kept[0])[3] = (char *)&kept;
		kept[0] = realloc(kept[0], 1500);
		if (kept[0][199] != (char)199 || ((char **)(void *)kept[0])[3] != (char *)&kept)
			truth_status = 9;
		/* Bytes that were not asked for, but were there, may be in use. */
		kept[1] = malloc(21);
		memcpy(kept[1] + 16, &kept[0], malloc_usable_size(kept[1]) >= 24 ? 8 : 0);
		kept[1] = realloc(kept[1], 2000);
		if (memcmp(kept[1] + 16, &kept[0], 8))
			truth_status = 9;
	} else {
		array_freed(calloc(230, 8), 50);
		if (posix_memalign((void **)&kept[0], 64, 1600))
			truth_status = 9;
	}
}
