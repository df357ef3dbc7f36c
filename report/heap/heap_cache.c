/* heap_cache.c - the threads' caches of freed blocks (tcache): heap_private.h.
 *
 * A thread's cache is a block of its own: counts of all bins, then the heads of their lists. glibc 2.26 to
 * 2.29 count in bytes, later ones in 16 bits; from 2.42 on a count is the number of places left, and 12 bins
 * for large blocks of several sizes follow the 64 for small ones. The layout is the one in which all lists
 * lead to blocks of the size that their bin is for, and are as long as their counts say.
 *
 * The pointer to it is a thread-local variable of malloc, and so is the pointer to the thread's arena, which
 * lies beside it: words that point to an arena show where the other is. From glibc 2.43 on a thread has no cache
 * before it first frees a block: the pointer then leads to libc's data. In a forked child the caches of
 * the threads that it does not have are blocks without a pointer; those that are not empty are found
 * by their form.
 */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "base/search.h"
#include "heap_private.h"

#define BINS_MOST 128u
#define BINS_SMALL 64u
#define FORMS_MOST 4u
#define COUNT_MOST 4096u   /* elements that one list may plausibly have */
#define LARGE_LEAST 0x410u /* chunks of small bins are up to this */
#define TLS_MOST 65536u    /* static thread-local data that is searched, below the thread pointer */
#define BESIDE 16u         /* words between the two pointers: 1 up to glibc 2.42, 6 in 2.43 */
#define PLACES_MOST 64u
#define STEPS_LINK 8u  /* what following a link costs */
#define STEPS_FORM 64u /* and reading a block in all forms */

struct form {
	unsigned bins, width; /* bytes of a count */
};

struct lists {
	uint64_t block[COUNT_MOST];
	size_t count;
	bool uncertain; /* one list is one longer or shorter than its count */
	bool filled;
};

/* Lists the forms that a block of `bytes` usable bytes may have; returns their number. A chunk may be larger than
 * requested when the rest would be too small for a chunk: such caches are usual from glibc 2.43 on. */
static unsigned forms_of(uint64_t bytes, struct form to[FORMS_MOST])
{
	unsigned n = 0;

	for (unsigned width = 2; width; width--) {
		unsigned step = 8 / width, bins = (unsigned)(bytes / (8 + width)) / step * step;

		for (; bins >= BINS_SMALL && n < FORMS_MOST; bins -= step) {
			uint64_t chunk = ((uint64_t)bins * (8 + width) + 8 + 15) & ~15ull;

			if (chunk + CHUNK_LEAST < bytes + 8)
				break;
			if (bins <= BINS_MOST && chunk <= bytes + 8)
				to[n++] = (struct form){ bins, width };
		}
	}
	return n;
}

static bool follow_list(struct heap_walk *w, struct lists *l, unsigned bin, uint64_t head, unsigned *length)
{
	const struct heap *h = w->heap;
	bool end = !head;

	for (*length = 0; !end; ++*length) {
		uint64_t block = heap_found_block(h, head), size;

		if (block == UINT64_MAX || l->count == COUNT_MOST || !heap_found_step(w, STEPS_LINK))
			return false;
		size = h->blocks[block].bytes + 8;
		if (bin < BINS_SMALL ? size != CHUNK_LEAST + 16ull * bin : size <= LARGE_LEAST)
			return false;
		l->block[l->count++] = head;
		head = heap_lists_follow(w, head, heap_read_word(&w->read, head), &end);
		if (!head && !end)
			return false;
	}
	return true;
}

/* Is the block at `address` a cache of this form? All its lists then. */
static bool is_cache(struct heap_walk *w, uint64_t address, struct form f, struct lists *l)
{
	unsigned count[BINS_MOST], length[BINS_MOST], wrong_up = 0, wrong_down = 0, most = 0;
	unsigned char data[BINS_MOST * 10];
	uint64_t bytes = (uint64_t)f.bins * (8 + f.width), head;

	l->count = 0;
	if (remote_read(w->read.memory, address, data, bytes) != bytes)
		return false;
	for (unsigned i = 0; i < f.bins; i++) {
		count[i] = f.width == 1 ? data[i] : (unsigned)(data[2 * i] | data[2 * i + 1] << 8);
		memcpy(&head, data + (size_t)f.bins * f.width + 8 * i, 8);
		if (count[i] > COUNT_MOST || head % 16 || (head && head < HEAP_PAGE))
			return false;
	}
	for (unsigned i = 0; i < f.bins; i++) {
		memcpy(&head, data + (size_t)f.bins * f.width + 8 * i, 8);
		if (!follow_list(w, l, i, head, &length[i]))
			return false;
		if (count[i] + length[i] > most)
			most = count[i] + length[i];
	}
	for (unsigned i = 0; i < f.bins; i++) {
		unsigned off = count[i] > length[i] ? count[i] - length[i] : length[i] - count[i];

		wrong_up += off > 1 ? 2 : off;
		off = most - (count[i] + length[i]);
		wrong_down += off > 1 ? 2 : off;
	}
	l->filled = l->count != 0;
	l->uncertain = wrong_up && wrong_down;
	return wrong_up < 2 || wrong_down < 2;
}

static bool find_any_form(struct heap_walk *w, uint64_t block, struct lists *l)
{
	struct form forms[FORMS_MOST];
	unsigned n = forms_of(w->heap->blocks[block].bytes, forms);

	for (unsigned i = 0; i < n; i++)
		if (is_cache(w, w->heap->blocks[block].address, forms[i], l))
			return true;
	return false;
}

static void take_cache(struct heap_walk *w, uint64_t address, const struct lists *l)
{
	struct heap *h = w->heap;

	heap_found_cached(w, address, 0);
	for (size_t i = 0; i < l->count && heap_found_cached(w, l->block[i], HEAP_FREE_CACHE); i++)
		;
	h->caches++;
	if (l->uncertain) {
		h->unsure++;
		heap_found_doubt(h, "a thread was stopped while it changed its cache");
	}
}

/* --- pointers to them ---------------------------------------------------------------- */

static void index_arenas(struct heap_walk *w)
{
	for (size_t i = 0; i < w->heap->arenas.count; i++)
		index_add(&w->by_address, index_hash(w->heap->arenas.list[i].address), (uint32_t)i);
}

static uint32_t arena_of(const struct heap_walk *w, uint64_t address)
{
	INDEX_EACH(&w->by_address, index_hash(address), probe)
	if (w->heap->arenas.list[probe.number].address == address)
		return probe.number;
	return HEAP_NO_ARENA;
}

/* A place that is the same in all threads, in words from some other, and what speaks for it. */
struct vote {
	int64_t place;
	int votes;
};

static void add_vote(struct vote *v, unsigned *n, int64_t place)
{
	unsigned i = 0;

	while (i < *n && v[i].place != place)
		i++;
	if (i == *n && *n == PLACES_MOST)
		return;
	if (i == *n)
		v[(*n)++] = (struct vote){ place, 0 };
	v[i].votes++;
}

/* The first of those with the most votes; NULL. */
static const struct vote *find_best(const struct vote *v, unsigned n)
{
	const struct vote *best = NULL;

	for (unsigned i = 0; i < n; i++)
		if (!best || v[i].votes > best->votes)
			best = &v[i];
	return best;
}

/* The words below a thread pointer, as far as they are mapped. */
static uint64_t *read_tls(struct heap_walk *w, uint64_t pointer, size_t *words)
{
	const struct remote_mapping *p = pointer % 8 ? NULL : remote_mapping_at(w->read.memory, pointer - 8);
	uint64_t *data, lo;

	if (!p)
		return NULL;
	lo = pointer - p->lo > TLS_MOST ? pointer - TLS_MOST : p->lo;
	*words = (pointer - lo) / 8;
	data = alloc_bytes(*words * 8 + 8);
	remote_read(w->read.memory, lo, data, *words * 8);
	return data;
}

/* Adds the places below a thread pointer at which there is a pointer to an arena, the nearest first. */
static void add_places(struct heap_walk *w, uint64_t pointer, struct vote *v, unsigned *n)
{
	size_t words = 0;
	uint64_t *data = read_tls(w, pointer, &words);

	for (size_t i = words; i-- > 0;)
		if (data[i] && arena_of(w, data[i]) != HEAP_NO_ARENA)
			add_vote(v, n, (int64_t)(words - i));
	free(data);
}

static uint64_t read_arena_pointer(struct heap_walk *w, const struct heap_thread *t, int64_t place)
{
	return heap_read_word(&w->read, t->pointer - 8 * (uint64_t)place);
}

/* Where the pointer to the arena is, in words below the thread pointer; 0: unknown. The stack of a thread, which
 * lies below its thread-local data, may hold pointers to arenas as well: in other threads these are something else. */
static int64_t find_arena_place(struct heap_walk *w)
{
	const struct heap *h = w->heap;
	struct vote places[PLACES_MOST];
	const struct vote *best;
	unsigned n = 0;

	for (size_t i = 0; i < h->thread_count; i++)
		add_places(w, h->threads[i].pointer, places, &n);
	for (unsigned k = 0; k < n; k++)
		for (size_t i = 0; i < h->thread_count && heap_found_step(w, 1); i++) {
			uint64_t word = read_arena_pointer(w, &h->threads[i], places[k].place);

			places[k].votes -= word && arena_of(w, word) == HEAP_NO_ARENA;
		}
	best = find_best(places, n);
	return best ? best->place : 0;
}

static uint64_t read_cache_pointer(
	struct heap_walk *w, const struct heap_thread *t, int64_t place, int64_t beside)
{
	return heap_read_word(&w->read, t->pointer - 8 * (uint64_t)(place - beside));
}

/* Where the pointer to the cache is, in words above the one to the arena; 0: no thread has a cache. */
static int64_t find_cache_place(struct heap_walk *w, int64_t place, struct lists *l)
{
	const struct heap *h = w->heap;
	struct vote besides[2 * BESIDE];
	const struct vote *best;
	unsigned n = 0;

	for (size_t i = 0; i < h->thread_count; i++)
		for (int64_t k = -(int64_t)BESIDE; k <= (int64_t)BESIDE && k < place; k++) {
			uint64_t block = k
				? heap_found_block(h, read_cache_pointer(w, &h->threads[i], place, k))
				: UINT64_MAX;

			if (block != UINT64_MAX && heap_found_step(w, STEPS_FORM)
				&& find_any_form(w, block, l))
				add_vote(besides, &n, k);
		}
	best = find_best(besides, n);
	return best ? best->place : 0;
}

static void read_thread(
	struct heap_walk *w, struct heap_thread *t, int64_t place, int64_t beside, struct lists *l)
{
	uint64_t block;

	t->arena = arena_of(w, read_arena_pointer(w, t, place));
	if (!beside)
		return;
	t->cache = read_cache_pointer(w, t, place, beside);
	block = heap_found_block(w->heap, t->cache);
	if (block != UINT64_MAX && find_any_form(w, block, l)) {
		take_cache(w, t->cache, l);
	} else if (block != UINT64_MAX) {
		w->heap->unsure++;
		heap_found_doubt(w->heap, "the cache of a thread could not be read");
		heap_found_cached(w, t->cache, 0);
	} else {
		t->cache = 0;
	}
}

static bool is_taken(const struct heap_walk *w, uint64_t address)
{
	for (size_t i = 0; i < w->heap->thread_count; i++)
		if (w->heap->threads[i].cache == address)
			return true;
	return false;
}

static void search_by_form(struct heap_walk *w, struct lists *l)
{
	struct form forms[FORMS_MOST];

	for (uint64_t i = 0; i < w->heap->count && heap_found_step(w, 0); i++) {
		const struct tide_block *b = &w->heap->blocks[i];

		if (b->bytes < BINS_SMALL * 9 || b->bytes > BINS_MOST * 10 + 8 || !forms_of(b->bytes, forms)
			|| is_taken(w, b->address))
			continue;
		if (find_any_form(w, i, l) && l->filled && !l->uncertain)
			take_cache(w, b->address, l);
	}
}

void heap_cache(struct heap_walk *w)
{
	struct heap *h = w->heap;
	struct lists *l = alloc_bytes(sizeof(*l));
	int64_t place, beside;

	index_arenas(w);
	place = find_arena_place(w);
	beside = place ? find_cache_place(w, place, l) : 0;
	for (size_t i = 0; place && i < h->thread_count; i++)
		read_thread(w, &h->threads[i], place, beside, l);
	search_by_form(w, l);
	index_free(&w->by_address);
	free(l);
}

/* --- taking them out of the blocks ---------------------------------------------------- */

static int compare_cached(const void *a, const void *b)
{
	const struct heap_cached *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static uint32_t arena_of_segment(const struct heap *h, uint64_t address)
{
	size_t at = SEARCH_UP_TO(h->segments, h->segment_count, lo, address);

	return at ? h->segments[at - 1].arena : HEAP_NO_ARENA;
}

static int compare_chunks(const void *a, const void *b)
{
	const struct heap_chunk *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

void heap_cache_drop(struct heap_walk *w)
{
	struct heap *h = w->heap;
	uint64_t kept = 0;
	size_t at = 0;

	if (!w->cached_count)
		return;
	qsort(w->cached, w->cached_count, sizeof(*w->cached), compare_cached);
	for (uint64_t i = 0; i < h->count; i++) {
		const struct tide_block *b = &h->blocks[i];
		size_t same = 0;
		uint32_t kind = 0;

		for (; at < w->cached_count && w->cached[at].address == b->address; at++, same++)
			kind = w->cached[at].kind ? w->cached[at].kind : kind;
		if (!same) {
			h->blocks[kept++] = *b;
			continue;
		}
		h->unsure += same > 1;
		if (same > 1)
			heap_found_doubt(h, "a free block lies in two lists");
		h->cached_fast += kind == HEAP_FREE_FAST;
		h->cached_tcache += kind == HEAP_FREE_CACHE;
		if (kind)
			*ARRAY_ADD(h->free_chunks, h->free_count, h->free_room) =
				(struct heap_chunk){ b->address - CHUNK_HEADER, b->bytes + 8, kind,
					arena_of_segment(h, b->address) };
	}
	h->count = kept;
	qsort(h->free_chunks, h->free_count, sizeof(*h->free_chunks), compare_chunks);
}
