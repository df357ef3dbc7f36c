/* python_claims.c - raw blocks of lists, dicts, sets and buffers: python_private.h.
 *
 * A block that a sound object points to as its table is a table, whatever its words look like: the stale end of
 * a list or a free dict value may well look like an object.
 */
#include "python_private.h"

#define DEQUE_FREE 72u /* numfreeblocks, then freeblocks */
#define DEQUE_FREE_MOST 16u
#define MODULE_STATE 32u /* md_state */
#define NDARRAY_OWNS_DATA 4u
#define NDARRAY_OBJECTS 17u /* NPY_OBJECT */

/* The block that begins at an address, or 16 or 32 bytes before it under the debug allocator. */
static bool claim_block(struct python *p, uint64_t address, uint32_t owner, enum python_role role)
{
	uint32_t block = python_block_at(p, address);
	struct python_slot *s;
	uint8_t head = 0;

	if (block == PYTHON_NONE && address > 16) {
		block = python_block_at(p, address - 16);
		head = 16;
	}
	if (block == PYTHON_NONE && address > 32) {
		block = python_block_at(p, address - 32);
		head = 32;
		if (block != PYTHON_NONE && python_debug_head(p, p->blocks[block].address) != head)
			block = PYTHON_NONE;
	}
	if (block == PYTHON_NONE || block == owner)
		return false;
	s = &p->slot[block];
	if (s->flags & SLOT_TRACKED || s->owner != PYTHON_NONE)
		return false;
	*s = (struct python_slot){ .role = (uint8_t)role, .owner = owner, .head = head };
	return true;
}

/* Split values: since 3.11 they follow a prefix whose length is the byte before them. */
static void claim_values(struct python *p, uint64_t values, uint32_t owner)
{
	if (!values || values >= 1ull << 47)
		return;
	if (p->minor == 11 || p->minor == 12)
		values -= python_byte(p, values - 1);
	claim_block(p, values, owner, ROLE_DICT_VALUES);
}

static void claim_managed(struct python *p, uint32_t block, uint64_t object)
{
	const struct python_type *t = &p->types[p->slot[block].type];

	if (!(t->flags & TYPE_MANAGED_DICT))
		return;
	if (p->minor == 11)
		claim_values(p, python_word(p, object - 32), block);
	if (p->minor == 12) { /* a dict, or the values with bit 0 set by taking 1 off */
		uint64_t word = python_word(p, object - 24);

		if (word & 1)
			claim_values(p, word + 1, block);
	}
}

static void claim_ndarray(struct python *p, uint32_t block, uint64_t object)
{
	uint64_t description = python_word(p, object + 56);
	uint32_t type = python_u32(p, description + 28);

	if (python_u32(p, object + 64) & NDARRAY_OWNS_DATA)
		claim_block(p, python_word(p, object + 16), block,
			type == NDARRAY_OBJECTS ? ROLE_OWNED : ROLE_DATA);
	claim_block(p, python_word(p, object + 32), block, ROLE_DATA); /* dimensions and strides */
}

/* Blocks in use hold items; those that a deque keeps for later, since 3.11, hold what is left of them. */
static void claim_deque(struct python *p, uint32_t block, uint64_t object)
{
	uint64_t at = python_word(p, object + DEQUE_LEFT), right = python_word(p, object + DEQUE_RIGHT);
	uint64_t free_blocks = python_word(p, object + DEQUE_FREE);

	for (uint64_t n = 0; n < p->block_count && claim_block(p, at, block, ROLE_DEQUE_BLOCK) && at != right;
		n++)
		at = python_word(p, at + DEQUE_BLOCK_NEXT);
	if (p->minor < 11 || free_blocks > DEQUE_FREE_MOST)
		return;
	for (uint64_t i = 1; i <= free_blocks; i++)
		claim_block(p, python_word(p, object + DEQUE_FREE + i * 8), block, ROLE_DATA);
}

static void claim_tables(struct python *p, uint32_t block)
{
	uint64_t object = python_object(p, block);

	if (p->minor >= 11)
		claim_managed(p, block, object);
	switch (p->types[p->slot[block].type].kind) {
	case KIND_LIST:
		claim_block(p, python_word(p, object + PYTHON_LIST_ITEMS), block, ROLE_LIST_ITEMS);
		break;
	case KIND_DICT:
		claim_block(p, python_word(p, object + PYTHON_DICT_KEYS), block, ROLE_DICT_KEYS);
		claim_values(p, python_word(p, object + PYTHON_DICT_VALUES), block);
		break;
	case KIND_SET:
		claim_block(p, python_word(p, object + PYTHON_SET_TABLE), block, ROLE_SET_TABLE);
		break;
	case KIND_DEQUE: claim_deque(p, block, object); break;
	case KIND_BYTEARRAY: claim_block(p, python_word(p, object + 32), block, ROLE_DATA); break;
	case KIND_ARRAY: claim_block(p, python_word(p, object + 24), block, ROLE_DATA); break;
	case KIND_NDARRAY: claim_ndarray(p, block, object); break;
	case KIND_MODULE: claim_block(p, python_word(p, object + MODULE_STATE), block, ROLE_OWNED); break;
	case KIND_TYPE:
		if (python_word(p, object + PYTHON_TYPE_FLAGS) & TYPE_HEAP)
			claim_block(p, python_word(p, object + p->layout->type.cached_keys), block,
				ROLE_DICT_KEYS);
		break;
	default: break;
	}
}

static bool is_object(const struct python *p, uint64_t block, bool types)
{
	const struct python_slot *s = &p->slot[block];

	return s->role == ROLE_OBJECT && (p->types[s->type].kind == KIND_TYPE) == types;
}

void python_claims(struct python *p)
{
	/* Keys that instances share belong to their class. */
	for (int types = 1; types >= 0; types--)
		for (uint64_t i = 0; i < p->block_count; i++)
			if (is_object(p, i, types))
				claim_tables(p, (uint32_t)i);
}
