/* blockmap.h - where each live block is, found by its address.
 *
 * A three-level table indexed by address, with one 8-byte slot for each 32-byte
 * granule of the heap (glibc's chunks start at least 32 bytes apart). It is
 * private memory of the target; the collector reads it from the image, so this
 * header is the contract between shim/block.c and report/.
 *
 *   address  46..34       33..22        21..5        4      3..0
 *            root[8192] → middle[4096] → leaf[131072]  half   must be 0
 *
 * A leaf (struct block_leaf) covers 4 MiB of addresses. The block that an interior
 * address belongs to is the nearest one below it that is long enough: the
 * collector lists all blocks in order of their addresses and searches that list.
 *
 * BM1  Only the thread that owns the block at that moment writes its slot: it has
 *      just got the block from malloc, or is about to free it.
 * BM2  A slot is set after the real malloc and cleared before the real free. Clearing it zeroes
 *      its upper half, which is never zero for a live block (birth numbers begin at 1). The
 *      lower half stays until the granule is used again: it names the site of a block that is
 *      freed twice.
 * BM3  Size: where the allocator below is glibc's and `slack`, usable minus
 *      requested bytes, is below 63, the usable size is read from the chunk's
 *      header. Otherwise slack is 63 and extra[granule] holds the requested size.
 * BM4  The spill table holds the blocks that have no slot: the second of two that
 *      start in one granule (other allocators), unaligned ones, and those at or
 *      above 2^47.
 */
#ifndef TIDEMARK_BLOCKMAP_H
#define TIDEMARK_BLOCKMAP_H

#include <stdint.h>

/* In extra[], and in the size of an entry of the spill table: the block is a small object of
 * CPython, made by pymalloc (shim/python_hook.c). */
#define BLOCK_PYTHON ((uint64_t)1 << 63)
static inline uint64_t block_bytes(uint64_t extra) { return extra & ~BLOCK_PYTHON; }

#define BLOCK_GRANULE_SHIFT 5
#define BLOCK_LEAF_SHIFT 22
#define BLOCK_MIDDLE_SHIFT 34
#define BLOCK_ADDRESS_BITS 47
#define BLOCK_ROOT_ENTRIES (1u << (BLOCK_ADDRESS_BITS - BLOCK_MIDDLE_SHIFT))
#define BLOCK_MIDDLE_ENTRIES (1u << (BLOCK_MIDDLE_SHIFT - BLOCK_LEAF_SHIFT))
#define BLOCK_LEAF_SLOTS (1u << (BLOCK_LEAF_SHIFT - BLOCK_GRANULE_SHIFT))

struct block_leaf {
	uint64_t slot[BLOCK_LEAF_SLOTS];
	uint64_t extra[BLOCK_LEAF_SLOTS]; /* requested size where slack == SLOT_SLACK_EXTRA; else untouched */
};
/* root: struct block_middle *[BLOCK_ROOT_ENTRIES] */
struct block_middle {
	struct block_leaf *leaf[BLOCK_MIDDLE_ENTRIES];
};
_Static_assert(sizeof(struct block_leaf) == 16 * BLOCK_LEAF_SLOTS, "a slot and an extra word per granule");
_Static_assert(sizeof(struct block_middle) == 8 * BLOCK_MIDDLE_ENTRIES, "one pointer per leaf");

/* Slot, from the low bit: site 22 | slack 6 | half 1 | timed 2 | thread 11 | birth 22.
 * Upper half 0: no block starts in this granule (BM2). */
#define SLOT_SITE_BITS 22
#define SLOT_SITE_MASK ((1u << SLOT_SITE_BITS) - 1)
#define SLOT_SLACK_SHIFT 22
#define SLOT_SLACK_MASK 63u
#define SLOT_SLACK_EXTRA SLOT_SLACK_MASK /* the requested size is in block_leaf.extra */
#define SLOT_HALF_SHIFT 28
#define SLOT_TIMED_SHIFT 29
#define SLOT_TIMED_MASK 3u
#define SLOT_THREAD_SHIFT 31
#define SLOT_THREAD_MASK 2047u /* 2047: a thread that has no number of its own */
#define SLOT_BIRTH_SHIFT 42

/* Is this the slot of a live block? */
static inline int slot_live(uint64_t s) { return s >> 32 != 0; }
static inline uint32_t slot_site(uint64_t s) { return (uint32_t)s & SLOT_SITE_MASK; }
static inline unsigned slot_slack(uint64_t s) { return (unsigned)(s >> SLOT_SLACK_SHIFT) & SLOT_SLACK_MASK; }
static inline unsigned slot_half(uint64_t s) { return (unsigned)(s >> SLOT_HALF_SHIFT) & 1u; }
/* Is the block's lifetime measured? 0: no; 1: yes, and it counts once; 2: it counts for 64 blocks. */
static inline unsigned slot_timed(uint64_t s) { return (unsigned)(s >> SLOT_TIMED_SHIFT) & SLOT_TIMED_MASK; }
static inline unsigned slot_thread(uint64_t s)
{
	return (unsigned)(s >> SLOT_THREAD_SHIFT) & SLOT_THREAD_MASK;
}
/* The part of a slot that does not depend on the address: site, timed, thread and birth. */
static inline uint64_t slot_keep(uint64_t s)
{
	return s & ~((uint64_t)SLOT_SLACK_MASK << SLOT_SLACK_SHIFT | (uint64_t)1 << SLOT_HALF_SHIFT);
}
static inline uint64_t slot_without_birth(uint64_t s) { return s & (((uint64_t)1 << SLOT_BIRTH_SHIFT) - 1); }
/* `thread` is shifted into place, as thread->slot_bits is. */
static inline uint64_t slot_with_thread(uint64_t s, uint64_t thread)
{
	return (s & ~((uint64_t)SLOT_THREAD_MASK << SLOT_THREAD_SHIFT)) | thread;
}
static inline uint32_t slot_birth(uint64_t s) { return (uint32_t)(s >> SLOT_BIRTH_SHIFT); }

/* Usable size of a glibc chunk from the word before the block (glibc 2.3 to 2.41,
 * malloc/malloc.c, struct malloc_chunk): the low three bits are flags; a chunk that is a
 * mapping of its own has two header words that are not usable, others one. */
#define CHUNK_FLAGS 7u
#define CHUNK_MAPPED 2u
static inline uint64_t chunk_usable(uint64_t header)
{
	return (header & ~(uint64_t)CHUNK_FLAGS) - (header & CHUNK_MAPPED ? 16 : 8);
}

/* Blocks without a slot (BM4). Open addressing by a hash of the address; the number of
 * entries is a power of two. */
#define SPILL_FREE 0
#define SPILL_REMOVED 1 /* a tombstone: probing continues past it */
struct spill_entry {
	uint64_t address; /* of the block, or one of the values above */
	uint64_t bytes, slot;
};
_Static_assert(sizeof(struct spill_entry) == 24, "the collector reads whole entries");

#endif
