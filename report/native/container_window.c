/* container_window.c - words of the process near each other, and how long its blocks are; see container.h. */
#include <string.h>
#include "container_private.h"

#define PAGE 4096u
#define USABLE_MORE                                                                                          \
	32u /* than was asked for, at most: rounded up, with the rest of a split that is too small for a chunk */
#define MAPPED_LEAST 32768u

void container_read(struct container_window *w, uint64_t address, void *to, size_t bytes)
{
	if (address < w->from || address > w->to || bytes > w->to - address) {
		memset(to, 0, bytes);
		return;
	}
	if (!w->lo || address < w->lo || address + bytes > w->lo + CONTAINER_WINDOW) {
		w->lo = address & ~(uint64_t)(PAGE - 1);
		remote_read(w->memory, w->lo, w->bytes, CONTAINER_WINDOW);
	}
	memcpy(to, w->bytes + (address - w->lo), bytes);
}

uint64_t container_word(struct container_window *w, uint64_t address)
{
	uint64_t word;

	container_read(w, address, &word, sizeof(word));
	return word;
}

bool container_fits(const struct references *g, uint32_t block, uint64_t bytes)
{
	uint64_t has = g->blocks[block].bytes;

	if (!g->usable || has < bytes)
		return has == bytes;
	/* A mapped chunk begins and ends with a page. */
	return has - bytes
		< (has >= MAPPED_LEAST && (g->blocks[block].address & (PAGE - 1)) == 16 ? PAGE : USABLE_MORE);
}
