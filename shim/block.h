/* block.h - the block map, writer's side (layout and rules BM1-BM4: blockmap.h).
 *
 * Threads: all; only the spill table has a lock. Signals: safe for nested
 * entries while the table below exists; otherwise they miss the block.
 */
#ifndef TIDEMARK_BLOCK_H
#define TIDEMARK_BLOCK_H

#include "state.h"

extern struct block_middle *block_root[BLOCK_ROOT_ENTRIES];

struct block_leaf *block_leaf_make(uintptr_t p);
/* Blocks that have no slot of their own (BM4). */
bool block_spill_put(uintptr_t p, uint64_t size, uint64_t slot);
bool block_spill_take(uintptr_t p, uint64_t *size, uint64_t *slot);
bool block_spill_take_python(uintptr_t p, uint64_t *size, uint64_t *slot); /* BLOCK_PYTHON only */
void block_start(void);
void block_after_fork(void);
extern uint64_t block_spilled; /* entries in the spill table */

/* Calls `each` for every block. Other threads may make and free blocks at the same time: a
 * block that lives throughout is always seen, others may be missed. One walk costs a read of
 * all slots in use, and with several threads a system call per page of the heap. */
struct block_seen {
	uintptr_t address;
	uint64_t size;   /* as requested */
	uint64_t slot;   /* its slot word */
	uint64_t *place; /* of the slot, which `each` may change while no other thread runs */
};
void block_each(void (*each)(void *context, const struct block_seen *block), void *context);

/* The live block that holds a byte at this address, which another thread may free at any moment. Looks at
 * up to 4 MiB below the address. */
bool block_around(uintptr_t address, struct block_seen *out);
/* The low half of the slot of the last block that began here, if it was freed and no block has begun in its
 * granule since; else 0. */
uint64_t block_slot_before(uintptr_t p);

HOT_INLINE struct block_leaf *block_leaf_of(uintptr_t p)
{
	if (unlikely(p >> BLOCK_ADDRESS_BITS))
		return NULL;
	struct block_middle *m = __atomic_load_n(&block_root[p >> BLOCK_MIDDLE_SHIFT], __ATOMIC_ACQUIRE);
	if (unlikely(!m))
		return NULL;
	return __atomic_load_n(
		&m->leaf[(p >> BLOCK_LEAF_SHIFT) & (BLOCK_MIDDLE_ENTRIES - 1)], __ATOMIC_ACQUIRE);
}

HOT_INLINE uint64_t block_usable(uintptr_t p) { return chunk_usable(*(const uint64_t *)(p - 8)); }

/* Size of the block whose slot word is s. */
HOT_INLINE uint64_t block_size(const struct block_leaf *leaf, unsigned granule, uintptr_t p, uint64_t s)
{
	unsigned slack = slot_slack(s);
	if (unlikely(slack == SLOT_SLACK_EXTRA))
		return block_bytes(leaf->extra[granule]);
	return block_usable(p) - slack;
}

/* Prefetches the slot of a block that will be entered after the walk: in a
 * large heap this is a cache miss, which overlaps with the verification of the
 * stack. */
HOT_INLINE void block_prefetch(uintptr_t p)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (likely(leaf))
		__builtin_prefetch(&leaf->slot[(p >> BLOCK_GRANULE_SHIFT) & (BLOCK_LEAF_SLOTS - 1)], 1);
}

/* The upper half of a slot, in place: 0 after its block is freed (BM2). */
typedef uint32_t __attribute__((may_alias)) slot_half_word;
HOT_INLINE uint32_t block_slot_upper(const uint64_t *place)
{
	return __atomic_load_n((const slot_half_word *)place + 1, __ATOMIC_RELAXED);
}
/* !slot_live of a slot that was just read: it is compared in place, which costs no register. */
HOT_INLINE bool block_slot_free(const uint64_t *place)
{
	bool is_free;
	__asm__("cmpl $0, %1" : "=@ccz"(is_free) : "m"(((const slot_half_word *)place)[1]));
	return is_free;
}
HOT_INLINE void block_slot_clear(uint64_t *place)
{
	__atomic_store_n((slot_half_word *)place + 1, 0, __ATOMIC_RELEASE);
}

#define BLOCK_GRANULE(p) (((p) >> BLOCK_GRANULE_SHIFT) & (BLOCK_LEAF_SLOTS - 1))

/* Enters a block. `slot` has site, timed, thread and birth. Returns the slot
 * word that was there before (a block whose free was not seen), with its size
 * in *old_size. */
HOT_INLINE uint64_t block_put(uintptr_t p, uint64_t size, uint64_t slot, uint64_t *old_size)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (unlikely(!leaf)) {
		leaf = block_leaf_make(p);
		if (!leaf) {
			if (!block_spill_put(p, size, slot))
				missed_add(MISSED_BLOCKS, 1);
			return 0;
		}
	}
	unsigned g = BLOCK_GRANULE(p);
	uint64_t old = __atomic_load_n(&leaf->slot[g], __ATOMIC_RELAXED);
	unsigned half = (p >> 4) & 1;
	if (unlikely(slot_live(old))) {
		if (slot_half(old) != half && state.foreign) {
			if (!block_spill_put(p, size, slot))
				missed_add(MISSED_BLOCKS, 1);
			return 0;
		}
		*old_size = slot_slack(old) == SLOT_SLACK_EXTRA ? block_bytes(leaf->extra[g]) : 0;
	}
	uint64_t slack = SLOT_SLACK_EXTRA;
	if (likely(!state.foreign)) {
		slack = block_usable(p) - size;
		if (unlikely(slack >= SLOT_SLACK_EXTRA))
			slack = SLOT_SLACK_EXTRA;
	} else if (p & 15) {
		if (!block_spill_put(p, size, slot))
			missed_add(MISSED_BLOCKS, 1);
		return 0;
	}
	slot |= slack << SLOT_SLACK_SHIFT | (uint64_t)half << SLOT_HALF_SHIFT;
	/* Another thread may be using the other half of the granule now: the size
	 * belongs to the block that owns the slot. */
	if (unlikely(state.foreign)) {
		if (!__atomic_compare_exchange_n(
			    &leaf->slot[g], &old, slot, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
			if (!block_spill_put(p, size, slot))
				missed_add(MISSED_BLOCKS, 1);
			return 0;
		}
		__atomic_store_n(&leaf->extra[g], size, __ATOMIC_RELAXED);
		return slot_live(old) ? old : 0;
	}
	if (unlikely(slack == SLOT_SLACK_EXTRA))
		__atomic_store_n(&leaf->extra[g], size, __ATOMIC_RELAXED);
	__atomic_store_n(&leaf->slot[g], slot, __ATOMIC_RELAXED);
	return slot_live(old) ? old : 0;
}

/* Removes a block and returns its slot word and size; 0 when it was never entered. */
HOT_INLINE uint64_t block_take(uintptr_t p, uint64_t *size)
{
	struct block_leaf *leaf = block_leaf_of(p);
	if (likely(leaf)) {
		unsigned g = BLOCK_GRANULE(p);
		uint64_t s = __atomic_load_n(&leaf->slot[g], __ATOMIC_RELAXED);
		if (likely(slot_live(s) && slot_half(s) == ((p >> 4) & 1) && !(p & 15))) {
			*size = block_size(leaf, g, p, s);
			/* As block_slot_clear, after the size was read. Where two threads own the halves of
			 * a granule, they hand over the whole word. */
			__atomic_store_n(&leaf->slot[g], (uint32_t)s, __ATOMIC_RELEASE);
			return s;
		}
	}
	uint64_t slot = 0;
	if (unlikely(__atomic_load_n(&block_spilled, __ATOMIC_RELAXED)))
		block_spill_take(p, size, &slot);
	return slot;
}

#endif
