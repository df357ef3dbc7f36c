/* heap_read.c - words of the process that is walked: heap_private.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "heap_private.h"

void heap_read_begin(struct heap_reader *r, struct remote *memory)
{
	*r = (struct heap_reader){ .memory = memory, .ahead = HEAP_PAGE };
	r->window = alloc_bytes(READ_WINDOW);
	r->pages = alloc_bytes((size_t)READ_PAGES * HEAP_PAGE);
}

void heap_read_end(struct heap_reader *r)
{
	free(r->window);
	free(r->pages);
	*r = (struct heap_reader){ 0 };
}

/* Small chunks are read in large windows. Where chunks are larger than the window, little of it is useful,
 * and reading would make pages that the process has never touched, so the windows shrink again. */
bool heap_read_header(struct heap_reader *r, uint64_t address, uint64_t words[2])
{
	if (address - r->lo >= r->bytes || r->bytes - (address - r->lo) < 16) {
		bool near = address - r->lo < 2 * r->bytes;

		r->ahead = !near ? HEAP_PAGE : r->ahead < READ_WINDOW ? r->ahead * 2 : READ_WINDOW;
		r->lo = address;
		r->bytes = r->ahead - address % HEAP_PAGE;
		if (r->bytes < 16)
			r->bytes += HEAP_PAGE;
		if (r->bytes > READ_WINDOW)
			r->bytes = READ_WINDOW;
		if (remote_read(r->memory, r->lo, r->window, r->bytes) < r->bytes) {
			/* Of an incomplete window, only what was asked for is taken. */
			r->bytes = 16;
			if (remote_read(r->memory, r->lo, r->window, 16) != 16) {
				r->bytes = 0;
				return false;
			}
		}
	}
	memcpy(words, r->window + (address - r->lo), 16);
	return true;
}

uint64_t heap_read_word(struct heap_reader *r, uint64_t address)
{
	uint64_t page = address & ~(uint64_t)(HEAP_PAGE - 1), at = page / HEAP_PAGE % READ_PAGES, word;

	if (address % HEAP_PAGE > HEAP_PAGE - 8)
		return remote_word(r->memory, address, &word) ? word : 0;
	if (r->page[at] != (page | 1)) {
		r->page[at] = page | 1;
		remote_read(r->memory, page, r->pages + at * HEAP_PAGE, HEAP_PAGE);
	}
	memcpy(&word, r->pages + at * HEAP_PAGE + address % HEAP_PAGE, 8);
	return word;
}
