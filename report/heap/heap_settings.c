/* heap_settings.c - what libc gives back by itself, and when: heap_private.h.
 *
 * struct malloc_par (malloc/malloc.c) is {trim_threshold, top_pad, mmap_threshold, arena_test, arena_max, from
 * 2.43 on: enum thp_mode; from 2.35 on: thp_pagesize, hp_pagesize, int hp_flags; then int n_mmaps, n_mmaps_max, max_n_mmaps, no_dyn_threshold,
 * size_t mmapped_mem, max_mmapped_mem, char *sbrk_base, ...}. It is found by sbrk_base, where the first memory of the
 * program break began.
 *
 * From 2.43 on mmapped_mem has 16 bytes too many for each mapping that mremap has moved or resized: mremap_chunk takes
 * away the size that leaves out the last two words, and adds whole pages (measured with 2.43).
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "heap_private.h"

#define ARENAS_MOST (1u << 20)
#define PAD_MOST (1ull << 40)
#define PAGE_MOST (1ull << 30) /* the largest huge page */

#define THP_MODE_MOST 3u /* malloc_thp_mode_not_supported */

/* Where members are, in words from trim_threshold. */
struct layout {
	unsigned base, huge; /* sbrk_base and thp_pagesize; 0: there is none */
	bool mode; /* thp_mode is before thp_pagesize, and heaps of arenas consist of huge pages as well */
};

static const struct layout layouts[] = { { 9, 0, false }, { 12, 5, false }, { 13, 6, true } };

static bool is_plausible(const uint64_t *p, const struct layout *l)
{
	const uint64_t huge = l->huge ? p[l->huge] : 0, used = p[l->base - 2], most = p[l->base - 1],
		       step = l->mode ? HEAP_MAPPED_DRIFT : HEAP_PAGE;

	return (!l->mode || (uint32_t)p[5] <= THP_MODE_MOST) && p[1] < PAD_MOST && p[2] && p[3]
		&& p[3] <= ARENAS_MOST && p[4] <= ARENAS_MOST && used <= most && used % step == 0
		&& most % step == 0 && huge <= PAGE_MOST && !(huge & (huge - 1)) && huge % HEAP_PAGE == 0;
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
		for (size_t k = 0; k < sizeof(layouts) / sizeof(*layouts); k++) {
			const struct layout *l = &layouts[k];
			const uint64_t *p = i >= l->base ? data + i - l->base : NULL;

			/* The break need not begin at a page. */
			if (!p || data[i] < base || data[i] >= base + HEAP_PAGE || !is_plausible(p, l))
				continue;
			h->settings.known = true;
			h->settings.trim_threshold = p[0];
			h->settings.top_pad = p[1];
			h->settings.huge_page = l->huge ? p[l->huge] : 0;
			h->settings.heap_page = l->mode ? h->settings.huge_page : 0;
			h->settings.drifts = l->mode;
			h->settings.mapped_chunks = (uint32_t)(p[l->base - 5] >> 32);
			h->settings.mapped_bytes = p[l->base - 2];
			break;
		}
	free(data);
}
