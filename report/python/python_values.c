/* python_values.c - strings and numbers: python_private.h.
 *
 * A str has a state byte: interned 2 bits, width 3, compact 1, ascii 1 (Include/cpython/unicodeobject.h).
 */
#include <string.h>
#include "python_private.h"

#define LENGTH_MOST (1ull << 40)
#define STATE_COMPACT 32u
#define STATE_ASCII 64u

bool python_string_data(struct python *p, uint64_t address, uint64_t *data, uint64_t *length, unsigned *width)
{
	uint32_t type = python_type_at(p, python_word(p, address + PYTHON_OBJECT_TYPE)), state;

	if (!type || p->types[type].kind != KIND_STR)
		return false;
	state = python_u32(p, address + PYTHON_STRING_STATE);
	*length = python_word(p, address + PYTHON_STRING_LENGTH);
	*width = state >> 2 & 7;
	if (*length > LENGTH_MOST || (*width != 1 && *width != 2 && *width != 4))
		return false;
	if (state & STATE_COMPACT)
		*data = address + (state & STATE_ASCII ? p->layout->string.ascii : p->layout->string.compact);
	else /* a subclass has a pointer to them */
		*data = python_word(p, address + p->layout->string.compact);
	return *data != 0;
}

unsigned python_string_state(struct python *p, uint64_t address)
{
	return python_u32(p, address + PYTHON_STRING_STATE) & 3;
}

/* Writes one character as UTF-8; returns its bytes. */
static unsigned put_character(char *to, uint32_t c)
{
	if (c < 0x80)
		return to[0] = (char)c, 1;
	if (c < 0x800)
		return to[0] = (char)(0xc0 | c >> 6), to[1] = (char)(0x80 | (c & 63)), 2;
	if (c < 0x10000)
		return to[0] = (char)(0xe0 | c >> 12), to[1] = (char)(0x80 | (c >> 6 & 63)),
		       to[2] = (char)(0x80 | (c & 63)), 3;
	return to[0] = (char)(0xf0 | (c >> 18 & 7)), to[1] = (char)(0x80 | (c >> 12 & 63)),
	       to[2] = (char)(0x80 | (c >> 6 & 63)), to[3] = (char)(0x80 | (c & 63)), 4;
}

bool python_string(struct python *p, uint64_t address, char *to, uint64_t bytes)
{
	uint64_t data, length, at = 0;
	unsigned width;

	if (!python_string_data(p, address, &data, &length, &width))
		return false;
	for (uint64_t i = 0; i < length && at + 5 < bytes; i++) {
		uint32_t c = 0;

		python_read(p, data + i * width, &c, width);
		at += put_character(to + at, c);
	}
	to[at] = '\0';
	return true;
}

/* Entries of a dict whose key, an interned str, is also their value: all entries of the dict of interned
 * strings. */
static uint64_t read_interned_entries(struct python *p, const struct python_dict *d)
{
	uint64_t same = 0, others = 0;

	for (uint64_t i = 0; i < d->count && !d->values; i++) {
		uint64_t key, value;

		python_dict_entry(p, d, i, &key, &value);
		if (!key || !value)
			continue;
		same += key == value;
		others += key != value;
		if (others)
			return 0;
	}
	return same;
}

/* Its references are not counted while the strings are mortal: otherwise they would never die. */
void python_interned(struct python *p)
{
	uint64_t most = 16;

	p->interned_keys = PYTHON_NONE;
	for (uint64_t i = 0; i < p->block_count; i++) {
		const struct python_slot *s = &p->slot[i];
		struct python_dict d;
		uint64_t key, value, same;

		if (s->role != ROLE_DICT_KEYS || !python_dict_keys(p, p->blocks[i].address + s->head, &d)
			|| d.count <= most)
			continue;
		python_dict_entry(p, &d, 0, &key, &value);
		if (key != value && key)
			continue;
		same = read_interned_entries(p, &d);
		if (same <= most)
			continue;
		most = same;
		p->interned_keys = (uint32_t)i;
	}
}
