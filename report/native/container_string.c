/* container_string.c - long strings of the C++ libraries, and the names of types; see container.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "container_private.h"

#define WINDOW 16384u
#define PAGE 4096u
#define GNU_SHORT 15u   /* characters that std::string of libstdc++ has room for itself */
#define TEXT_BYTES 17u  /* the shortest text outside the object, with its NUL */
#define USABLE_MORE 24u /* than was asked for, at most */

/* Memory near what was read before. */
struct window {
	struct remote *memory;
	uint64_t lo; /* 0: nothing yet */
	unsigned char bytes[WINDOW];
};

/* `bytes` bytes, a word at most. What cannot be read comes as zeros. */
static void read_near(struct window *w, uint64_t address, void *to, size_t bytes)
{
	if (!w->lo || address < w->lo || address + bytes > w->lo + WINDOW) {
		w->lo = address & ~(uint64_t)(PAGE - 1);
		remote_read(w->memory, w->lo, w->bytes, WINDOW);
	}
	memcpy(to, w->bytes + (address - w->lo), bytes);
}

static uint64_t read_word(struct window *w, uint64_t address)
{
	uint64_t word;

	read_near(w, address, &word, sizeof(word));
	return word;
}

/* Has a block room for a text of this capacity, NUL included, and no more? */
static bool has_room(const struct references *g, uint32_t block, uint64_t bytes)
{
	uint64_t has = g->blocks[block].bytes;

	return g->usable ? has >= bytes && has - bytes < USABLE_MORE : has == bytes;
}

/* Is the word at `address`, which points to the start of `block`, that of a string? */
static bool is_string(
	struct window *w, struct window *texts, const struct references *g, uint64_t address, uint32_t block)
{
	uint64_t size = read_word(w, address + 8), capacity = read_word(w, address + 16), end;
	unsigned char last = 1;

	if (capacity > GNU_SHORT && size <= capacity && has_room(g, block, capacity + 1))
		end = size;
	else {
		/* libc++: the capacity with the NUL and a bit that says "long", the size, the text. */
		size = address >= 16 ? read_word(w, address - 8) : 0;
		capacity = address >= 16 ? read_word(w, address - 16) : 0;
		if (!(capacity & 1) || size >= capacity - 1 || !has_room(g, block, capacity - 1))
			return false;
		end = size;
	}
	read_near(texts, g->blocks[block].address + end, &last, 1);
	return !last;
}

static bool may_be_text(
	const struct references *g, const struct typing *typing, uint32_t block, uint32_t to_offset)
{
	return !to_offset && !typing->of[block].evidence && g->blocks[block].bytes >= TEXT_BYTES
		&& g->edge_starts[block] == g->edge_starts[block + 1];
}

uint32_t container_add_type(struct snapshot_writer *w, struct typing *typing, enum container_kind kind)
{
	static const char *const name[CONTAINER_KINDS] = {
		[CONTAINER_TREE] = "std::_Rb_tree_node",
		[CONTAINER_LIST] = "std::_List_node",
		[CONTAINER_HASH] = "std::__detail::_Hash_node",
		[CONTAINER_BUCKETS] = "std::__detail::_Hash_node_base*",
		[CONTAINER_LLVM_TREE] = "std::__1::__tree_node",
		[CONTAINER_LLVM_LIST] = "std::__1::__list_node",
		[CONTAINER_LLVM_HASH] = "std::__1::__hash_node",
		[CONTAINER_LLVM_BUCKETS] = "std::__1::__hash_node_base*",
		[CONTAINER_TEXT] = "char",
	};

	return typing_add_class(typing, w, name[kind]);
}

void container_strings(struct remote *memory, const struct references *g, struct snapshot_writer *w,
	struct typing *typing, uint32_t *type)
{
	struct window *window = alloc_zeroed(2, sizeof(*window));
	uint32_t block;

	window[0].memory = window[1].memory = memory;
	for (uint64_t i = 0, n = 0; i < g->edge_count + g->root_edge_count; i++) {
		uint64_t address, to_offset;

		if (i < g->edge_count) {
			while (g->edge_starts[n + 1] <= i)
				n++;
			block = g->edges[i].block;
			to_offset = g->edges[i].to_offset;
			address = g->blocks[n].address + g->edges[i].offset;
		} else {
			const struct tide_root_edge *r = &g->root_edges[i - g->edge_count];

			block = r->block;
			to_offset = r->to_offset;
			address = r->address;
		}
		if (!may_be_text(g, typing, block, (uint32_t)to_offset)
			|| !is_string(&window[0], &window[1], g, address, block))
			continue;
		if (!*type)
			*type = container_add_type(w, typing, CONTAINER_TEXT);
		typing->of[block] = (struct tide_block_type){ .type = *type, .evidence = EVIDENCE_SHAPE };
	}
	free(window);
}
