/* block.c - see block.h. */
#include <sys/mman.h>
#include "block.h"
#include "lock.h"
#include "memory.h"
#include "raw.h"

struct block_middle *block_root[BLOCK_ROOT_ENTRIES];
uint64_t block_spilled;

static struct lock spill_lock;
static struct spill_entry *spill;
static uint64_t spill_mask, spill_used;

void block_start(void)
{
	state.ledger->block_root = (uintptr_t)block_root;
}

void block_after_fork(void)
{
	spill_lock.word = 0;
	state.ledger->block_root = (uintptr_t)block_root;
	state.ledger->spill_table = (uintptr_t)spill;
	state.ledger->spill_capacity = spill ? spill_mask + 1 : 0;
}

/* Publishes fresh memory at *place unless another thread was first. */
static void *publish(void **place, size_t bytes)
{
	void *fresh = memory_map(bytes, 0), *have = NULL;
	if (!fresh)
		return NULL;
	if (__atomic_compare_exchange_n(place, &have, fresh, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		return fresh;
	memory_unmap(fresh, bytes);
	return have;
}

struct block_leaf *block_leaf_make(uintptr_t p)
{
	if (p >> BLOCK_ADDRESS_BITS)
		return NULL;
	struct block_middle **m = &block_root[p >> BLOCK_MIDDLE_SHIFT];
	struct block_middle *middle = __atomic_load_n(m, __ATOMIC_ACQUIRE);
	if (!middle && !(middle = publish((void **)m, sizeof **m)))
		return NULL;
	struct block_leaf **leaf = &middle->leaf[(p >> BLOCK_LEAF_SHIFT) & (BLOCK_MIDDLE_ENTRIES - 1)], *have;
	have = __atomic_load_n(leaf, __ATOMIC_ACQUIRE);
	return have ? have : publish((void **)leaf, sizeof **leaf);
}

static uint64_t spill_hash(uintptr_t p)
{
	uint64_t h = (p >> 3) * 0x9E3779B97F4A7C15ull;
	return h ^ h >> 32;
}

static bool spill_grow(void)
{
	uint64_t slots = spill ? (spill_mask + 1) * 2 : 4096;
	struct spill_entry *fresh = memory_map(slots * sizeof *fresh, 0), *old = spill;
	if (!fresh)
		return false;
	uint64_t old_slots = spill ? spill_mask + 1 : 0;
	spill_used = 0;
	for (uint64_t i = 0; i < old_slots; i++) {
		if (old[i].address <= 1)
			continue;
		uint64_t at = spill_hash(old[i].address) & (slots - 1);
		while (fresh[at].address)
			at = (at + 1) & (slots - 1);
		fresh[at] = old[i];
		spill_used++;
	}
	spill = fresh;
	spill_mask = slots - 1;
	state.ledger->spill_table = (uintptr_t)fresh;
	state.ledger->spill_capacity = slots;
	if (old)
		memory_unmap(old, old_slots * sizeof *old);
	return true;
}

bool block_spill_put(uintptr_t p, uint64_t size, uint64_t slot)
{
	lock_take(&spill_lock);
	bool room = (spill && (spill_used + 1) * 8 < (spill_mask + 1) * 5) || spill_grow();
	if (room) {
		uint64_t at = spill_hash(p) & spill_mask;
		while (spill[at].address > 1 && spill[at].address != p)
			at = (at + 1) & spill_mask;
		if (!spill[at].address)
			spill_used++;
		if (spill[at].address != p)
			__atomic_fetch_add(&block_spilled, 1, __ATOMIC_RELAXED);
		spill[at] = (struct spill_entry){ p, size, slot };
	}
	lock_release(&spill_lock);
	return room;
}

bool block_spill_take(uintptr_t p, uint64_t *size, uint64_t *slot)
{
	bool found = false;
	lock_take(&spill_lock);
	if (spill) {
		for (uint64_t at = spill_hash(p) & spill_mask; spill[at].address; at = (at + 1) & spill_mask) {
			if (spill[at].address != p)
				continue;
			*size = spill[at].bytes;
			*slot = spill[at].slot;
			spill[at].address = 1;
			__atomic_fetch_sub(&block_spilled, 1, __ATOMIC_RELAXED);
			found = true;
			break;
		}
	}
	lock_release(&spill_lock);
	return found;
}

/* Which pages of a leaf's slots are there? Reading one that was never touched
 * would cost time and a page table; the page map says it, a leaf at a time. */
static void residence(int pagemap, const struct block_leaf *leaf, uint64_t *entries)
{
	const long bytes = sizeof leaf->slot / 4096 * 8;
	if (pagemap < 0 || raw4(SYS_pread64, pagemap, entries, bytes, (uintptr_t)leaf->slot / 4096 * 8) != bytes)
		__builtin_memset(entries, 0xff, bytes);
}

static uintptr_t each_address;	/* of the block that block_each is at */

void *block_address(const uint64_t *slot)
{
	(void)slot;
	return (void *)each_address;
}

void block_each(void (*f)(uint64_t *slot, uint64_t size))
{
	int pagemap = (int)raw4(SYS_openat, -100, "/proc/self/pagemap", 02000000, 0);
	for (unsigned r = 0; r < BLOCK_ROOT_ENTRIES; r++) {
		struct block_middle *m = block_root[r];
		for (unsigned i = 0; m && i < BLOCK_MIDDLE_ENTRIES; i++) {
			struct block_leaf *leaf = m->leaf[i];
			uint64_t there[sizeof leaf->slot / 4096];
			if (leaf)
				residence(pagemap, leaf, there);
			for (unsigned g = 0; leaf && g < BLOCK_LEAF_SLOTS; g++) {
				if (g % 512 == 0 && !(there[g / 512] >> 62)) {
					g += 511;
					continue;
				}
				uint64_t s = leaf->slot[g];
				if (!s)
					continue;
				uintptr_t p = (uintptr_t)r << BLOCK_MIDDLE_SHIFT | (uintptr_t)i << BLOCK_LEAF_SHIFT
					| (uintptr_t)g << BLOCK_GRANULE_SHIFT | (uintptr_t)slot_half(s) << 4;
				each_address = p;
				f(&leaf->slot[g], block_size(leaf, g, p, s));
			}
		}
	}
	for (uint64_t i = 0; spill && i <= spill_mask; i++)
		if (spill[i].address > 1) {
			each_address = spill[i].address;
			f(&spill[i].slot, spill[i].bytes);
		}
	if (pagemap >= 0)
		raw1(SYS_close, pagemap);
}
