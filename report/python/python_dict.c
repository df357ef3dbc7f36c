/* python_dict.c - entries of dicts: python_private.h.
 *
 * The table of keys begins with a header and an array of indices; the entries follow, in the order of
 * insertion. A split dict has its values elsewhere (Objects/dictobject.c).
 */
#include "python_private.h"

#define ENTRIES_MOST (1ull << 32)
#define ENTRIES_OUTSIDE 65536u /* of a table that lies in no block */

/* The header up to 3.10: refcnt, size, lookup, usable, nentries. */
static bool read_old_keys(struct python *p, uint64_t keys, struct python_dict *d)
{
	uint64_t size = python_word(p, keys + 8), index;

	if (!size || size & (size - 1) || size > ENTRIES_MOST)
		return false;
	index = size <= 0xff ? 1 : size <= 0xffff ? 2 : size <= 0xffffffff ? 4 : 8;
	d->count = python_word(p, keys + 32);
	d->entries = keys + 40 + size * index;
	d->stride = 24, d->key = 8, d->value = 16;
	return d->count <= size;
}

/* Since 3.11: refcnt, log2 of the size, log2 of the bytes of indices, kind, version, usable, nentries.
 * Kinds: 0 general, with hashes; 1 str keys only; 2 split. */
static bool read_new_keys(struct python *p, uint64_t keys, struct python_dict *d)
{
	unsigned size = python_byte(p, keys + 8), index = python_byte(p, keys + 9),
		 kind = python_byte(p, keys + 10);

	if (size > 32 || index > 36 || kind > 2)
		return false;
	d->count = python_word(p, keys + 24);
	d->entries = keys + 32 + (1ull << index);
	if (kind)
		d->stride = 16, d->key = 0, d->value = 8;
	else
		d->stride = 24, d->key = 8, d->value = 16;
	return d->count <= 1ull << size;
}

/* No table has more entries than its block has room for. */
static bool has_room(const struct python *p, const struct python_dict *d)
{
	uint32_t block = python_block_at(p, d->keys);

	if (block == PYTHON_NONE)
		return d->count <= ENTRIES_OUTSIDE;
	return d->entries - d->keys + d->count * d->stride <= p->blocks[block].bytes;
}

bool python_dict_keys(struct python *p, uint64_t keys, struct python_dict *d)
{
	*d = (struct python_dict){ .keys = keys };
	if (keys < 4096 || keys & 7 || keys >= 1ull << 47)
		return false;
	return (p->minor >= 11 ? read_new_keys(p, keys, d) : read_old_keys(p, keys, d)) && has_room(p, d);
}

bool python_dict_open(struct python *p, uint64_t dict, struct python_dict *d)
{
	uint64_t values;

	if (dict < 4096 || dict & 7 || dict >= 1ull << 47
		|| !python_dict_keys(p, python_word(p, dict + PYTHON_DICT_KEYS), d))
		return false;
	values = python_word(p, dict + PYTHON_DICT_VALUES);
	/* Since 3.13 four bytes of sizes come first. */
	d->values = !values ? 0 : p->minor >= 13 ? values + 8 : values;
	return true;
}

void python_dict_entry(
	struct python *p, const struct python_dict *d, uint64_t i, uint64_t *key, uint64_t *value)
{
	*key = python_word(p, d->entries + i * d->stride + d->key);
	*value = python_word(p, d->values ? d->values + i * 8 : d->entries + i * d->stride + d->value);
}
