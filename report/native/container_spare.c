/* container_spare.c - capacity that C++ containers and those of Rust do not use; see container.h.
 *
 * Read from the words beside the pointer to the block:
 *
 *   std::vector          start, end of what is used, end        the block ends where they say
 *   std::unordered_map   buckets, their number, first node, number of nodes, load factor
 *   std::deque           map, its length, then two iterators {current, first, last, node} (bits/stl_deque.h)
 *                        of libc++: map, its first used entry, the end of these, its end, then two numbers of elements:
 *                        where the first one lies in the blocks, and how many there are (__split_buffer and deque)
 *   Rust's Vec           capacity, pointer, length, or pointer, capacity, length: right only where its code allocated
 *                        the block, which a reader with stacks knows
 *   Rust's VecDeque      capacity, pointer, index of the first, length: likewise (since 1.67)
 */
#include <string.h>
#include "container_private.h"

#define DEQUE_WORDS 10u
#define DEQUE_MAP_LEAST 8u /* _S_initial_map_size */
#define ZEROS_MOST 65536u  /* bytes of an empty table that are looked at */

struct words {
	struct container_window *near, *far;
	const struct references *g;
	struct typing *typing;
	uint64_t address, start; /* of the word, of the block it points to */
	uint32_t block;
};

static uint64_t word_at(const struct words *w, int number)
{
	return container_word(w->near, w->address + (uint64_t)(int64_t)number * 8);
}

/* stdio has three such words for its buffers, and others to the same start beside them. */
static bool look_at_vector(const struct words *w)
{
	uint64_t end = word_at(w, 1), limit = word_at(w, 2);

	if (end < w->start || end > limit || !container_fits(w->g, w->block, limit - w->start)
		|| word_at(w, -1) == w->start || word_at(w, 3) == w->start)
		return false;
	typing_spare_words(w->typing, w->block, SPARE_VECTOR, limit - end);
	return true;
}

/* An empty table has nothing but zeros. */
static bool is_empty(const struct words *w, uint64_t bytes)
{
	uint64_t part[64];

	for (uint64_t at = 0; at < bytes && at < ZEROS_MOST; at += sizeof(part)) {
		uint64_t n = bytes - at < sizeof(part) ? bytes - at : sizeof(part);

		container_read(w->far, w->start + at, part, n);
		for (uint64_t i = 0; i < n / 8; i++)
			if (part[i])
				return false;
	}
	return true;
}

/* Those with nodes have been proved by container.c, and have the type. */
static bool look_at_buckets(const struct words *w, bool proved)
{
	uint64_t buckets = word_at(w, 1), first = word_at(w, 2), nodes = word_at(w, 3), need;
	float load;

	if (!buckets || buckets > w->g->blocks[w->block].bytes / 8
		|| !container_fits(w->g, w->block, buckets * 8) || nodes > w->g->block_count
		|| !nodes != !first || (nodes && !proved))
		return false;
	container_read(w->near, w->address + 32, &load, sizeof(load));
	if (!(load > 0.01f && load < 1000) || (!nodes && !is_empty(w, buckets * 8)))
		return false;
	need = (uint64_t)((float)nodes / load) + 1;
	if (need < buckets)
		typing_spare(w->typing, w->block, SPARE_BUCKETS, (buckets - need) * 8);
	return true;
}

struct iterator {
	uint64_t current, first, last, node;
};

static bool is_iterator(const struct words *w, const struct iterator *i, uint64_t map_bytes)
{
	return i->node >= w->start && i->node - w->start < map_bytes && !((i->node - w->start) & 7)
		&& i->first < i->last && i->current >= i->first && i->current < i->last
		&& container_word(w->far, i->node) == i->first;
}

static bool look_at_deque(const struct words *w)
{
	uint64_t length = word_at(w, 1), nodes;
	struct iterator i[2];

	if (length < DEQUE_MAP_LEAST || length > w->g->blocks[w->block].bytes / 8
		|| !container_fits(w->g, w->block, length * 8))
		return false;
	container_read(w->near, w->address + 16, i, sizeof(i));
	if (!is_iterator(w, &i[0], length * 8) || !is_iterator(w, &i[1], length * 8) || i[0].node > i[1].node
		|| i[0].last - i[0].first != i[1].last - i[1].first)
		return false;
	/* What a new one has for as many nodes: _M_initialize_map. */
	nodes = (i[1].node - i[0].node) / 8 + 1 + 2;
	if (nodes < DEQUE_MAP_LEAST)
		nodes = DEQUE_MAP_LEAST;
	if (nodes < length)
		typing_spare(w->typing, w->block, SPARE_DEQUE, (length - nodes) * 8);
	return true;
}

/* All entries that are used lead to blocks of one size, whose elements are no more than their bytes. */
static bool are_nodes(const struct words *w, uint64_t from, uint64_t to, uint64_t *bytes)
{
	const struct references *g = w->g;
	uint64_t nodes = 0;

	*bytes = 0;
	for (uint64_t i = g->edge_starts[w->block]; i < g->edge_starts[w->block + 1]; i++) {
		const struct tide_edge *e = &g->edges[i];

		if (e->offset < from || e->offset >= to)
			continue;
		if (e->to_offset || e->offset & 7
			|| (nodes && g->blocks[e->block].bytes != g->blocks[g->edges[i - 1].block].bytes))
			return false;
		nodes++;
		*bytes += g->blocks[e->block].bytes;
	}
	return nodes && nodes == (to - from) / 8;
}

static bool look_at_llvm_deque(const struct words *w)
{
	uint64_t begin = word_at(w, 1), end = word_at(w, 2), limit = word_at(w, 3), first = word_at(w, 4),
		 size = word_at(w, 5), bytes;

	if (begin < w->start || end <= begin || limit < end || (begin | end | limit) & 7
		|| !container_fits(w->g, w->block, limit - w->start)
		|| !are_nodes(w, begin - w->start, end - w->start, &bytes) || first > bytes
		|| size > bytes - first)
		return false;
	typing_spare(w->typing, w->block, SPARE_DEQUE, (limit - w->start) - (end - begin));
	return true;
}

/* Walked lists do not say how long the block is exactly, so the length of an element is not known. */
static void look_at_rust(const struct words *w)
{
	uint64_t bytes = w->g->blocks[w->block].bytes;

	for (int before = 1; before >= 0 && !w->g->usable; before--) {
		uint64_t capacity = word_at(w, before ? -1 : 1), length = word_at(w, before ? 1 : 2);

		if (!capacity || capacity > bytes || bytes % capacity || length > capacity)
			continue;
		typing_spare_words(w->typing, w->block, SPARE_RUST, (capacity - length) * (bytes / capacity));
		return;
	}
}

static void look_at_ring(const struct words *w)
{
	uint64_t bytes = w->g->blocks[w->block].bytes, capacity = word_at(w, -1), first = word_at(w, 1),
		 length = word_at(w, 2);

	if (capacity && capacity <= bytes && bytes % capacity == 0 && first < capacity && length <= capacity)
		typing_spare_words(w->typing, w->block, SPARE_RING, (capacity - length) * (bytes / capacity));
}

void container_spare(struct container_window *near, struct container_window *far, const struct references *g,
	struct typing *typing, uint64_t address, uint32_t block, const struct container_libraries *libraries)
{
	const struct words w = { near, far, g, typing, address, g->blocks[block].address, block };
	bool proved = typing->of[block].evidence == EVIDENCE_SHAPE;

	if (typing->of[block].evidence && !proved)
		return;
	if (look_at_buckets(&w, proved) || proved)
		return;
	/* The first words of this one are like those of a vector. */
	if (libraries->llvm && look_at_llvm_deque(&w))
		return;
	if (look_at_vector(&w) || (libraries->gnu && look_at_deque(&w)) || !libraries->rust)
		return;
	look_at_rust(&w);
	if (!g->usable)
		look_at_ring(&w);
}
