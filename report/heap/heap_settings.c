/* heap_settings.c - what libc gives back by itself, and when: heap_private.h.
 *
 * struct malloc_par (malloc/malloc.c) is {trim_threshold, top_pad, mmap_threshold, arena_test, arena_max, from
 * 2.35 on: thp_pagesize, hp_pagesize, int hp_flags; then int n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold,
 * size_t mmapped_mem, max_mmapped_mem, char *sbrk_base, ...}. It is found by sbrk_base, where the first memory of the
 * program break began.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "heap_private.h"

#define ARENAS_MOST (1u << 20)
#define PAD_MOST (1ull << 40)
#define PAGE_MOST (1ull << 30) /* the largest huge page */

/* From trim_threshold to sbrk_base, in words: up to 2.34, from 2.35 on, and with one word more. */
static const unsigned distances[] = { 9, 12, 13 };

static bool is_plausible(const uint64_t *p, unsigned distance)
{
	const uint64_t huge = distance > 9 ? p[5] : 0, used = p[distance - 2], most = p[distance - 1];

	return p[1] < PAD_MOST && p[2] && p[3] && p[3] <= ARENAS_MOST && p[4] <= ARENAS_MOST && used <= most
		&& used % HEAP_PAGE == 0 && most % HEAP_PAGE == 0 && huge <= PAGE_MOST && !(huge & (huge - 1))
		&& huge % HEAP_PAGE == 0;
}

void heap_settings(struct heap *h, struct remote *memory, uint64_t lo, uint64_t hi)
{
	uint64_t words = (hi - lo) / 8, *data, base = 0;

	for (size_t i = 0; i < memory->mapping_count && !base; i++)
		if (!strcmp(memory->mappings[i].path, "[heap]"))
			base = memory->mappings[i].lo;
	if (!base)
		return;
	data = alloc_bytes(words * 8 + 8);
	remote_read(memory, lo, data, words * 8);
	for (uint64_t i = 0; i < words && !h->settings.known; i++)
		for (size_t k = 0; k < sizeof(distances) / sizeof(*distances); k++) {
			const unsigned distance = distances[k];
			const uint64_t *p = i >= distance ? data + i - distance : NULL;

			/* The break need not begin at a page. */
			if (!p || data[i] < base || data[i] >= base + HEAP_PAGE || !is_plausible(p, distance))
				continue;
			h->settings.known = true;
			h->settings.trim_threshold = p[0];
			h->settings.top_pad = p[1];
			h->settings.huge_page = distance > 9 ? p[5] : 0;
			break;
		}
	free(data);
}
