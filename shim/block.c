/* block.c - see block.h. */
#include <fcntl.h>
#include <sys/mman.h>
#include "block.h"
#include "lock.h"
#include "memory.h"
#include "mix.h"
#include "raw.h"

struct block_middle *block_root[BLOCK_ROOT_ENTRIES];
uint64_t block_spilled;

/* A bit for each page of each middle table that holds leaves. Reading the others would cost a page fault each, which is
 * much for a forked child that ends soon. */
#define MIDDLE_PAGES (sizeof(struct block_middle) / LEDGER_PAGE)
#define PAGE_LEAVES (BLOCK_MIDDLE_ENTRIES / MIDDLE_PAGES)
static uint64_t middle_pages[BLOCK_ROOT_ENTRIES * MIDDLE_PAGES / 64];

static struct lock spill_lock;
static struct spill_entry *spill;
static uint64_t spill_mask, spill_used;
static unsigned spill_visits; /* calls of block_each that look at the table */

void block_start(void) { state.ledger->block_root = (uintptr_t)block_root; }

void block_after_fork(void)
{
	spill_lock.word = 0;
	spill_visits = 0;
	state.ledger->block_root = (uintptr_t)block_root;
	state.ledger->spill_table = (uintptr_t)spill;
	state.ledger->spill_capacity = spill ? spill_mask + 1 : 0;
}

/* Publishes fresh memory at *place unless another thread was first. */
static void *publish_leaf(void **place, size_t bytes)
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
	if (!middle && !(middle = publish_leaf((void **)m, sizeof **m)))
		return NULL;
	struct block_leaf **leaf = &middle->leaf[(p >> BLOCK_LEAF_SHIFT) & (BLOCK_MIDDLE_ENTRIES - 1)], *have;
	have = __atomic_load_n(leaf, __ATOMIC_ACQUIRE);
	if (have)
		return have;
	const uintptr_t page = (p >> BLOCK_LEAF_SHIFT) / PAGE_LEAVES;
	__atomic_fetch_or(&middle_pages[page / 64], (uint64_t)1 << page % 64, __ATOMIC_RELEASE);
	return publish_leaf((void **)leaf, sizeof **leaf);
}

static uint64_t hash_spilled(uintptr_t p)
{
	uint64_t h = (p >> 3) * MIX_GOLDEN;
	return h ^ h >> 32;
}

static bool grow_spill(void)
{
	uint64_t slots = spill ? (spill_mask + 1) * 2 : 4096;
	struct spill_entry *fresh = memory_map(slots * sizeof *fresh, 0), *old = spill;
	if (!fresh)
		return false;
	uint64_t old_slots = spill ? spill_mask + 1 : 0;
	spill_used = 0;
	for (uint64_t i = 0; i < old_slots; i++) {
		if (old[i].address <= SPILL_REMOVED)
			continue;
		uint64_t at = hash_spilled(old[i].address) & (slots - 1);
		while (fresh[at].address)
			at = (at + 1) & (slots - 1);
		fresh[at] = old[i];
		spill_used++;
	}
	spill = fresh;
	spill_mask = slots - 1;
	state.ledger->spill_table = (uintptr_t)fresh;
	state.ledger->spill_capacity = slots;
	if (old && !spill_visits)
		memory_unmap(old, old_slots * sizeof *old);
	return true;
}

bool block_spill_put(uintptr_t p, uint64_t size, uint64_t slot)
{
	lock_take(&spill_lock);
	bool room = (spill && (spill_used + 1) * 8 < (spill_mask + 1) * 5) || grow_spill();
	if (room) {
		uint64_t at = hash_spilled(p) & spill_mask;
		while (spill[at].address > SPILL_REMOVED && spill[at].address != p)
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

static bool take_spilled(uintptr_t p, uint64_t *size, uint64_t *slot, bool python)
{
	bool found = false;
	lock_take(&spill_lock);
	if (spill) {
		for (uint64_t at = hash_spilled(p) & spill_mask; spill[at].address;
			at = (at + 1) & spill_mask) {
			if (spill[at].address != p)
				continue;
			if (python && !(spill[at].bytes & BLOCK_PYTHON))
				break;
			*size = block_bytes(spill[at].bytes);
			*slot = spill[at].slot;
			spill[at].address = SPILL_REMOVED;
			__atomic_fetch_sub(&block_spilled, 1, __ATOMIC_RELAXED);
			found = true;
			break;
		}
	}
	lock_release(&spill_lock);
	return found;
}

bool block_spill_take(uintptr_t p, uint64_t *size, uint64_t *slot)
{
	return take_spilled(p, size, slot, false);
}

bool block_spill_take_python(uintptr_t p, uint64_t *size, uint64_t *slot)
{
	return take_spilled(p, size, slot, true);
}

/* --- visiting all blocks ------------------------------------------------------ */

#define SLOTS_PER_PAGE (LEDGER_PAGE / sizeof(uint64_t))
#define LEAF_PAGES (BLOCK_LEAF_SLOTS / SLOTS_PER_PAGE)
#define HEAP_SLOTS (LEDGER_PAGE >> BLOCK_GRANULE_SHIFT) /* slots of one page of the heap */
#define HEADER_BYTES sizeof(uint64_t)                   /* of a chunk, just below its block */

/* One call of block_each. */
struct visit {
	void (*each)(void *context, const struct block_seen *block);
	void *context;
	int pagemap;   /* /proc/self/pagemap, or negative */
	bool unstable; /* other threads may free blocks, and unmap their memory, at any moment */
};

/* Finds which pages of a leaf's slots are resident or swapped out. Reading a page that
 * was never touched would cost time and a page table; the kernel's page map shows which
 * they are, leaf by leaf. */
static void read_residence(const struct visit *v, const struct block_leaf *leaf, uint64_t *entries)
{
	const long bytes = LEAF_PAGES * sizeof *entries;
	if (v->pagemap < 0
		|| raw4(SYS_pread64, v->pagemap, entries, bytes,
			   (uintptr_t)leaf->slot / LEDGER_PAGE * sizeof *entries)
			!= bytes)
		__builtin_memset(entries, 0xff, (size_t)bytes);
}
#define PAGE_THERE(entry) ((entry) >> 62) /* bit 63: present, bit 62: swapped */

static void visit_slot(
	const struct visit *v, struct block_leaf *leaf, unsigned g, uintptr_t p, uint64_t slot, uint64_t size)
{
	v->each(v->context, &(struct block_seen){ p, size, slot, &leaf->slot[g] });
}

/* Address of the block whose slot word is leaf->slot[g], in a leaf that begins at `start`. */
static uintptr_t block_at(uintptr_t start, unsigned g, uint64_t slot)
{
	return start | (uintptr_t)g << BLOCK_GRANULE_SHIFT | (uintptr_t)slot_half(slot) << 4;
}

/* Visits slots [g, end) of a leaf while no other thread runs. */
static void visit_slots(
	const struct visit *v, struct block_leaf *leaf, uintptr_t start, unsigned g, unsigned end)
{
	for (; g < end; g++) {
		uint64_t s = leaf->slot[g];
		uintptr_t p = block_at(start, g, s);
		if (slot_live(s))
			visit_slot(v, leaf, g, p, s, block_size(leaf, g, p, s));
	}
}

/* Copies as much of [from, +bytes) as can be read without a fault; returns how much that is. */
static size_t copy_readable(void *to, uintptr_t from, size_t bytes)
{
	long got = memory_read(to, from, bytes);
	return got > 0 ? (size_t)got : 0;
}

/* Copies the word below each block that begins on the page: the chunk's header.
 * Returns how many bytes of `headers` are valid. */
static size_t copy_headers(char headers[LEDGER_PAGE], uintptr_t page)
{
	size_t got = copy_readable(headers, page - HEADER_BYTES, LEDGER_PAGE);
	if (got)
		return got;
	/* The previous page is not mapped, so no block begins at the start of this one. */
	got = copy_readable(headers + HEADER_BYTES, page, LEDGER_PAGE - HEADER_BYTES);
	return got ? got + HEADER_BYTES : 0;
}

/* Visits the slots from `first` on that describe one page of the heap, while other threads
 * run. They may free blocks and unmap the page at any moment: headers are read from a
 * copy, and a block counts if its slot is the same before and after, because then the
 * block was live in between. */
static __attribute__((noinline)) void visit_page(
	const struct visit *v, struct block_leaf *leaf, uintptr_t start, unsigned first)
{
	const uintptr_t page = start | (uintptr_t)first << BLOCK_GRANULE_SHIFT;
	uint64_t before[HEAP_SLOTS], any = 0;
	char headers[LEDGER_PAGE];
	for (unsigned i = 0; i < HEAP_SLOTS; i++)
		any |= before[i] = __atomic_load_n(&leaf->slot[first + i], __ATOMIC_ACQUIRE);
	if (!any)
		return;
	const size_t valid = state.foreign ? 0 : copy_headers(headers, page);
	for (unsigned i = 0; i < HEAP_SLOTS; i++) {
		const uint64_t s = before[i];
		const uintptr_t p = block_at(start, first + i, s);
		uint64_t header, size;
		if (!slot_live(s))
			continue;
		if (slot_slack(s) == SLOT_SLACK_EXTRA) {
			size = block_bytes(__atomic_load_n(&leaf->extra[first + i], __ATOMIC_RELAXED));
		} else if (p - page + HEADER_BYTES <= valid) {
			__builtin_memcpy(&header, headers + (p - page), sizeof header);
			size = chunk_usable(header) - slot_slack(s);
		} else {
			continue;
		}
		if (__atomic_load_n(&leaf->slot[first + i], __ATOMIC_ACQUIRE) == s)
			visit_slot(v, leaf, first + i, p, s, size);
	}
}

static void visit_leaf(const struct visit *v, struct block_leaf *leaf, uintptr_t start)
{
	uint64_t there[LEAF_PAGES];
	read_residence(v, leaf, there);
	for (unsigned g = 0; g < BLOCK_LEAF_SLOTS; g += HEAP_SLOTS) {
		if (!PAGE_THERE(there[g / SLOTS_PER_PAGE]))
			continue;
		if (v->unstable)
			visit_page(v, leaf, start, g);
		else
			visit_slots(v, leaf, start, g, g + HEAP_SLOTS);
	}
}

static void visit_middle_page(const struct visit *v, uintptr_t page)
{
	struct block_middle *m = __atomic_load_n(&block_root[page / MIDDLE_PAGES], __ATOMIC_ACQUIRE);
	for (uintptr_t at = page * PAGE_LEAVES; m && at < (page + 1) * PAGE_LEAVES; at++) {
		struct block_leaf *leaf =
			__atomic_load_n(&m->leaf[at & (BLOCK_MIDDLE_ENTRIES - 1)], __ATOMIC_ACQUIRE);
		if (leaf)
			visit_leaf(v, leaf, at << BLOCK_LEAF_SHIFT);
	}
}

/* Entries are copied in portions, so that no callback runs under the lock. A table that
 * is outgrown in between stays mapped with its old contents. */
static void visit_spilled(const struct visit *v)
{
	struct spill_entry portion[32];
	const unsigned portions = sizeof portion / sizeof portion[0];
	lock_take(&spill_lock);
	struct spill_entry *entries = spill;
	uint64_t count = spill ? spill_mask + 1 : 0;
	spill_visits++;
	lock_release(&spill_lock);
	for (uint64_t i = 0; i < count; i += portions) {
		lock_take(&spill_lock);
		__builtin_memcpy(portion, entries + i, sizeof portion);
		lock_release(&spill_lock);
		for (unsigned k = 0; k < portions; k++) {
			const struct spill_entry *e = &portion[k];
			if (e->address > SPILL_REMOVED)
				v->each(v->context,
					&(struct block_seen){ e->address, block_bytes(e->bytes), e->slot,
						&entries[i + k].slot });
		}
	}
	lock_take(&spill_lock);
	spill_visits--;
	lock_release(&spill_lock);
}

void block_each(void (*each)(void *context, const struct block_seen *block), void *context)
{
	struct visit v = { .each = each, .context = context };
	uint64_t probe;
	v.pagemap = state.no_syscalls
		? -1
		: (int)raw4(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	/* Where a sandbox forbids the system call, sizes can only be read directly. */
	v.unstable = state.threaded && !state.no_syscalls
		&& copy_readable(&probe, (uintptr_t)&v, sizeof probe) == sizeof probe;
	for (uintptr_t i = 0; i < sizeof middle_pages / sizeof middle_pages[0]; i++)
		for (uint64_t bits = __atomic_load_n(&middle_pages[i], __ATOMIC_ACQUIRE); bits;
			bits &= bits - 1)
			visit_middle_page(&v, i * 64 + (unsigned)__builtin_ctzll(bits));
	visit_spilled(&v);
	if (v.pagemap >= 0)
		raw1(SYS_close, v.pagemap);
}

/* --- the block at an address -------------------------------------------------------- */

#define AROUND_SLOTS BLOCK_LEAF_SLOTS /* granules below the address that are searched */

bool block_around(uintptr_t address, struct block_seen *out)
{
	uintptr_t at = address & ~(((uintptr_t)1 << BLOCK_GRANULE_SHIFT) - 1);
	for (unsigned n = 0; n < AROUND_SLOTS; n++, at -= (uintptr_t)1 << BLOCK_GRANULE_SHIFT) {
		struct block_leaf *leaf = block_leaf_of(at);
		if (!leaf)
			return false;
		uint64_t s = __atomic_load_n(&leaf->slot[BLOCK_GRANULE(at)], __ATOMIC_ACQUIRE), header;
		uintptr_t p = at | (uintptr_t)slot_half(s) << 4;
		if (!slot_live(s) || p > address)
			continue;
		*out = (struct block_seen){
			.address = p, .slot = s, .place = &leaf->slot[BLOCK_GRANULE(at)]
		};
		if (slot_slack(s) == SLOT_SLACK_EXTRA)
			out->size = __atomic_load_n(&leaf->extra[BLOCK_GRANULE(at)], __ATOMIC_RELAXED);
		else if (memory_copy(&header, p - HEADER_BYTES, sizeof header))
			out->size = chunk_usable(header) - slot_slack(s);
		return address - p < out->size && __atomic_load_n(out->place, __ATOMIC_ACQUIRE) == s;
	}
	return false;
}

uint64_t block_slot_before(uintptr_t p)
{
	struct block_leaf *leaf = p & 15 ? NULL : block_leaf_of(p);
	uint64_t s = leaf ? __atomic_load_n(&leaf->slot[BLOCK_GRANULE(p)], __ATOMIC_RELAXED) : 0;
	return slot_live(s) || slot_half(s) != ((p >> 4) & 1) ? 0 : s;
}
