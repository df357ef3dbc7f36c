/* snapshot_reader.c - the memory of an open snapshot, and the damage found in it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/array.h"
#include "snapshot_private.h"

void snapshot_reader_damage(struct snapshot *s, const char *format, ...)
{
	va_list list;

	if (s->damaged++)
		return;
	va_start(list, format);
	vsnprintf(s->damage, sizeof(s->damage), format, list);
	va_end(list);
}

void *snapshot_reader_own(struct snapshot_reader *r, void *p)
{
	*ARRAY_ADD(r->owned, r->owned_count, r->owned_capacity) = p;
	return p;
}

void *snapshot_reader_allocate(struct snapshot_reader *r, uint64_t count, uint64_t element)
{
	void *p;

	if (element && count > r->memory_left / element)
		return NULL;
	p = calloc(count ? count : 1, element);
	if (!p)
		return NULL;
	r->memory_left -= count * element;
	return snapshot_reader_own(r, p);
}
