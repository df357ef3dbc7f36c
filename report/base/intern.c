/* intern.c - see intern.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "array.h"
#include "intern.h"

uint32_t intern_text(struct intern *n, const char *text)
{
	uint64_t hash = XXH3_64bits(text, strlen(text));

	INDEX_EACH(&n->index, hash, probe)
	if (!strcmp(n->text[probe.number], text))
		return probe.number;
	index_add(&n->index, hash, (uint32_t)n->count);
	*ARRAY_ADD(n->text, n->count, n->capacity) = alloc_string(text);
	return (uint32_t)n->count - 1;
}

void intern_free(struct intern *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->text[i]);
	free(n->text);
	index_free(&n->index);
	memset(n, 0, sizeof(*n));
}
