/* arena.c - see arena.h. */
#include <stdlib.h>
#include "arena.h"
#include "base/array.h"

#define BIN_PAIRS 127u
#define BIN_BYTES (BIN_PAIRS * 16u)
#define BINS_BETWEEN 4u /* that may be in the middle of a change */
#define HEAD_LEAST 16u  /* lock, top, last_remainder */
#define HEAD_MOST 512u  /* the same with lists of fast chunks, and room for later members */
#define TAIL_WORDS 16u  /* where the link may be behind the bins */
#define LINK_TO_END 40u /* next, next_free, attached_threads, system_mem, max_system_mem */
#define ARENAS_MAX 65536u
#define HEAPS_MAX 65536u
#define PAGE 4096u
#define HEAP_BITS_LEAST 20u /* a heap is aligned to its greatest size, a power of two */
#define HEAP_BITS_MOST 40u
#define HEAP_BITS_USUAL 26u   /* HEAP_MAX_SIZE, unless huge pages are asked for */
#define LOOKS_MOST (1u << 23) /* in one process, some seconds; an arena takes about a thousand */
#define LOOKS_READ 8u         /* a read costs as much as so many comparisons */
#define LOOK_BYTES 4096u

/* A process may hold without end what looks like an arena at first. False: enough was looked at. */
static bool may_look(struct remote *m, uint64_t looks)
{
	m->looks += looks;
	return m->looks <= LOOKS_MOST;
}

static uint64_t read_word(struct remote *m, uint64_t address)
{
	uint64_t word = 0;
	return may_look(m, LOOKS_READ) && remote_word(m, address, &word) ? word : 0;
}

/* --- bins ----------------------------------------------------------------- */

/* A bin is addressed as the chunk of which it would be the two links, 16 bytes before them. */
static bool is_bin(struct remote *m, uint64_t at, const uint64_t pair[2])
{
	uint64_t self = at - 16;
	if (!may_look(m, 1))
		return false;
	if (pair[0] == self || pair[1] == self)
		return pair[0] == pair[1];
	return pair[0] && pair[1] && pair[0] % 16 == 0 && pair[1] % 16 == 0
		&& read_word(m, pair[0] + 24) == self && read_word(m, pair[1] + 16) == self;
}

/* How many of the pairs at `w`, which lie at `at`, are not bins; more than BINS_BETWEEN: there are no bins here.
 * The last pair must be right, because what follows it differs. */
static unsigned is_count_wrong(struct remote *m, uint64_t at, const uint64_t *w)
{
	unsigned wrong = 0;
	if (!is_bin(m, at + BIN_BYTES - 16, w + 2 * (BIN_PAIRS - 1)))
		return BIN_PAIRS;
	for (unsigned k = 0; k < BIN_PAIRS && wrong <= BINS_BETWEEN; k++)
		wrong += !is_bin(m, at + 16 * k, w + 2 * k);
	return wrong;
}

static bool has_bins(struct remote *m, uint64_t at)
{
	uint64_t w[2 * BIN_PAIRS];
	return may_look(m, LOOKS_READ) && remote_read(m, at, w, sizeof(w)) == sizeof(w)
		&& is_count_wrong(m, at, w) <= BINS_BETWEEN;
}

/* Address of the bins among `words` words at `lo`; 0: there are none. At least one of the 127 bins is
 * empty. Two words too early, top and last_remainder would be one more wrong pair, so the best place is
 * the right one. */
static uint64_t search_bins(struct remote *m, uint64_t lo, const uint64_t *w, size_t words)
{
	for (size_t empty = HEAD_LEAST / 8; empty + 2 <= words; empty++) {
		unsigned best = BINS_BETWEEN + 1;
		size_t found = 0, last = 2 * (BIN_PAIRS - 1);
		uint64_t self = lo + 8 * empty - 16;
		if (w[empty] != self || w[empty + 1] != self)
			continue;
		for (size_t i = empty > last ? empty - last : empty % 2; i <= empty; i += 2) {
			unsigned wrong = i >= HEAD_LEAST / 8 && i + 2 * BIN_PAIRS <= words
				? is_count_wrong(m, lo + 8 * i, w + i)
				: BIN_PAIRS;
			if (wrong < best) {
				best = wrong;
				found = i;
			}
		}
		if (found)
			return lo + 8 * found;
	}
	return 0;
}

/* --- the ring ------------------------------------------------------------- */

static bool add_arena(struct arenas *a, struct remote *m, uint64_t address)
{
	if (a->count >= ARENAS_MAX)
		return false;
	struct arena arena = { address, read_word(m, address + a->bins - 16), !a->count };
	*ARRAY_ADD(a->list, a->count, a->room) = arena;
	return true;
}

/* Follows the links from the main arena until they come back to it. */
static bool follow_ring(struct arenas *a, struct remote *m, uint64_t main)
{
	uint64_t at = main;
	a->count = 0;
	do {
		if (!add_arena(a, m, at))
			return false;
		at = read_word(m, at + a->next);
		if (!at || at % 8 || (at != main && !has_bins(m, at + a->bins)))
			return false;
	} while (at != main);
	return true;
}

/* The link is one of the words after the bins. The link of a single arena leads back to it and shows where
 * it begins; any other leads to an arena that has its bins at the same offset. */
static bool search_ring(struct arenas *a, struct remote *m, uint64_t bins)
{
	for (unsigned i = 0; i < TAIL_WORDS; i++) {
		uint64_t behind = BIN_BYTES + 8 * i, link = read_word(m, bins + behind);
		uint64_t least = HEAD_LEAST, most = HEAD_MOST;
		if (!link || link % 8)
			continue;
		if (link < bins && bins - link >= HEAD_LEAST && bins - link <= HEAD_MOST)
			least = most = bins - link;
		for (uint64_t head = least; head <= most; head += 8) {
			if (least != most && !has_bins(m, link + head))
				continue;
			a->bins = head;
			a->next = head + behind;
			a->bytes = a->next + LINK_TO_END;
			if (follow_ring(a, m, bins - head))
				return true;
		}
	}
	return false;
}

/* --- heaps of the other arenas -------------------------------------------- */

/* struct heap_info: {arena, previous heap, bytes in use, ...} */
static bool read_heap(struct remote *m, uint64_t at, uint64_t arena, uint64_t head[3])
{
	return may_look(m, LOOKS_READ) && remote_read(m, at, head, 24) == 24 && head[0] == arena && head[2]
		&& head[2] % PAGE == 0 && head[2] < 1ull << HEAP_BITS_MOST;
}

static void add_heap(struct arenas *a, uint64_t at, uint64_t bytes, size_t arena)
{
	for (size_t i = a->heap_count; i-- > 0 && a->heaps[i].arena == arena;)
		if (a->heaps[i].lo == at)
			return;
	if (a->heap_count >= HEAPS_MAX)
		return;
	*ARRAY_ADD(a->heaps, a->heap_count, a->heap_room) =
		(struct arena_heap){ at, at + bytes, (uint32_t)arena };
}

/* From the heap that holds the top chunk back to the first one, in which the arena lies. */
static bool follow_heaps(struct arenas *a, struct remote *m, size_t arena)
{
	uint64_t address = a->list[arena].address, first = address & ~(uint64_t)(PAGE - 1), head[3], at = 0;
	for (unsigned bits = HEAP_BITS_LEAST; bits <= HEAP_BITS_MOST && !at; bits++) {
		at = a->list[arena].top & ~((1ull << bits) - 1);
		if (!at || !read_heap(m, at, address, head))
			at = 0;
	}
	for (size_t n = 0; at && n < HEAPS_MAX; n++) {
		if (!read_heap(m, at, address, head))
			return false;
		add_heap(a, at, head[2], arena);
		if (at == first)
			return !head[1];
		at = head[1];
	}
	return false;
}

/* Where a chain does not close, tries each place at which a heap of the usual size may begin. */
static void search_heaps(struct arenas *a, struct remote *m, size_t arena)
{
	uint64_t align = 1ull << HEAP_BITS_USUAL, head[3];
	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];
		if (p->path[0] || !p->writable)
			continue;
		for (uint64_t at = (p->lo + align - 1) & ~(align - 1); at < p->hi && may_look(m, 0);
			at += align)
			if (read_heap(m, at, a->list[arena].address, head))
				add_heap(a, at, head[2], arena);
	}
}

/* -------------------------------------------------------------------------- */

bool arena_find(struct remote *memory, uint64_t lo, uint64_t hi, struct arenas *out)
{
	*out = (struct arenas){ 0 };
	if (hi <= lo || !may_look(memory, (hi - lo) / LOOK_BYTES * LOOKS_READ))
		return false;
	size_t words = (hi - lo) / 8;
	uint64_t *w = alloc_bytes(words * 8 + 8);
	remote_read(memory, lo, w, words * 8);
	uint64_t bins = search_bins(memory, lo, w, words);
	free(w);
	if (!bins || !search_ring(out, memory, bins)) {
		arena_free(out);
		return false;
	}
	for (size_t i = 1; i < out->count; i++)
		if (!follow_heaps(out, memory, i)) {
			out->open_chains++;
			if (may_look(memory, memory->mapping_count / LOOKS_READ))
				search_heaps(out, memory, i);
		}
	return true;
}

/* libc's variables begin with all bins empty: malloc fills them in at its first call. Until then the
 * main arena is nothing but zeros, a link to itself, and one attached thread. */
bool arena_untouched(struct remote *memory, uint64_t lo, uint64_t hi)
{
	bool look = hi > lo && may_look(memory, (hi - lo) / LOOK_BYTES * LOOKS_READ);
	size_t words = look ? (hi - lo) / 8 : 0, least = (HEAD_LEAST + BIN_BYTES) / 8,
	       most = (HEAD_MOST + BIN_BYTES) / 8 + TAIL_WORDS;
	uint64_t *w = alloc_bytes(words * 8 + 8);
	bool found = false;

	remote_read(memory, lo, w, words * 8);
	for (size_t i = least; i + 2 < words && !found; i++) {
		uint64_t behind = lo + 8 * i - w[i];
		size_t before = behind / 8, k;

		if (w[i] < lo || w[i] >= lo + 8 * i || behind % 8 || before < least || before > most
			|| w[i + 1] || w[i + 2] != 1)
			continue;
		for (k = i - before; k < i && !w[k]; k++)
			;
		found = k == i;
	}
	free(w);
	return found;
}

bool arena_join(struct arenas *to, struct arenas *more)
{
	bool same = to->bins == more->bins && to->next == more->next;
	size_t first = to->count;

	for (size_t i = 0; same && i < more->count; i++)
		*ARRAY_ADD(to->list, to->count, to->room) = more->list[i];
	for (size_t i = 0; same && i < more->heap_count; i++) {
		struct arena_heap *heap = ARRAY_ADD(to->heaps, to->heap_count, to->heap_room);
		*heap = more->heaps[i];
		heap->arena += (uint32_t)first;
	}
	to->open_chains += more->open_chains + !same;
	arena_free(more);
	return same;
}

void arena_free(struct arenas *arenas)
{
	free(arenas->list);
	free(arenas->heaps);
	*arenas = (struct arenas){ 0 };
}
