/* symbol_pool.c - strings that are freed together. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "symbol_private.h"

#define PART_BYTES 65536u

struct symbol_pool_part {
	struct symbol_pool_part *next;
	size_t used, capacity;
	char text[];
};

const char *symbol_pool_copy(struct symbol_pool *p, const char *s)
{
	struct symbol_pool_part *part = p->first;
	size_t n = strlen(s) + 1;
	char *text;

	if (!part || part->capacity - part->used < n) {
		size_t capacity = n > PART_BYTES / 2 ? n : PART_BYTES;

		part = alloc_bytes(sizeof(*part) + capacity);
		*part = (struct symbol_pool_part){ p->first, 0, capacity };
		p->first = part;
	}
	text = part->text + part->used;
	memcpy(text, s, n);
	part->used += n;
	return text;
}

void symbol_pool_free(struct symbol_pool *p)
{
	while (p->first) {
		struct symbol_pool_part *next = p->first->next;

		free(p->first);
		p->first = next;
	}
}
