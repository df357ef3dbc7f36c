/* index.h - finds elements of a dense array by a hash of their keys.
 *
 * The elements stay in an array of the owner, in the order in which they came; the
 * index maps hashes to their numbers. The owner compares keys, so a key may be of
 * any kind and may lie anywhere. There is an element per site, frame or block, and the
 * index costs 16 to 32 bytes per element. Where there are few, and each is a record of its own
 * that a text or a pointer finds, uthash serves: it costs 56 bytes in each. No third kind of
 * hash table is in the command (scripts/lint.d/calls).
 *
 * IX1  Elements are never removed.
 * IX2  A slot keeps 32 bits of the hash beside the number: most elements that differ
 *      are never compared, and growing asks the owner for nothing.
 * IX3  At most half of the slots are in use, and probing is linear.
 */
#ifndef TIDEMARK_INDEX_H
#define TIDEMARK_INDEX_H

#include <stdbool.h>
#include <stdint.h>

/* All zero: an empty index. */
struct index {
	struct index_slot {
		uint32_t hash;
		uint32_t number; /* + 1; 0: free */
	} * slots;
	uint64_t capacity; /* slots; a power of two, or 0 */
	uint64_t count;
};

struct index_probe {
	uint64_t at;
	uint32_t hash;
	uint32_t number; /* of the element that was found */
};

/* Runs the body for each element that may have this hash (64 bits, well mixed); probe.number is its number:
 *
 *	INDEX_EACH (&table->index, hash, probe)
 *		if (same_key(&table->element[probe.number], key))
 *			return probe.number;
 */
#define INDEX_EACH(index, hash, probe)                                                                       \
	for (struct index_probe probe = index_begin((index), (hash)); index_next((index), &probe);)

/* Adds an element that is not in the index yet. `number` is below UINT32_MAX. */
void index_add(struct index *x, uint64_t hash, uint32_t number);
/* Forgets all elements and keeps the memory. */
void index_clear(struct index *x);
void index_free(struct index *x);

static inline struct index_probe index_begin(const struct index *x, uint64_t hash)
{
	uint32_t kept = (uint32_t)(hash >> 32);

	return (struct index_probe){ .at = x->capacity ? kept & (x->capacity - 1) : 0, .hash = kept };
}

static inline bool index_next(const struct index *x, struct index_probe *p)
{
	const struct index_slot *s;

	if (!x->capacity)
		return false;
	while (s = &x->slots[p->at], s->number) {
		p->at = (p->at + 1) & (x->capacity - 1);
		if (s->hash == p->hash) {
			p->number = s->number - 1;
			return true;
		}
	}
	return false;
}

/* A hash of a number, such as an address or a packed pair: the finaliser of MurmurHash3. */
static inline uint64_t index_hash(uint64_t key)
{
	key = (key ^ key >> 33) * 0xff51afd7ed558ccdu;
	key = (key ^ key >> 33) * 0xc4ceb9fe1a85ec53u;
	return key ^ key >> 33;
}

#endif
