/* heap_busy.c - see heap_busy.h. */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "heap_busy.h"
#include "heap_private.h"

#define ARENAS_MOST 4096u

void heap_busy_find(struct heap_busy *b, int pid)
{
	struct tide_error ignored = { 0 };
	struct arenas arenas;
	uint64_t lo, hi;

	heap_busy_end(b);
	if (remote_open(&b->memory, pid, &ignored))
		return;
	b->open = true;
	for (size_t i = 0; i < b->memory.mapping_count; i++) {
		if (!heap_data_range(&b->memory, i, &lo, &hi) || !arena_find(&b->memory, lo, hi, &arenas))
			continue;
		if (!b->count || arenas.next == b->next)
			*ARRAY_ADD(b->first, b->count, b->room) = arenas.list[0].address;
		if (b->count == 1)
			b->next = arenas.next;
		arena_free(&arenas);
	}
}

bool heap_is_busy(struct heap_busy *b)
{
	for (size_t i = 0; i < b->count; i++) {
		uint64_t at = b->first[i], word = 0;

		for (unsigned n = 0; at && n < ARENAS_MOST; n++) {
			if (remote_word(&b->memory, at, &word) && (uint32_t)word)
				return true;
			if (!remote_word(&b->memory, at + b->next, &at) || at == b->first[i])
				break;
		}
	}
	return false;
}

void heap_busy_end(struct heap_busy *b)
{
	if (b->open)
		remote_close(&b->memory);
	free(b->first);
	*b = (struct heap_busy){ 0 };
}
