/* heap_lists.c - what lies in bins and in fast bins: heap_private.h. */
#include <stdlib.h>
#include "base/array.h"
#include "base/search.h"
#include "heap_private.h"

#define BIN_PAIRS 127u
#define FAST_BINS 10u /* NFASTBINS, x86-64 */
#define HEAD_WORDS                                                                                           \
	3u /* of struct malloc_state before and after the fast bins: lock and flags, top, last_remainder */

/* From glibc 2.32 on a link, even that of the last element, is mixed with the page number of the place where
 * it is stored (PROTECT_PTR). The reading that leads to a block is taken; where both do, which is all but
 * impossible, the one that was right before. */
uint64_t heap_lists_follow(struct heap_walk *w, uint64_t place, uint64_t stored, bool *end)
{
	uint64_t other = place >> 12 ^ stored, plain, mangled;

	*end = !stored || !other;
	if (*end)
		return 0;
	plain = heap_found_block(w->heap, stored);
	mangled = heap_found_block(w->heap, other);
	if (mangled != UINT64_MAX && (plain == UINT64_MAX || w->links_mangled)) {
		w->links_mangled = true;
		return other;
	}
	if (plain != UINT64_MAX) {
		w->links_mangled = false;
		return stored;
	}
	return 0;
}

/* --- fast bins --------------------------------------------------------------------- */

static void follow_fast_list(struct heap_walk *w, uint64_t head, uint64_t chunk_bytes)
{
	struct heap *h = w->heap;
	uint64_t chunk = heap_read_word(&w->read, head), place, n;
	bool end = !chunk;

	/* The head is a plain pointer to a chunk; a link is one, too, and may be mangled. */
	for (n = 0; !end && n <= h->count; n++) {
		uint64_t block = heap_found_block(h, chunk + CHUNK_HEADER), link;

		if (chunk % 16 || block == UINT64_MAX || h->blocks[block].bytes != chunk_bytes - 8
			|| !heap_found_cached(w, h->blocks[block].address, HEAP_FREE_FAST))
			break;
		place = chunk + CHUNK_HEADER;
		link = heap_read_word(&w->read, place);
		end = !link || link == place >> 12;
		chunk = link && heap_found_block(h, (place >> 12 ^ link) + CHUNK_HEADER) != UINT64_MAX
			? place >> 12 ^ link
			: link;
	}
	if (!end) {
		h->unsure++;
		heap_found_doubt(h, "a list of fast chunks does not end");
	}
}

static void read_fast_bins(struct heap_walk *w, const struct arena *a)
{
	uint64_t words = w->heap->arenas.bins / 8, top = a->address + w->heap->arenas.bins - 16;

	if (words < HEAD_WORDS + FAST_BINS)
		return; /* glibc 2.43 has none */
	for (unsigned i = 0; i < FAST_BINS; i++)
		follow_fast_list(w, top - 8 * (FAST_BINS - i), CHUNK_LEAST + 16ull * i);
}

/* --- bins ---------------------------------------------------------------------------- */

static bool is_free(const struct heap *h, uint64_t chunk)
{
	size_t at = SEARCH_UP_TO(h->free_chunks, h->free_count, address, chunk);

	return at && h->free_chunks[at - 1].address == chunk && h->free_chunks[at - 1].kind == HEAP_FREE_BIN;
}

/* The chunks of a bin; UINT64_MAX when the list does not close. */
static uint64_t measure_bin(struct heap_walk *w, uint64_t bin)
{
	uint64_t n = 0, before = bin;

	for (uint64_t at = heap_read_word(&w->read, bin + 16); at != bin; n++) {
		if (n > w->heap->free_count || !is_free(w->heap, at)
			|| heap_read_word(&w->read, at + 24) != before)
			return UINT64_MAX;
		before = at;
		at = heap_read_word(&w->read, at + 16);
	}
	return n;
}

/* A chunk that is free and in no bin, or the other way round, is being moved. Where a thread was stopped while it
 * held the lock of the arena, this is no doubt about the heap: the program no longer has such a chunk, or does
 * not have it yet. */
static void check_bins(struct heap_walk *w)
{
	struct heap *h = w->heap;
	uint64_t in_bins = 0, freed = 0, open = 0;
	bool *changing = alloc_zeroed(h->arenas.count + 1, sizeof(*changing));

	for (size_t i = 0; i < h->arenas.count; i++) {
		uint64_t address = h->arenas.list[i].address;

		changing[i] = (uint32_t)heap_read_word(&w->read, address);
		for (unsigned k = 0; k < BIN_PAIRS && !changing[i]; k++) {
			uint64_t n = measure_bin(w, address + h->arenas.bins + 16 * k - 16);

			open += n == UINT64_MAX;
			in_bins += n == UINT64_MAX ? 0 : n;
		}
	}
	for (uint64_t i = 0; i < h->free_count; i++)
		freed += h->free_chunks[i].kind == HEAP_FREE_BIN
			&& (h->free_chunks[i].arena >= h->arenas.count || !changing[h->free_chunks[i].arena]);
	free(changing);
	if (open || in_bins != freed) {
		h->unsure += open ? open : 1;
		heap_found_doubt(h, "%llu chunks are free, and %llu lie in bins", (unsigned long long)freed,
			(unsigned long long)in_bins);
	}
}

void heap_lists(struct heap_walk *w)
{
	check_bins(w);
	for (size_t i = 0; i < w->heap->arenas.count; i++)
		read_fast_bins(w, &w->heap->arenas.list[i]);
}
