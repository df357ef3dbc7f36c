/* heap.c - the order in which a heap is walked: heap.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "heap_private.h"

#define DATA_MOST (16ull << 20) /* variables of a module that are searched for an arena */
#define TEXT_MOST (8ull << 20)
#define BANNER "stable release version " /* of libc's version text */

/* --- libc --------------------------------------------------------------------------- */

struct range {
	uint64_t lo, hi;
};

bool heap_data_range(const struct remote *m, size_t i, uint64_t *lo, uint64_t *hi)
{
	const struct remote_mapping *p = &m->mappings[i];

	if (p->path[0] != '/' || !p->writable || !p->readable || p->shared)
		return false;
	*lo = p->lo;
	*hi = p->hi;
	if (i + 1 < m->mapping_count && p[1].lo == p->hi && !p[1].path[0] && p[1].writable)
		*hi = p[1].hi;
	if (*hi - *lo > DATA_MOST)
		*hi = *lo + DATA_MOST;
	return true;
}

static void read_version(struct heap *h, struct remote *m, const char *path)
{
	size_t banner = strlen(BANNER);

	snprintf(h->allocator, sizeof(h->allocator), "glibc");
	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];
		uint64_t bytes = p->hi - p->lo < TEXT_MOST ? p->hi - p->lo : TEXT_MOST;
		char *text, *at;
		unsigned major, minor;

		if (strcmp(p->path, path) || p->writable || !p->readable)
			continue;
		text = alloc_bytes(bytes + 1);
		remote_read(m, p->lo, text, bytes);
		text[bytes] = 0;
		at = memmem(text, bytes, BANNER, banner);
		if (at && sscanf(at + banner, "%u.%u", &major, &minor) == 2)
			snprintf(h->allocator, sizeof(h->allocator), "glibc %u.%u", major, minor);
		free(text);
		if (at)
			return;
	}
}

/* All arenas of all copies of libc; *data are the variables of the first. */
static bool find_arenas(struct heap *h, struct remote *m, struct range *data)
{
	for (size_t i = 0; i < m->mapping_count; i++) {
		struct arenas more;
		struct range r;

		if (!heap_data_range(m, i, &r.lo, &r.hi))
			continue;
		if (!arena_find(m, r.lo, r.hi, &more)) {
			h->untouched |= arena_untouched(m, r.lo, r.hi);
			continue;
		}
		if (h->arenas.count) {
			if (!arena_join(&h->arenas, &more)) {
				h->unsure++;
				heap_found_doubt(h, "there are two kinds of glibc in the process");
			}
			continue;
		}
		h->arenas = more;
		*data = r;
		read_version(h, m, m->mappings[i].path);
	}
	if (h->arenas.count)
		h->untouched = false;
	return h->arenas.count != 0;
}

/* ------------------------------------------------------------------------------------- */

static void begin_threads(struct heap *h, const uint64_t *pointers, size_t count)
{
	h->threads = alloc_zeroed(count + 1, sizeof(*h->threads));
	h->thread_count = count;
	for (size_t i = 0; i < count; i++)
		h->threads[i] = (struct heap_thread){ pointers[i], 0, HEAP_NO_ARENA };
}

bool heap_walk(struct heap *h, struct remote *memory, const uint64_t *pointers, size_t count)
{
	struct heap_walk w = { .heap = h };
	struct range data = { 0, 0 };

	*h = (struct heap){ 0 };
	begin_threads(h, pointers, count);
	if (!find_arenas(h, memory, &data))
		return h->untouched;
	if (h->arenas.open_chains) {
		h->unsure += h->arenas.open_chains;
		heap_found_doubt(h, "the heaps of %zu arenas may not all be known", h->arenas.open_chains);
	}
	heap_read_begin(&w.read, memory);
	w.top_seen = alloc_zeroed(h->arenas.count, sizeof(*w.top_seen));
	heap_place(&w);
	heap_settings(h, memory, data.lo, data.hi);
	heap_mapped_check(&w, data.lo, data.hi);
	heap_lists(&w);
	heap_cache(&w);
	heap_cache_drop(&w);
	heap_read_end(&w.read);
	free(w.top_seen);
	free(w.cached);
	return true;
}

void heap_end(struct heap *h)
{
	arena_free(&h->arenas);
	free(h->blocks);
	free(h->free_chunks);
	free(h->segments);
	free(h->threads);
	*h = (struct heap){ 0 };
}
