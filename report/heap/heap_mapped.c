/* heap_mapped.c - chunks that have a mapping of their own: heap_private.h.
 *
 * No list of libc leads to them. Such a chunk begins a mapping, is whole pages long, and has this header:
 * {0, size | CHUNK_MAPPED}. An aligned block begins later in its mapping: the first word of its chunk is
 * the distance. From glibc 2.43 on the size leaves out the last two words of the mapping, and the block ends
 * there less one word (measured with 2.43). The kernel joins mappings that lie side by side, so one chunk may follow another. libc
 * counts its mapped chunks and their bytes (struct malloc_par); both are found by their values.
 */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "heap_private.h"

#define ALIGN_MOST 40u /* bits of an alignment that a program may ask for */
#define FALSE_MOST 4096u
#define COUNTER_WORDS 8u /* from the number of mapped chunks to their bytes, in 32 bits */

#define LEFT_OUT 16u

/* The length of the mapping, from its start to the end of a chunk; 0: it is not one. `bytes`: from its start to
 * where the size says that the chunk ends. */
static uint64_t find_length(uint64_t bytes, uint64_t most)
{
	uint64_t length = bytes % HEAP_PAGE == HEAP_PAGE - LEFT_OUT ? bytes + LEFT_OUT : bytes;

	return length % HEAP_PAGE == 0 && length <= most ? length : 0;
}

/* `end`: of the mapping; `said`: of the chunk, by its size. */
static uint64_t add_chunk(struct heap_walk *w, uint64_t lo, uint64_t chunk, uint64_t end, uint64_t said)
{
	struct heap *h = w->heap;

	*ARRAY_ADD(h->blocks, h->count, h->room) = (struct tide_block){ .address = chunk + CHUNK_HEADER,
		.bytes = said - chunk - (said < end ? CHUNK_HEADER / 2 : CHUNK_HEADER),
		.thread = UINT32_MAX };
	*ARRAY_ADD(h->segments, h->segment_count, h->segment_room) =
		(struct heap_segment){ lo, end, HEAP_NO_ARENA };
	h->mapped_chunks++;
	h->mapped_bytes += end - lo;
	return end;
}

/* A chunk with an aligned block, which begins after `lo`; `bytes` is the length of the mapping, where its
 * start still holds it (memalign leaves the first header as it was), else 0. */
static uint64_t find_aligned(struct heap_walk *w, uint64_t lo, uint64_t end, uint64_t bytes)
{
	for (unsigned bits = 5; bits <= ALIGN_MOST; bits++) {
		uint64_t align = 1ull << bits, block = (lo + CHUNK_HEADER + align - 1) & ~(align - 1),
			 chunk = block - CHUNK_HEADER, size, length;

		if (chunk <= lo)
			continue;
		if (chunk >= end || end - chunk < CHUNK_LEAST)
			return 0;
		size = heap_read_word(&w->read, chunk + 8);
		/* In glibc 2.43 the lowest bit means that the mapping has huge pages. */
		if ((heap_read_word(&w->read, chunk) & ~1ull) != chunk - lo
			|| (size & CHUNK_FLAGS) != CHUNK_MAPPED)
			continue;
		size = (size & ~(uint64_t)CHUNK_FLAGS) + (chunk - lo);
		length = find_length(size, end - lo);
		if (length && (!bytes || length == bytes))
			return add_chunk(w, lo, chunk, lo + length, lo + size);
	}
	return 0;
}

uint64_t heap_mapped(struct heap_walk *w, uint64_t at, uint64_t end, bool first)
{
	uint64_t lead = heap_read_word(&w->read, at), size = heap_read_word(&w->read, at + 8), behind = 0;
	bool mapped = !(lead & ~1ull) && (size & CHUNK_FLAGS) == CHUNK_MAPPED;
	uint64_t length;

	size &= ~(uint64_t)CHUNK_FLAGS;
	length = mapped ? find_length(size, end - at) : 0;
	if (length || first)
		behind = find_aligned(w, at, end, length);
	if (!behind && length)
		behind = add_chunk(w, at, at, at + length, at + size);
	return behind;
}

/* struct malloc_par: {..., int n_mmaps, int n_mmaps_max, int max_n_mmaps, int no_dyn_threshold,
 * size_t mmapped_mem, size_t max_mmapped_mem, char *sbrk_base, ...}. Does it count so many chunks and bytes, and, where
 * its bytes drift, less than `drift` more of them? */
static bool has_counts(const struct heap *h, const uint32_t *data, size_t words, uint64_t chunks,
	uint64_t mapped, uint64_t drift)
{
	if (h->settings.drifts)
		return h->settings.mapped_chunks == chunks && h->settings.mapped_bytes >= mapped
			&& h->settings.mapped_bytes - mapped < drift
			&& (h->settings.mapped_bytes - mapped) % HEAP_MAPPED_DRIFT == 0;
	for (size_t i = COUNTER_WORDS; i + 4 <= words; i += 2) {
		uint64_t bytes = (uint64_t)data[i + 1] << 32 | data[i],
			 most = (uint64_t)data[i + 3] << 32 | data[i + 2];

		if (bytes != mapped || most < bytes || most % HEAP_PAGE)
			continue;
		for (size_t k = i - COUNTER_WORDS; k + 2 < i; k++)
			if (data[k] == chunks && data[k + 1] >= data[k] && data[k + 2] >= data[k]
				&& data[k + 2] <= data[k + 1])
				return true;
	}
	return false;
}

static void drop_segment(struct heap *h, uint64_t segment)
{
	const struct heap_segment *s = &h->segments[segment];
	uint64_t i = 0;

	while (i < h->count && (h->blocks[i].address < s->lo || h->blocks[i].address >= s->hi))
		i++;
	h->mapped_chunks--;
	h->mapped_bytes -= s->hi - s->lo;
	if (i < h->count)
		memmove(&h->blocks[i], &h->blocks[i + 1], (--h->count - i) * sizeof(*h->blocks));
	memmove(&h->segments[segment], &h->segments[segment + 1],
		(--h->segment_count - segment) * sizeof(*h->segments));
}

/* Memory of the program may look like a mapped chunk by chance. A range is dropped if it is the only one
 * without which libc's counts are right. */
static bool drop_false(struct heap *h, const uint32_t *data, size_t words)
{
	uint64_t found = 0, segment = 0;

	if (!h->mapped_chunks || h->mapped_chunks > FALSE_MOST)
		return false;
	for (uint64_t i = 0; i < h->segment_count && found < 2; i++) {
		const struct heap_segment *s = &h->segments[i];

		if (s->arena != HEAP_NO_ARENA
			|| !has_counts(h, data, words, h->mapped_chunks - 1,
				h->mapped_bytes - (s->hi - s->lo), HEAP_PAGE))
			continue;
		segment = i;
		found++;
	}
	if (found == 1)
		drop_segment(h, segment);
	return found == 1;
}

void heap_mapped_check(struct heap_walk *w, uint64_t lo, uint64_t hi)
{
	struct heap *h = w->heap;
	size_t words = (hi - lo) / 4;
	uint32_t *data = alloc_bytes(words * 4 + 8);

	remote_read(w->read.memory, lo, data, words * 4);
	if (!has_counts(h, data, words, h->mapped_chunks, h->mapped_bytes, UINT64_MAX)
		&& !drop_false(h, data, words)) {
		h->unsure++;
		heap_found_doubt(h, "libc counts other mapped chunks than the %llu that were found",
			(unsigned long long)h->mapped_chunks);
	}
	free(data);
}
