/* python_placelist.c - the list of Python's names for objects and words, for the snapshot:
 * python_private.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "python_private.h"

#define PLACES_MOST (4u << 20)
#define TEXT_MOST (64u << 20) /* bytes of all names together */

struct python_places {
	struct snapshot_writer *writer;
	struct tide_python_place *place;
	uint64_t count, room;
	uint64_t text_bytes;
	uint32_t newest; /* text: those that come again are in the snapshot once */
};

void python_places_add(struct python_places *l, uint64_t address, enum tide_place_kind kind, uint64_t number,
	const char *format, ...)
{
	char text[512];
	va_list arguments;
	uint32_t at;

	if (l->count >= PLACES_MOST || l->text_bytes > TEXT_MOST || number > UINT16_MAX)
		return;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	at = snapshot_writer_string(l->writer, text);
	if (at > l->newest) {
		l->newest = at;
		l->text_bytes += strlen(text);
	}
	*ARRAY_ADD(l->place, l->count, l->room) =
		(struct tide_python_place){ address, at, (uint16_t)kind, (uint16_t)number };
}

struct python_places *python_places_new(struct snapshot_writer *w)
{
	struct python_places *l = alloc_zeroed(1, sizeof(*l));

	l->writer = w;
	return l;
}

static int order(const void *a, const void *b)
{
	const struct tide_python_place *x = a, *y = b;

	if (x->address != y->address)
		return x->address < y->address ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

/* Of several names the first in the order is kept. */
static void sort(struct python_places *l)
{
	uint64_t kept = 0;

	if (l->count)
		qsort(l->place, l->count, sizeof(*l->place), order);
	for (uint64_t i = 0; i < l->count; i++)
		if (!kept || order(&l->place[kept - 1], &l->place[i]) != 0)
			l->place[kept++] = l->place[i];
	l->count = kept;
}

void python_places_end(struct python_places *l)
{
	sort(l);
	snapshot_writer_section(
		l->writer, SECTION_PLACES, sizeof(*l->place), l->place, l->count, SNAPSHOT_TAKE);
	free(l);
}
