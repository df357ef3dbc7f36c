/* container_string.c - long strings of the C++ libraries; see container.h. */
#include "container_private.h"

#define GNU_SHORT 15u /* characters that std::string of libstdc++ has room for itself */

bool container_is_string(struct container_window *words, struct container_window *texts,
	const struct references *g, uint64_t address, uint32_t block, uint64_t *spare)
{
	uint64_t size = container_word(words, address + 8), capacity = container_word(words, address + 16),
		 end;
	unsigned char last = 1;

	if (capacity > GNU_SHORT && size <= capacity && container_fits(g, block, capacity + 1)) {
		end = size;
		*spare = capacity - size;
	} else {
		/* libc++: the capacity with the NUL and a bit that says "long", the size, the text. */
		size = address >= 16 ? container_word(words, address - 8) : 0;
		capacity = address >= 16 ? container_word(words, address - 16) : 0;
		if (!(capacity & 1) || size >= capacity - 1 || !container_fits(g, block, capacity - 1))
			return false;
		end = size;
		*spare = capacity - 2 - size;
	}
	/* Text holds no references; behind it there may be what was there before. */
	if (g->edge_starts[block] < g->edge_starts[block + 1]
		&& g->edges[g->edge_starts[block]].offset <= end)
		return false;
	container_read(texts, g->blocks[block].address + end, &last, 1);
	return !last;
}
