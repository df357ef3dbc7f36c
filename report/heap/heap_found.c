/* heap_found.c - what the parts of a walk share of its result: heap_private.h. */
#include <stdarg.h>
#include <stdio.h>
#include "base/error.h"
#include "base/search.h"
#include "heap_private.h"

uint64_t heap_found_block(const struct heap *h, uint64_t address)
{
	size_t at = SEARCH_UP_TO(h->blocks, h->count, address, address);

	return at && h->blocks[at - 1].address == address ? at - 1 : UINT64_MAX;
}

void heap_found_doubt(struct heap *h, const char *format, ...)
{
	char reason[sizeof(h->doubts)];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	if (h->unsure <= 3)
		error_reason(h->doubts, sizeof(h->doubts), reason);
}
