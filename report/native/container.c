/* container.c - trees, lists and hash tables of the C++ libraries; see container.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "container_private.h"

#define NODE_BYTES 24u               /* the smallest node of a tree or a list; a list's own object */
#define HEADER_WORDS 5u              /* of the largest header */
#define USABLE_APART 16u             /* by which usable sizes of equal blocks differ */
#define STEPS_PER_EDGE 8u            /* NC2 */
#define CONSTANTS_MOST (32ull << 20) /* bytes of constants that are looked through */
#define CONSTANTS_STEP (1u << 16)
#define MARK_MOST 16u /* bytes of a text that is sought in them */

enum { RUST = 1, LLVM = 2, GNU = 4, EITHER = 8 };

struct containers {
	struct remote *memory;
	const struct references *g;
	struct snapshot_writer *writer;
	struct typing *typing;
	struct container_libraries libraries;
	uint32_t type[CONTAINER_KINDS];
	uint32_t *node; /* of the container that is being proved */
	uint32_t nodes, room;
	uint64_t steps; /* that are left */
};

/* Where a header, or the part of it that nodes point to, is. */
struct place {
	uint64_t address;
	uint32_t block, offset; /* block NO_BLOCK: outside the heap */
};

/* Offsets of pointers in a node, and in the header. */
struct tree_layout {
	uint32_t parent, left, right;
	uint32_t link;               /* in the header: what the root's parent points to */
	uint32_t root, first, count; /* in the header */
	enum container_kind kind;
};
static const struct tree_layout gnu_tree = { 8, 16, 24, 0, 8, 16, 32, CONTAINER_TREE };
static const struct tree_layout llvm_tree = { 16, 0, 8, 8, 8, 0, 16, CONTAINER_LLVM_TREE };

struct list_layout {
	uint32_t next, prev; /* in nodes and in the header, whose count is behind them */
	enum container_kind kind;
};
static const struct list_layout gnu_list = { 0, 8, CONTAINER_LIST };
static const struct list_layout llvm_list = { 8, 0, CONTAINER_LLVM_LIST };

static uint64_t address_of(const struct containers *c, uint32_t block) { return c->g->blocks[block].address; }

static struct place place_in(const struct containers *c, uint32_t block, uint32_t offset)
{
	return (struct place){ address_of(c, block) + offset, block, offset };
}

static struct place place_outside(uint64_t address)
{
	return (struct place){ address, CONTAINER_NO_BLOCK, 0 };
}

/* The reference that the word at `offset` of a block is; NULL for none. A block's references are in the order of
 * their words. */
static const struct tide_edge *edge_at(const struct references *g, uint32_t block, uint32_t offset)
{
	uint64_t lo = g->edge_starts[block], hi = g->edge_starts[block + 1];

	while (lo < hi) {
		uint64_t middle = lo + (hi - lo) / 2;

		if (g->edges[middle].offset < offset)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < g->edge_starts[block + 1] && g->edges[lo].offset == offset ? &g->edges[lo] : NULL;
}

/* The block whose start a word points to. */
static uint32_t block_at(const struct containers *c, uint32_t block, uint32_t offset)
{
	const struct tide_edge *e = edge_at(c->g, block, offset);

	return e && !e->to_offset ? e->block : CONTAINER_NO_BLOCK;
}

static bool points_to(const struct containers *c, uint32_t block, uint32_t offset, struct place to)
{
	const struct tide_edge *e = edge_at(c->g, block, offset);
	uint64_t word;

	if (to.block != CONTAINER_NO_BLOCK)
		return e && e->block == to.block && e->to_offset == to.offset;
	return !e && remote_word(c->memory, address_of(c, block) + offset, &word) && word == to.address;
}

static bool has_size_of(const struct containers *c, uint32_t a, uint32_t b)
{
	uint64_t x = c->g->blocks[a].bytes, y = c->g->blocks[b].bytes;

	return c->g->usable ? (x > y ? x - y : y - x) <= USABLE_APART : x == y;
}

/* Adds a node of the container; false: it has too many, this is not one of them, or the search has lasted long enough. */
static bool add_node(struct containers *c, uint32_t block, uint64_t count)
{
	if (block == CONTAINER_NO_BLOCK || c->nodes == count || !c->steps
		|| c->g->blocks[block].bytes < NODE_BYTES - 8
		|| (c->nodes && !has_size_of(c, block, c->node[0])))
		return false;
	c->steps--;
	*ARRAY_ADD(c->node, c->nodes, c->room) = block;
	return true;
}

static void give_type(struct containers *c, uint32_t block, enum container_kind kind)
{
	if (!c->type[kind])
		c->type[kind] = container_add_type(c->writer, c->typing, kind);
	if (!c->typing->of[block].evidence)
		c->typing->of[block] =
			(struct tide_block_type){ .type = c->type[kind], .evidence = EVIDENCE_SHAPE };
}

static void give_types(struct containers *c, enum container_kind kind)
{
	for (uint32_t i = 0; i < c->nodes; i++)
		give_type(c, c->node[i], kind);
}

/* The words of a header; false when its count cannot be right. */
static bool read_header(struct containers *c, struct place header, uint32_t count, uint64_t *word)
{
	size_t bytes = HEADER_WORDS * sizeof(*word);

	memset(word, 0, bytes);
	remote_read(c->memory, header.address, word, bytes);
	c->nodes = 0;
	return word[count / 8] && word[count / 8] <= c->g->block_count;
}

static void look_at_tree(
	struct containers *c, const struct tree_layout *l, struct place header, uint32_t root)
{
	struct place link = { header.address + l->link, header.block, header.offset + l->link };
	uint64_t word[HEADER_WORDS], count;
	uint32_t first = root, left;

	if (!read_header(c, header, l->count, word) || word[l->root / 8] != address_of(c, root)
		|| !points_to(c, root, l->parent, link))
		return;
	count = word[l->count / 8];
	if (!add_node(c, root, count))
		return;
	for (uint32_t i = 0; i < c->nodes; i++) {
		const uint32_t side[2] = { l->left, l->right };

		for (unsigned k = 0; k < 2; k++) {
			uint32_t child = block_at(c, c->node[i], side[k]);

			if (child == CONTAINER_NO_BLOCK)
				continue;
			if (block_at(c, child, l->parent) != c->node[i] || !add_node(c, child, count))
				return;
		}
	}
	for (uint64_t i = 0; i < count && (left = block_at(c, first, l->left)) != CONTAINER_NO_BLOCK; i++)
		first = left;
	if (c->nodes == count && word[l->first / 8] == address_of(c, first))
		give_types(c, l->kind);
}

static void look_at_list(
	struct containers *c, const struct list_layout *l, struct place header, uint32_t first)
{
	uint64_t word[HEADER_WORDS];

	if (!read_header(c, header, 16, word) || word[l->next / 8] != address_of(c, first)
		|| !points_to(c, first, l->prev, header) || !add_node(c, first, word[2]))
		return;
	while (c->nodes < word[2]) {
		uint32_t last = c->node[c->nodes - 1], next = block_at(c, last, l->next);

		if (!add_node(c, next, word[2]) || block_at(c, next, l->prev) != last)
			return;
	}
	if (points_to(c, c->node[c->nodes - 1], l->next, header)
		&& word[l->prev / 8] == address_of(c, c->node[c->nodes - 1]))
		give_types(c, l->kind);
}

/* Both libraries have the buckets, their number, the first node, the number of nodes and the load factor, in
 * this order. */
static void look_at_hash(struct containers *c, struct place header, uint32_t buckets, uint32_t first)
{
	uint64_t word[HEADER_WORDS], room = c->g->blocks[buckets].bytes;
	uint32_t next;
	float load;

	if (first == CONTAINER_NO_BLOCK || !read_header(c, header, 24, word)
		|| word[0] != address_of(c, buckets) || word[2] != address_of(c, first) || word[1] > room / 8
		|| !container_fits(c->g, buckets, word[1] * 8))
		return;
	memcpy(&load, &word[4], sizeof(load));
	if (!(load > 0.01f && load < 1000) || !add_node(c, first, word[3]))
		return;
	while ((next = block_at(c, c->node[c->nodes - 1], 0)) != CONTAINER_NO_BLOCK)
		if (!add_node(c, next, word[3]))
			return;
	if (c->nodes != word[3] || edge_at(c->g, c->node[c->nodes - 1], 0))
		return;
	give_types(c, c->libraries.gnu ? CONTAINER_HASH : CONTAINER_LLVM_HASH);
	give_type(c, buckets, c->libraries.gnu ? CONTAINER_BUCKETS : CONTAINER_LLVM_BUCKETS);
}

/* A word of block `n` that points into a block, perhaps to a header. A list that begins a block would make
 * each node of each list look like a header: only a list that is a block by itself is taken. A program's own
 * ring with a count may look like a list, so lists need stacks with `new` (view/block_types.h). */
static void look_at_edge(struct containers *c, uint32_t n, const struct tide_edge *e)
{
	uint32_t h = e->block, at = e->to_offset;
	bool list = !c->g->usable
		&& (at || (c->g->blocks[h].bytes <= NODE_BYTES + USABLE_APART && !edge_at(c->g, h, 16)));

	if (h == n || (!at && !list))
		return;
	if (c->libraries.gnu) {
		if (e->offset == gnu_tree.parent && at >= 8 && block_at(c, h, at + gnu_tree.root) == n)
			look_at_tree(c, &gnu_tree, place_in(c, h, at), n);
		if (e->offset == gnu_list.prev && list && block_at(c, h, at + gnu_list.next) == n)
			look_at_list(c, &gnu_list, place_in(c, h, at), n);
	}
	if (c->libraries.llvm) {
		if (e->offset == llvm_tree.parent && at >= 8 && block_at(c, h, at) == n)
			look_at_tree(c, &llvm_tree, place_in(c, h, at - llvm_tree.link), n);
		if (e->offset == llvm_list.prev && list && block_at(c, h, at + llvm_list.next) == n)
			look_at_list(c, &llvm_list, place_in(c, h, at), n);
	}
	if (at >= 16 && block_at(c, h, at - 16) == n)
		look_at_hash(c, place_in(c, h, at - 16), n, block_at(c, h, at));
}

/* A word outside the heap that points to the start of a block, perhaps in a header. */
static void look_at_root(
	struct containers *c, const struct tide_root_edge *r, const struct tide_root_edge *end)
{
	uint64_t word[3] = { 0 }, at = r->address;

	if (r->to_offset || c->g->blocks[r->block].bytes < NODE_BYTES - 8 || at & 7)
		return;
	remote_read(c->memory, address_of(c, r->block), word, sizeof(word));
	if (c->libraries.gnu) {
		if (word[gnu_tree.parent / 8] == at - gnu_tree.root)
			look_at_tree(c, &gnu_tree, place_outside(at - gnu_tree.root), r->block);
		if (!c->g->usable && word[gnu_list.prev / 8] == at - gnu_list.next)
			look_at_list(c, &gnu_list, place_outside(at - gnu_list.next), r->block);
	}
	if (c->libraries.llvm) {
		if (word[llvm_tree.parent / 8] == at - llvm_tree.root + llvm_tree.link)
			look_at_tree(c, &llvm_tree, place_outside(at - llvm_tree.root), r->block);
		if (!c->g->usable && word[llvm_list.prev / 8] == at - llvm_list.next)
			look_at_list(c, &llvm_list, place_outside(at - llvm_list.next), r->block);
	}
	if (r + 1 < end && r[1].address == at + 16 && !r[1].to_offset)
		look_at_hash(c, place_outside(at), r->block, r[1].block);
}

static bool is_mapped(const struct remote *m, const char *library)
{
	for (size_t i = 0; i < m->mapping_count; i++)
		if (strstr(m->mappings[i].path, library))
			return true;
	return false;
}

static void find_nodes(struct containers *c)
{
	const struct references *g = c->g;
	const struct typing *typing = c->typing;

	for (uint32_t n = 0; n < g->block_count; n++) {
		if (typing->of[n].evidence || g->blocks[n].bytes < 16)
			continue;
		for (uint64_t i = g->edge_starts[n]; i < g->edge_starts[n + 1]; i++)
			look_at_edge(c, n, &g->edges[i]);
	}
	for (uint64_t i = 0; i < g->root_edge_count; i++)
		look_at_root(c, &g->root_edges[i], g->root_edges + g->root_edge_count);
}

/* Texts that a library leaves in the constants of a program which it is a part of. */
static const struct {
	const char *text;
	unsigned bytes, library;
} marks[] = {
	/* Messages of panics name files of the standard library. */
	{ "/rustc/", 7, RUST },
	/* Names of types in the inline namespace std::__1, that of Android, and that of Chromium. */
	{ "St3__1", 6, LLVM },
	{ "St6__ndk1", 9, LLVM },
	{ "St4__Cr", 7, LLVM },
	/* Messages of exceptions name members as "vector::_M_realloc_insert". */
	{ "::_M_", 5, GNU },
	/* std::exception is of no inline namespace: both libraries have it. */
	{ "St9exception", 12, EITHER },
};

/* The libraries that have left a mark. */
static unsigned find_marks(struct remote *m, const char *program)
{
	char *text = alloc_bytes(CONSTANTS_STEP);
	uint64_t left = CONSTANTS_MOST;
	unsigned found = 0;

	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *p = &m->mappings[i];

		if (!p->readable || p->writable || p->executable || strcmp(p->path, program))
			continue;
		for (uint64_t at = p->lo; at < p->hi && left; at += CONSTANTS_STEP - MARK_MOST) {
			uint64_t bytes = p->hi - at < CONSTANTS_STEP ? p->hi - at : CONSTANTS_STEP;

			bytes = remote_read(m, at, text, bytes);
			for (size_t k = 0; k < sizeof(marks) / sizeof(marks[0]); k++)
				if (!(found & marks[k].library)
					&& memmem(text, bytes, marks[k].text, marks[k].bytes))
					found |= marks[k].library;
			left -= bytes < left ? bytes : left;
		}
	}
	free(text);
	return found;
}

/* `classes`: objects have been found, of a library in the program itself if none is mapped. */
static struct container_libraries find_libraries(struct remote *m, bool classes, const char *program)
{
	unsigned found = find_marks(m, program);
	struct container_libraries l = {
		.gnu = is_mapped(m, "/libstdc++.so"), .llvm = is_mapped(m, "/libc++.so"), .rust = found & RUST
	};

	if (!l.gnu && !l.llvm) {
		l.llvm = found & LLVM || (!(found & GNU) && (classes || found & EITHER));
		l.gnu = !(found & LLVM) && (classes || found & (GNU | EITHER));
	}
	return l;
}

void container_types(struct remote *memory, const struct references *g, bool classes, const char *program,
	struct snapshot_writer *w, struct typing *typing)
{
	struct containers c = { .memory = memory,
		.g = g,
		.writer = w,
		.typing = typing,
		.libraries = find_libraries(memory, classes, program),
		.steps = (g->edge_count + g->root_edge_count) * STEPS_PER_EDGE };
	bool cxx = c.libraries.gnu || c.libraries.llvm;

	if (cxx)
		find_nodes(&c);
	if (cxx || c.libraries.rust)
		container_words(memory, g, w, typing, &c.type[CONTAINER_TEXT], &c.libraries);
	free(c.node);
}
