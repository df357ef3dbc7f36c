/* collect_heap.c - arenas and chunks of a walked heap: collect_heap.h. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/search.h"
#include "collect_heap.h"

#define HEADER 16u     /* from a chunk to its block */
#define OVERHEAD 8u    /* of a chunk in use: the size before it; of a mapped one twice that */
#define SYSTEM_MEM 24u /* from `next` of struct malloc_state: next_free, attached_threads, system_mem */
#define BYTES_MOST (1ull << 47)

struct chunks {
	struct tide_chunk *list;
	uint64_t count, room;
};

static void add_chunk(struct chunks *c, uint64_t address, uint64_t bytes, uint32_t kind, uint32_t arena)
{
	if (bytes)
		*ARRAY_ADD(c->list, c->count, c->room) = (struct tide_chunk){ address, bytes, kind, arena };
}

static uint32_t kind_of_chunk(const struct heap_chunk *c)
{
	switch (c->kind) {
	case HEAP_FREE_FAST: return CHUNK_FAST;
	case HEAP_FREE_CACHE: return CHUNK_CACHED;
	case HEAP_FREE_TOP: return CHUNK_TOP;
	default: return CHUNK_BIN;
	}
}

/* How far each list has been read. All are by address. */
struct at {
	uint64_t used, free, block;
};

static bool is_listed(const struct tide_block *blocks, uint64_t count, uint64_t *at, uint64_t address)
{
	while (*at < count && blocks[*at].address < address)
		++*at;
	return *at < count && blocks[*at].address == address;
}

/* One segment: what is in use and what is free, in the order of addresses; what lies between them is the
 * allocator's own. */
static void read_segment(struct chunks *c, const struct collect_heap *from, const struct heap_segment *s,
	struct at *at, const struct blockmap *blocks)
{
	const struct heap *h = from->heap;
	uint64_t end = s->lo;

	while (at->used < from->used_count && from->used[at->used].address < s->lo + HEADER)
		at->used++;
	while (at->free < h->free_count && h->free_chunks[at->free].address < s->lo)
		at->free++;
	for (;;) {
		uint64_t used = at->used < from->used_count ? from->used[at->used].address - HEADER
							    : UINT64_MAX,
			 free_ = at->free < h->free_count ? h->free_chunks[at->free].address : UINT64_MAX,
			 lo = used < free_ ? used : free_, bytes;

		if (lo >= s->hi)
			break;
		if (lo > end)
			add_chunk(c, end, lo - end, CHUNK_OWN, s->arena);
		if (used < free_) {
			bytes = from->used[at->used].bytes + OVERHEAD
				+ (s->arena == HEAP_NO_ARENA ? OVERHEAD : 0);
			if (!is_listed(
				    blocks->blocks, blocks->count, &at->block, from->used[at->used].address))
				add_chunk(c, lo, bytes, CHUNK_UNLISTED, s->arena);
			at->used++;
		} else {
			bytes = h->free_chunks[at->free].bytes;
			add_chunk(c, lo, bytes, kind_of_chunk(&h->free_chunks[at->free]), s->arena);
			at->free++;
		}
		end = lo + bytes;
	}
	if (end < s->hi)
		add_chunk(c, end, s->hi - end, CHUNK_OWN, s->arena);
}

static void write_arenas(const struct heap *h, struct remote *memory, struct snapshot_writer *w)
{
	struct tide_arena *list = alloc_zeroed(h->arenas.count + 1, sizeof(*list));

	for (size_t i = 0; i < h->arenas.count; i++) {
		const struct arena *a = &h->arenas.list[i];
		const struct remote_mapping *p = a->top ? remote_mapping_at(memory, a->top) : NULL;
		uint64_t bytes = 0, size = 0;

		remote_word(memory, a->address + h->arenas.next + SYSTEM_MEM, &bytes);
		list[i] = (struct tide_arena){ .address = a->address,
			.bytes = bytes < BYTES_MOST ? bytes : 0,
			.top = a->top,
			.kind = i ? ARENA_THREAD : ARENA_MAIN,
			.flags = h->settings.known ? ARENA_SETTINGS : 0,
			.trim_threshold = h->settings.trim_threshold,
			.top_pad = h->settings.top_pad,
			.huge_page = i ? h->settings.heap_page : h->settings.huge_page };
		if (!i && p && !strcmp(p->path, "[heap]") && remote_word(memory, a->top + 8, &size)
			&& a->top + (size & ~7ull) == p->hi)
			list[i].flags |= ARENA_AT_BREAK;
	}
	snapshot_writer_section(w, SECTION_ARENAS, sizeof(*list), list, h->arenas.count, SNAPSHOT_TAKE);
}

struct pointer {
	uint64_t pointer;
	uint32_t thread;
}; /* starts with what it is sorted by */

static int compare_pointers(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void write_threads(const struct heap *h, const struct ledger_copy *ledger, struct snapshot_writer *w)
{
	const struct ledger_thread *known = ledger->table[LEDGER_THREADS];
	uint64_t known_count = ledger->count[LEDGER_THREADS], alive = 0, count = 0;
	struct pointer *pointers = alloc_bytes((known_count + 1) * sizeof(*pointers));
	struct tide_thread_arena *list = alloc_bytes((h->thread_count + 1) * sizeof(*list));

	for (uint64_t i = 0; i < known_count; i++)
		if (known[i].state & LEDGER_THREAD_ALIVE && known[i].control_block)
			pointers[alive++] = (struct pointer){ known[i].control_block, (uint32_t)i };
	qsort(pointers, alive, sizeof(*pointers), compare_pointers);
	for (uint64_t i = 0; i < h->thread_count; i++) {
		const struct heap_thread *t = &h->threads[i];
		const struct pointer *found = t->arena != HEAP_NO_ARENA && t->arena < h->arenas.count
			? bsearch(&t->pointer, pointers, alive, sizeof(*pointers), compare_pointers)
			: NULL;

		if (found)
			list[count++] = (struct tide_thread_arena){ found->thread, t->arena };
	}
	snapshot_writer_section(w, SECTION_THREAD_ARENAS, sizeof(*list), list, count, SNAPSHOT_TAKE);
	free(pointers);
}

void collect_heap(const struct collect_heap *from, struct remote *memory, const struct ledger_copy *ledger,
	const struct blockmap *blocks, struct snapshot_writer *w)
{
	struct chunks c = { 0 };
	struct at at = { 0 };

	for (uint64_t i = 0; i < from->heap->segment_count; i++)
		read_segment(&c, from, &from->heap->segments[i], &at, blocks);
	write_arenas(from->heap, memory, w);
	write_threads(from->heap, ledger, w);
	if (c.count)
		snapshot_writer_section(w, SECTION_CHUNKS, sizeof(*c.list), c.list, c.count, SNAPSHOT_TAKE);
}
