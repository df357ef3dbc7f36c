/* python_lines.h - the line of an instruction, from the tables of code objects.
 *
 * The library asks for each frame of a new stack, the command for frames that it finds in an image.
 *
 * PI1  Reads only the given bytes, within their bounds. The result 0 means that
 *     there is no line.
 *
 * Sources: Objects/lnotab_notes.txt (3.8, 3.9, 3.10), Objects/locations.md (3.11 and later), PEP 626.
 */
#ifndef TIDEMARK_PYTHON_LINES_H
#define TIDEMARK_PYTHON_LINES_H

#include <stdbool.h>
#include "python_layout.h"

static inline long python_lines_lnotab(const uint8_t *p, size_t bytes, long line, long at)
{
	long address = 0;
	for (size_t i = 0; i + 1 < bytes; i += 2) {
		address += p[i];
		if (address > at)
			break;
		line += (int8_t)p[i + 1];
	}
	return line;
}

static inline long python_lines_ranges(const uint8_t *p, size_t bytes, long line, long at)
{
	long end = 0;
	for (size_t i = 0; i + 1 < bytes; i += 2) {
		bool none = (int8_t)p[i + 1] == -128;
		end += p[i];
		line += none ? 0 : (int8_t)p[i + 1];
		if (at < end)
			return none ? 0 : line;
	}
	return 0;
}

/* Reads a number in groups of six bits, lowest first. */
static inline unsigned long python_lines_number(const uint8_t **p, const uint8_t *end)
{
	unsigned long n = 0;
	for (unsigned shift = 0; *p < end && shift < 60; shift += 6) {
		uint8_t byte = *(*p)++;
		n |= (unsigned long)(byte & 63) << shift;
		if (!(byte & 64))
			break;
	}
	return n;
}

enum {
	LOCATION_LINE_FIRST = 10, /* 10 to 12: the line goes on by code - 10 */
	LOCATION_NO_COLUMNS = 13,
	LOCATION_LONG = 14,
	LOCATION_NONE = 15,
};

static inline long python_lines_table(const uint8_t *p, size_t bytes, long line, long at)
{
	const uint8_t *end = p + bytes;
	long address = 0;
	while (p < end) {
		uint8_t head = *p++;
		unsigned code = head >> 3 & 15;
		address += ((head & 7) + 1) * 2;
		if (code == LOCATION_NO_COLUMNS || code == LOCATION_LONG) {
			unsigned long n = python_lines_number(&p, end);
			line += n & 1 ? -(long)(n >> 1) : (long)(n >> 1);
		} else if (code >= LOCATION_LINE_FIRST && code < LOCATION_NO_COLUMNS) {
			line += (long)code - LOCATION_LINE_FIRST;
		}
		if (at < address)
			return code == LOCATION_NONE ? 0 : line;
		/* The columns; only the first byte of an entry has its highest bit set. */
		while (p < end && !(*p & 128))
			p++;
	}
	return 0;
}

/* `first`: the first line of the code; `at`: bytes from its first instruction. */
static inline long python_lines_find(
	enum python_lines kind, const uint8_t *table, size_t bytes, long first, long at)
{
	switch (kind) {
	case PYTHON_LINES_LNOTAB: return python_lines_lnotab(table, bytes, first, at);
	case PYTHON_LINES_RANGES: return python_lines_ranges(table, bytes, first, at);
	case PYTHON_LINES_TABLE: return python_lines_table(table, bytes, first, at);
	}
	return 0;
}

#endif
