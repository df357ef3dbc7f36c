/* scan.c - from words to references: scan.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/fetch.h"
#include "count_notes.h"
#include "scan.h"
#include "base/search.h"

#define LEAF_SHIFT 22
#define PAGE_SHIFT 12
#define LEAF_PAGES (1u << (LEAF_SHIFT - PAGE_SHIFT))
#define WINDOW (4ull << 20) /* bytes read at a time */
#define LARGE (1ull << 20)  /* blocks read by themselves, present pages only */
#define SHAPE_WORDS 13u

/* 40 bytes for 4 KiB of addresses. */
struct scan_page {
	uint64_t starts[4]; /* a bit for each 16 bytes */
	uint64_t first;     /* number of the first block at or after this page */
};

static uint64_t block_end(const struct tide_block *b) { return b->address + (b->bytes ? b->bytes : 1); }

/* `new T[0]` of a type with a destructor is a count alone, and the program keeps a pointer to the
 * elements: to the end of the block. Such words are kept until its content is known (scan_explain). */
static bool may_be_empty_array(const struct tide_block *b) { return b->bytes == 8 || b->bytes == 16; }

/* One past the last address that a reference to the block may have. */
static uint64_t reach_end(const struct tide_block *b) { return block_end(b) + may_be_empty_array(b); }

/* Directory entries: NULL, a leaf, or (block << 1 | 1) where all of the leaf's
 * addresses lie inside one block. */
static struct scan_page *leaf_inside(uint64_t block) { return (struct scan_page *)(block << 1 | 1); }

static void fill_leaf(struct scan *s, struct scan_page *leaf, uint64_t base, uint64_t *next)
{
	const struct tide_block *b = s->blocks;

	for (unsigned p = 0; p < LEAF_PAGES; p++) {
		uint64_t page = base + ((uint64_t)p << PAGE_SHIFT);

		while (*next < s->block_count && b[*next].address < page)
			++*next;
		leaf[p].first = *next;
		for (; *next < s->block_count && b[*next].address < page + 4096; ++*next) {
			unsigned granule = (unsigned)(b[*next].address >> 4) & 255;

			leaf[p].starts[granule / 64] |= 1ull << granule % 64;
		}
	}
}

void scan_begin(struct scan *s, struct tide_block *blocks, uint64_t count)
{
	uint64_t base, next = 0;

	*s = (struct scan){ .blocks = blocks, .block_count = count };
	if (!count)
		return;
	s->one_a_granule = true;
	for (uint64_t i = 0; i < count; i++)
		s->one_a_granule &=
			!(blocks[i].address & 15) && (!i || blocks[i].address != blocks[i - 1].address);
	s->lo = blocks[0].address;
	s->hi = reach_end(&blocks[count - 1]);
	base = s->lo >> LEAF_SHIFT;
	s->directory_count = (s->hi >> LEAF_SHIFT) - base + 1;
	s->directory = alloc_zeroed(s->directory_count, sizeof *s->directory);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t first = (blocks[i].address >> LEAF_SHIFT) - base;
		uint64_t last = ((reach_end(&blocks[i]) - 1) >> LEAF_SHIFT) - base;

		for (uint64_t l = first; l <= last && l < s->directory_count; l++) {
			if (s->directory[l])
				continue;
			if (l > first && l < last) {
				s->directory[l] = leaf_inside(i);
				continue;
			}
			s->directory[l] = alloc_zeroed(LEAF_PAGES, sizeof **s->directory);
			fill_leaf(s, s->directory[l], (base + l) << LEAF_SHIFT, &next);
		}
	}
}

void scan_end(struct scan *s)
{
	uint64_t base = s->lo >> LEAF_SHIFT;

	/* Leaves lie only where blocks are: the rest of the directory is not touched. */
	for (uint64_t i = 0; i < s->block_count; i++) {
		uint64_t at[2] = { (s->blocks[i].address >> LEAF_SHIFT) - base,
			((reach_end(&s->blocks[i]) - 1) >> LEAF_SHIFT) - base };

		for (int k = 0; k < 2; k++)
			if (at[k] < s->directory_count && !((uintptr_t)s->directory[at[k]] & 1)) {
				free(s->directory[at[k]]);
				s->directory[at[k]] = NULL;
			}
	}
	free(s->directory);
	free(s->root_edges);
	free(s->starts);
	free(s->edges);
	free(s->shapes);
	*s = (struct scan){ 0 };
}

uint64_t scan_first(const struct scan *s, uint64_t address)
{
	return address ? SEARCH_UP_TO(s->blocks, s->block_count, address, address - 1) : 0;
}

/* Three steps, so that the memory of one can be fetched while others are done:
 * the page's entry, the block that the entry points at, the answer. */
static const struct scan_page *find_page(const struct scan *s, uint64_t address)
{
	const struct scan_page *leaf;

	if (address < s->lo || address >= s->hi)
		return NULL;
	leaf = s->directory[(address >> LEAF_SHIFT) - (s->lo >> LEAF_SHIFT)];
	if (!leaf || (uintptr_t)leaf & 1)
		return leaf;
	return leaf + (address >> PAGE_SHIFT & (LEAF_PAGES - 1));
}

/* One past the candidate. */
static uint64_t page_index(const struct scan_page *page, uint64_t address)
{
	unsigned granule = (unsigned)(address >> 4) & 255;
	uint64_t below = 0;

	if ((uintptr_t)page & 1)
		return ((uintptr_t)page >> 1) + 1;
	for (unsigned w = 0; w < granule / 64; w++)
		below += (unsigned)__builtin_popcountll(page->starts[w]);
	return page->first + below
		+ (unsigned)__builtin_popcountll(page->starts[granule / 64] & ((2ull << granule % 64) - 1));
}

/* Most words lead to the start of a block, which the page alone can say. */
static bool is_start(const struct scan *s, const struct scan_page *page, uint64_t address)
{
	unsigned granule = (unsigned)(address >> 4) & 255;

	return s->one_a_granule && !(address & 15) && !((uintptr_t)page & 1)
		&& page->starts[granule / 64] >> granule % 64 & 1;
}

static uint32_t settle_block(const struct scan *s, uint64_t i, uint64_t address)
{
	const struct tide_block *b = s->blocks;

	/* Several blocks in one granule count as one bit. */
	while (i < s->block_count && b[i].address <= address)
		i++;
	while (i > 0 && b[i - 1].address > address)
		i--;
	if (!i || address >= reach_end(&b[i - 1]))
		return SCAN_NONE;
	return (uint32_t)(i - 1);
}

static uint32_t find_reference(const struct scan *s, uint64_t address)
{
	const struct scan_page *page = find_page(s, address);

	return page ? settle_block(s, page_index(page, address), address) : SCAN_NONE;
}

uint32_t scan_block(const struct scan *s, uint64_t address)
{
	uint32_t block = find_reference(s, address);

	return block != SCAN_NONE && address >= block_end(&s->blocks[block]) ? SCAN_NONE : block;
}

bool scan_word(const struct scan *s, uint64_t word, struct scan_hit *hit)
{
	uint64_t address = word & ~s->mask;
	uint32_t block = find_reference(s, address);

	if (block == SCAN_NONE)
		return false;
	hit->block = block;
	hit->to_offset = address - s->blocks[block].address;
	hit->flags = (hit->to_offset ? EDGE_INTERIOR : 0) | (address != word ? EDGE_MASKED : 0);
	return true;
}

static uint32_t clip(uint64_t n) { return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n; }

static void add_edge(struct scan *s, uint64_t source, uint64_t address, const struct scan_hit *hit)
{
	/* The largest array of a snapshot grows by half, not by ARRAY_ADD's double: its unused part counts. */
	if (s->edge_count == s->edge_room) {
		s->edge_room = s->edge_room ? s->edge_room + s->edge_room / 2 : 4096;
		s->edges = alloc_resize(s->edges, s->edge_room * sizeof *s->edges);
	}
	s->edges[s->edge_count++] = (struct tide_edge){ .block = hit->block,
		.flags = hit->flags,
		.offset = clip(address - s->blocks[source].address),
		.to_offset = clip(hit->to_offset) };
}

void scan_root_edge(struct scan *s, uint32_t root, uint64_t address, const struct scan_hit *hit)
{
	*ARRAY_ADD(s->root_edges, s->root_edge_count, s->root_edge_room) =
		(struct tide_root_edge){ .root = root,
			.block = hit->block,
			.address = address,
			.to_offset = clip(hit->to_offset),
			.flags = hit->flags };
}

/* Words that may refer to a block, on their way through the three steps. */
struct candidate {
	uint64_t address, word, index;
	bool start; /* the block begins there */
	const struct scan_page *page;
	void *context;
};

#define BATCH 32u

struct batch {
	struct scan *scan;
	scan_found *found;
	uint32_t count;
	struct candidate one[BATCH];
};

static void flush_batch(struct batch *b)
{
	struct scan *s = b->scan;

	for (uint32_t i = 0; i < b->count; i++) {
		struct candidate *c = &b->one[i];

		c->index = page_index(c->page, c->word & ~s->mask);
		c->start = is_start(s, c->page, c->word & ~s->mask);
		if (c->index && !c->start)
			fetch_line(&s->blocks[c->index - 1]);
	}
	for (uint32_t i = 0; i < b->count; i++) {
		struct candidate *c = &b->one[i];
		uint64_t address = c->word & ~s->mask;
		uint32_t block = c->start ? (uint32_t)(c->index - 1) : settle_block(s, c->index, address);
		struct scan_hit hit;

		if (block == SCAN_NONE)
			continue;
		hit = (struct scan_hit){ .block = block,
			.to_offset = c->start ? 0 : address - s->blocks[block].address };
		hit.flags = (hit.to_offset ? EDGE_INTERIOR : 0) | (address != c->word ? EDGE_MASKED : 0)
			| (c->address & 7 ? EDGE_UNALIGNED : 0);
		b->found(c->context, c->address, &hit);
	}
	b->count = 0;
}

/* All words of `bytes` bytes that lie at `address` in the process. */
static void scan_words(struct batch *b, const char *data, uint64_t address, uint64_t bytes, void *context)
{
	const struct scan *s = b->scan;
	uint64_t step = s->unaligned ? 1 : 8, at = s->unaligned ? 0 : -address & 7;

	for (; at + 8 <= bytes; at += step) {
		const struct scan_page *page;
		uint64_t word;

		memcpy(&word, data + at, 8);
		if (!word || !(page = find_page(s, word & ~s->mask)))
			continue;
		if (!((uintptr_t)page & 1))
			fetch_line(page);
		b->one[b->count++] = (struct candidate){ address + at, word, 0, false, page, context };
		if (b->count == BATCH)
			flush_batch(b);
	}
}

/* Edges come in the order of the words; `block` is the one that they are in. */
struct source {
	struct scan *scan;
	uint64_t block;
};

static void note_found(void *context, uint64_t address, const struct scan_hit *hit)
{
	struct source *from = context;
	struct scan *s = from->scan;

	/* A batch holds words of several blocks: on to the one that has this word. */
	while (from->block + 1 < s->block_count && s->blocks[from->block + 1].address <= address)
		s->starts[++from->block] = s->edge_count;
	add_edge(s, from->block, address, hit);
}

void scan_range(struct scan *s, struct remote *m, uint64_t lo, uint64_t hi, scan_found *found, void *context)
{
	struct batch batch = { .scan = s, .found = found };
	uint64_t from = lo, end, piece;
	char *buffer = NULL;

	while (remote_run(m, &from, &end, hi)) {
		if (!buffer)
			buffer = alloc_bytes(hi - lo < WINDOW ? hi - lo : WINDOW);
		for (; from < end; from += piece) {
			/* A word that crosses two pieces only matters unaligned: they overlap then. */
			uint64_t overlap = s->unaligned ? 7 : 0, got;

			piece = end - from < WINDOW ? end - from : WINDOW;
			got = remote_read(m, from, buffer, piece);
			if (got)
				scan_words(&batch, buffer, from, piece, context);
			flush_batch(&batch);
			if (piece == WINDOW && end - from > WINDOW)
				piece -= overlap;
		}
		from = end;
	}
	free(buffer);
}

struct window {
	char *data;
	uint64_t lo, hi;
};

/* Loads the window so that it starts at block i and holds as many whole blocks
 * as fit; pages that are not there stay zero. */
static void load_window(struct scan *s, struct remote *m, struct window *w, uint64_t i)
{
	uint64_t from, end, last = i;

	w->lo = s->blocks[i].address & ~4095ull;
	while (last + 1 < s->block_count && block_end(&s->blocks[last + 1]) - w->lo <= WINDOW)
		last++;
	w->hi = block_end(&s->blocks[last]);
	memset(w->data, 0, w->hi - w->lo);
	for (from = w->lo; remote_run(m, &from, &end, w->hi); from = end)
		remote_read(m, from, w->data + (from - w->lo), end - from);
}

#define DIGEST_MOST (1u << 20) /* bytes of a block whose content is looked at */

/* Equal contents have equal digests. Zeros do not count: many blocks are cleared and not yet used. */
static uint64_t digest_content(const char *data, uint64_t bytes)
{
	uint64_t digest;

	if (!bytes || bytes > DIGEST_MOST || (!data[0] && !memcmp(data, data + 1, bytes - 1)))
		return 0;
	digest = XXH3_64bits(data, bytes);
	return digest ? digest : 1;
}

static void note_shape(struct scan *s, uint64_t i, const char *data, uint64_t bytes)
{
	uint64_t words[SHAPE_WORDS], count = bytes / 8 < SHAPE_WORDS ? bytes / 8 : SHAPE_WORDS;

	memcpy(words, data, count * 8);
	if (s->notes)
		count_note(s->notes, i, data, bytes);
	if (s->digests)
		s->digests[i] = digest_content(data, bytes);
	if (s->shapes)
		s->shapes[i] = layout_shape(s->layout, words, count, s->blocks[i].bytes);
}

void scan_heap(struct scan *s, struct remote *m)
{
	struct window w = { alloc_bytes(WINDOW), 0, 0 };
	struct batch batch = { .scan = s, .found = note_found };
	struct source from = { s, 0 };

	s->starts = alloc_bytes((s->block_count + 1) * sizeof *s->starts);
	s->starts[0] = 0;
	if (s->layout)
		s->shapes = alloc_zeroed(s->block_count + 1, 1);
	for (uint64_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];
		uint64_t bytes = b->bytes;

		if (bytes < 8 || (s->stack_block && s->stack_block[i])) {
			if (s->notes)
				count_note(s->notes, i, NULL, 0);
			continue;
		}
		if (i + 1 < s->block_count && s->blocks[i + 1].address - b->address < bytes)
			bytes = s->blocks[i + 1].address - b->address; /* SC1, whatever the list says */
		if (bytes > LARGE) {
			char first[SHAPE_WORDS * 8];

			remote_read(m, b->address, first, sizeof first);
			note_shape(s, i, first, sizeof first);
			if (s->digests)
				s->digests[i] = 0;
			flush_batch(&batch);
			scan_range(s, m, b->address, b->address + bytes, note_found, &from);
			continue;
		}
		if (b->address < w.lo || b->address + bytes > w.hi)
			load_window(s, m, &w, i);
		note_shape(s, i, w.data + (b->address - w.lo), bytes);
		scan_words(&batch, w.data + (b->address - w.lo), b->address, bytes, &from);
	}
	flush_batch(&batch);
	while (from.block < s->block_count)
		s->starts[++from.block] = s->edge_count;
	free(w.data);
}

enum meaning { MEANS_NOTHING, MEANS_INTERIOR, MEANS_LAYOUT };

static enum meaning classify_interior(struct scan *s, uint32_t block, uint64_t to_offset)
{
	const struct tide_block *b = &s->blocks[block];

	if (s->shapes && layout_explains(s->layout, s->shapes[block], b->address, b->bytes, to_offset))
		return MEANS_LAYOUT;
	return b->bytes && to_offset >= b->bytes ? MEANS_NOTHING : MEANS_INTERIOR;
}

/* Words to the end of a block that is not an empty array are not references: rows close up. */
static void explain_heap(struct scan *s)
{
	uint64_t kept = 0, at = 0;

	for (uint64_t i = 0; i < s->block_count; i++) {
		uint64_t end = s->starts[i + 1];

		s->starts[i] = kept;
		for (; at < end; at++) {
			struct tide_edge *e = &s->edges[at];
			enum meaning m = e->flags & EDGE_INTERIOR
				? classify_interior(s, e->block, e->to_offset)
				: MEANS_INTERIOR;

			if (m == MEANS_LAYOUT)
				e->flags |= EDGE_EXPLAINED;
			if (m != MEANS_NOTHING)
				s->edges[kept++] = *e;
		}
	}
	s->starts[s->block_count] = kept;
	s->edge_count = kept;
}

static void explain_roots(struct scan *s)
{
	uint64_t kept = 0;

	for (uint64_t i = 0; i < s->root_edge_count; i++) {
		struct tide_root_edge *e = &s->root_edges[i];
		enum meaning m = e->flags & EDGE_INTERIOR ? classify_interior(s, e->block, e->to_offset)
							  : MEANS_INTERIOR;

		if (m == MEANS_LAYOUT)
			e->flags |= EDGE_EXPLAINED;
		if (m != MEANS_NOTHING)
			s->root_edges[kept++] = *e;
	}
	s->root_edge_count = kept;
}

void scan_explain(struct scan *s)
{
	if (s->starts)
		explain_heap(s);
	explain_roots(s);
}
