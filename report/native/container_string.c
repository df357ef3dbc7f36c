/* container_string.c - long strings of the C++ libraries; see container.h. */
#include "container_private.h"

#define GNU_SHORT 15u  /* characters that std::string of libstdc++ has room for itself */
#define LLVM_SHORT 22u /* as many of libc++ */
#define LLVM_ALIGN 8u  /* libc++ rounds up to 16, in some builds to 8: __recommend in <string> */
#define ROOM_LEAST 1024u
#define LLVM_ALTERNATE (1ull << 63)

struct text {
	uint64_t size, allocated;
};

/* libc++ has what it allocated, with a bit that says "long", the size, and the text; where it is built with
 * _LIBCPP_ABI_ALTERNATE_STRING_LAYOUT, the text, the size, and what it allocated with the highest bit. */
static bool read_llvm(struct container_window *words, uint64_t address, struct text *t)
{
	t->allocated = container_word(words, address + 16);
	t->size = container_word(words, address + 8);
	if (t->allocated & LLVM_ALTERNATE) {
		t->allocated &= ~LLVM_ALTERNATE;
	} else {
		t->allocated = address >= 16 ? container_word(words, address - 16) : 0;
		t->size = address >= 16 ? container_word(words, address - 8) : 0;
		if (!(t->allocated & 1))
			return false;
		t->allocated--;
	}
	/* The end of a short text and a flag behind it may look like a few characters in a long one: what has less than
	 * a string has room for itself is believed where there is a lot of room. */
	return t->allocated > LLVM_SHORT + 1 && t->allocated % LLVM_ALIGN == 0
		&& (t->size > LLVM_SHORT || t->allocated >= ROOM_LEAST);
}

/* libstdc++ has the text, the size and the capacity. */
static bool read_gnu(struct container_window *words, uint64_t address, struct text *t)
{
	uint64_t capacity = container_word(words, address + 16);

	*t = (struct text){ .size = container_word(words, address + 8), .allocated = capacity + 1 };
	return capacity > GNU_SHORT && capacity < UINT64_MAX;
}

bool container_is_string(struct container_window *words, struct container_window *texts,
	const struct container_libraries *libraries, const struct references *g, uint64_t address,
	uint32_t block, uint64_t *spare)
{
	struct text t;
	unsigned char last = 1;

	if (!(libraries->gnu && read_gnu(words, address, &t) && t.size < t.allocated
		    && container_fits(g, block, t.allocated))
		&& !(libraries->llvm && read_llvm(words, address, &t) && t.size < t.allocated
			&& container_fits(g, block, t.allocated)))
		return false;
	*spare = t.allocated - 1 - t.size;
	/* Text holds no references; behind it there may be what was there before, and the NUL may be its first byte. */
	if (g->edge_starts[block] < g->edge_starts[block + 1]
		&& g->edges[g->edge_starts[block]].offset + sizeof(uint64_t) <= t.size + 1)
		return false;
	container_read(texts, g->blocks[block].address + t.size, &last, 1);
	return !last;
}
