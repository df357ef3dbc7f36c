/* container_window.c - words of the process near each other, and how long its blocks are; see container.h. */
#include <string.h>
#include "container_private.h"

#define PAGE 4096u
/* Of glibc's chunks (request2size, malloc/malloc.c): a multiple of 16 with 8 bytes beside those of the program. What would
 * be too small for a chunk when one is split stays with it: less than 32 bytes, of an aligned block up to 32 (_int_memalign). */
#define CHUNK_STEP 16u
#define CHUNK_LEAST 32u
#define CHUNK_HEAD 8u
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
	uint64_t has = g->blocks[block].bytes, address = g->blocks[block].address, chunk;

	if (!g->usable || has < bytes)
		return has == bytes;
	chunk = (bytes + CHUNK_HEAD + CHUNK_STEP - 1) / CHUNK_STEP * CHUNK_STEP;
	if (chunk < CHUNK_LEAST)
		chunk = CHUNK_LEAST;
	/* A mapped chunk begins and ends with a page, and has the head of the next chunk, too. */
	if (has >= MAPPED_LEAST && (address & (PAGE - 1)) == 16)
		return has + 2 * CHUNK_HEAD <= (chunk + CHUNK_HEAD + PAGE - 1) / PAGE * PAGE;
	return has + CHUNK_HEAD < chunk + CHUNK_LEAST + (address % CHUNK_LEAST ? 0 : CHUNK_STEP);
}
