/* blockmap.h - where each live block is, found by its address.
 *
 * A three-level table indexed by address; one 8-byte slot for each 32-byte
 * granule of the heap (glibc's chunks start at least 32 bytes apart). It lives
 * in the target's private memory; the collector reads it from the image, so
 * this header is the contract between shim/block.c and report/.
 *
 *   address  46..34       33..22        21..5        4      3..0
 *            root[8192] → middle[4096] → leaf[131072]  half   must be 0
 *
 * A leaf covers 4 MiB of addresses: struct block_leaf. The bitmap has a bit a
 * granule, set while the slot is in use, so that the block that an interior
 * address belongs to is found by searching back for a set bit.
 *
 * B1  A slot is written only by the thread that owns the block at that moment
 *     (it has just got it from malloc, or is about to free it).
 * B2  Slot set after the real malloc, cleared before the real free.
 * B3  Size: `slack` is usable - requested where the allocator below is glibc's
 *     and slack < 63; the usable size is read from the chunk header. Else
 *     slack == 63 and extra[granule] holds the requested size.
 * B4  Two blocks that start in one granule (other allocators), and addresses
 *     at or above 2^47: the spill table.
 */
#ifndef TIDEMARK_BLOCKMAP_H
#define TIDEMARK_BLOCKMAP_H

#include <stdint.h>

#define BLOCK_GRANULE_SHIFT 5
#define BLOCK_LEAF_SHIFT 22
#define BLOCK_MIDDLE_SHIFT 34
#define BLOCK_ADDRESS_BITS 47
#define BLOCK_ROOT_ENTRIES (1u << (BLOCK_ADDRESS_BITS - BLOCK_MIDDLE_SHIFT))
#define BLOCK_MIDDLE_ENTRIES (1u << (BLOCK_MIDDLE_SHIFT - BLOCK_LEAF_SHIFT))
#define BLOCK_LEAF_SLOTS (1u << (BLOCK_LEAF_SHIFT - BLOCK_GRANULE_SHIFT))

struct block_leaf {
	uint64_t slot[BLOCK_LEAF_SLOTS];
	uint64_t extra[BLOCK_LEAF_SLOTS];	/* requested size where slack == 63; else untouched */
};
/* root: struct block_middle *[BLOCK_ROOT_ENTRIES] */
struct block_middle { struct block_leaf *leaf[BLOCK_MIDDLE_ENTRIES]; };

/* Slot, from the low bit: site 22 | slack 6 | half 1 | timed 2 | thread 11 | birth 22.
 * 0 = no block starts in this granule (site 0 is never used). */
#define SLOT_SITE_BITS 22
#define SLOT_SITE_MASK ((1u << SLOT_SITE_BITS) - 1)
#define SLOT_SLACK_SHIFT 22
#define SLOT_SLACK_EXTRA 63u
#define SLOT_HALF_SHIFT 28
#define SLOT_TIMED_SHIFT 29
#define SLOT_THREAD_SHIFT 31
#define SLOT_THREAD_MASK 2047u		/* 2047: a thread without a number of its own */
#define SLOT_BIRTH_SHIFT 42

static inline uint32_t slot_site(uint64_t s) { return (uint32_t)s & SLOT_SITE_MASK; }
static inline unsigned slot_slack(uint64_t s) { return (unsigned)(s >> SLOT_SLACK_SHIFT) & 63u; }
static inline unsigned slot_half(uint64_t s) { return (unsigned)(s >> SLOT_HALF_SHIFT) & 1u; }
/* 0: its lifetime is not measured; 1: it is, and stands for itself; 2: for 64 blocks. */
static inline unsigned slot_timed(uint64_t s) { return (unsigned)(s >> SLOT_TIMED_SHIFT) & 3u; }
static inline unsigned slot_thread(uint64_t s) { return (unsigned)(s >> SLOT_THREAD_SHIFT) & SLOT_THREAD_MASK; }
static inline uint32_t slot_birth(uint64_t s) { return (uint32_t)(s >> SLOT_BIRTH_SHIFT); }

/* Usable size of a glibc chunk from the word before the block: glibc 2.3 to
 * 2.41, malloc/malloc.c "struct malloc_chunk": low three bits are flags,
 * bit 1 = the chunk is a mapping of its own (two header words). */
static inline uint64_t chunk_usable(uint64_t header)
{
	return (header & ~(uint64_t)7) - ((header & 2) ? 16 : 8);
}

/* Blocks that do not fit the table. Open addressing by hash of the address,
 * a power of two entries; address 0 = free, 1 = removed. */
struct spill_entry { uint64_t address, bytes, slot; };

#endif
