/* heap_walk.c - from chunk to chunk: heap_private.h.
 *
 * The next chunk's header holds whether a chunk is in use. Where it is free, its size is repeated
 * before that header: a walk in which both agree has found the chunks that malloc sees.
 */
#include "base/array.h"
#include "heap_private.h"

#define POSTS_MOST 3u

static void add_block(struct heap *h, uint64_t chunk, uint64_t size)
{
	*ARRAY_ADD(h->blocks, h->count, h->room) = (struct tide_block){
		.address = chunk + CHUNK_HEADER, .bytes = size - 8, .thread = UINT32_MAX
	};
}

static void add_free(struct heap *h, uint64_t chunk, uint64_t size, uint32_t kind, uint32_t arena)
{
	*ARRAY_ADD(h->free_chunks, h->free_count, h->free_room) =
		(struct heap_chunk){ chunk, size, kind, arena };
}

/* Posts that malloc puts where a segment could not grow (sysmalloc). In the main arena two of 16 bytes, and a
 * third where so much was left over; in a heap one of 16 or 32, and behind it one of 0. Returns the address
 * after all of them; 0: they are not a fence. */
static uint64_t find_fence_end(struct heap_walk *w, uint64_t at, uint64_t size, uint64_t end, bool main)
{
	uint64_t words[2], behind = at + size;

	for (unsigned n = 1; end - behind >= FENCE_SIZE && heap_read_header(&w->read, behind, words); n++) {
		size = words[1] & ~(uint64_t)CHUNK_FLAGS;
		if (!main)
			return !size && words[1] & CHUNK_PREVIOUS_USED ? behind + FENCE_SIZE : 0;
		if (size != FENCE_SIZE || !(words[1] & CHUNK_PREVIOUS_USED) || n == POSTS_MOST)
			return n > 1 ? behind : 0;
		behind += FENCE_SIZE;
	}
	return main && behind - at > FENCE_SIZE ? behind : 0;
}

enum heap_walk_end heap_walk_chunks(
	struct heap_walk *w, uint64_t lo, uint64_t end, uint32_t arena, uint64_t *at, uint64_t *steps)
{
	struct heap *h = w->heap;
	const struct arena *a = &h->arenas.list[arena];
	uint64_t flag = a->main ? 0 : CHUNK_OTHER_ARENA, before = 0, before_size = 0, before_flag = 0,
		 words[2];

	*steps = 0;
	for (*at = lo; end - *at >= 2 * FENCE_SIZE && heap_read_header(&w->read, *at, words); ++*steps) {
		uint64_t size = words[1] & ~(uint64_t)CHUNK_FLAGS, fence = 0;
		bool used = words[1] & CHUNK_PREVIOUS_USED;

		if (size == FENCE_SIZE || (flag && size == CHUNK_LEAST && !(words[1] & CHUNK_OTHER_ARENA)))
			fence = find_fence_end(w, *at, size, end, a->main);
		if (!fence
			&& (size < CHUNK_LEAST || size % 16 || size > end - *at || words[1] & CHUNK_MAPPED))
			return WALK_OPEN;
		if (before && used) {
			/* Chunks that were free once may lack the flag until they are in use again. */
			if (before_flag != flag)
				return WALK_OPEN;
			add_block(h, before, before_size);
		} else if (before) {
			if (words[0] != before_size)
				return WALK_OPEN;
			add_free(h, before, before_size, HEAP_FREE_BIN, arena);
		} else if (!used) {
			return WALK_OPEN; /* nothing lies before the first chunk, and malloc says so */
		}
		h->walked += before != 0;
		if (fence) {
			*at = fence;
			return WALK_FENCE;
		}
		if (*at == a->top) {
			add_free(h, *at, size, HEAP_FREE_TOP, arena);
			*at += size;
			return WALK_TOP;
		}
		before = *at;
		before_size = size;
		before_flag = words[1] & CHUNK_OTHER_ARENA;
		*at += size;
	}
	return WALK_OPEN;
}
