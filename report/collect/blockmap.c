/* blockmap.c - lists the live blocks of a process: blockmap.h.
 *
 * A leaf is read in pieces of 2048 slots (64 KiB of heap): the slots, then the heap
 * between the first and the last block, for the chunk headers that hold the sizes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/index.h"
#include "base/units.h"
#include "base/array.h"
#include "shim/blockmap.h"
#include "blockmap.h"

#define PIECE 2048u
#define MAP_PAGE 4096u
#define PAGES_LEAST 4096u /* each leaf may need a few partial ones */

struct piece {
	uint64_t slot[PIECE], extra[PIECE];
	unsigned char heap[(PIECE << BLOCK_GRANULE_SHIFT) + 16];
};

static struct tide_block *add_block(struct blockmap *b) { return ARRAY_ADD(b->blocks, b->count, b->room); }

static void fill_block(struct blockmap *b, uint64_t address, uint64_t bytes, uint64_t slot)
{
	struct tide_block *to = add_block(b);

	*to = (struct tide_block){ .address = address,
		.bytes = block_bytes(bytes),
		.flags = bytes & BLOCK_PYTHON ? BLOCK_MANAGED : 0,
		.site = slot_site(slot),
		.birth = slot_birth(slot),
		.thread = slot_thread(slot) };
	if (to->site >= b->site_count)
		to->site = 0;
	if (to->thread >= b->thread_count || to->thread == SLOT_THREAD_MASK)
		to->thread = UINT32_MAX;
}

/* Takes pages from the number that may still be read; false when it is used up. */
static bool take_pages(struct blockmap *b, uint64_t pages)
{
	b->cut |= pages > b->left;
	b->left -= pages < b->left ? pages : b->left;
	return !b->cut;
}

static void read_piece(struct blockmap *b, struct remote *m, struct piece *p, uint64_t slots_at,
	uint64_t extra_at, uint64_t heap_at, unsigned count)
{
	unsigned first = count, last = 0;
	uint64_t from, bytes, good;
	bool extra = false;

	remote_read(m, slots_at, p->slot, count * sizeof(p->slot[0]));
	for (unsigned i = 0; i < count; i++)
		if (slot_live(p->slot[i])) {
			first = first < i ? first : i;
			last = i;
			extra |= slot_slack(p->slot[i]) == SLOT_SLACK_EXTRA;
		}
	if (first == count)
		return;
	if (extra)
		remote_read(m, extra_at, p->extra, count * sizeof(p->extra[0]));
	/* The header is the word before the block. */
	from = heap_at + ((uint64_t)first << BLOCK_GRANULE_SHIFT) - 8;
	bytes = ((uint64_t)(last - first) << BLOCK_GRANULE_SHIFT) + 24;
	good = remote_read(m, from, p->heap, bytes);
	for (unsigned i = first; i <= last; i++) {
		uint64_t slot = p->slot[i], address, header, size;

		if (!slot_live(slot))
			continue;
		address = heap_at + ((uint64_t)i << BLOCK_GRANULE_SHIFT) + 16 * slot_half(slot);
		if (slot_slack(slot) == SLOT_SLACK_EXTRA) {
			size = p->extra[i];
		} else {
			memcpy(&header, p->heap + (address - 8 - from), sizeof(header));
			size = chunk_usable(header) - slot_slack(slot);
			if (header < 32 || size >> 47) {
				/* The header is not readable, or the program has overwritten it. */
				b->without_size += good < bytes || size >> 47;
				size = 0;
			}
		}
		fill_block(b, address, size, slot);
	}
}

static void read_leaf(struct blockmap *b, struct remote *m, struct piece *p, uint64_t leaf, uint64_t heap)
{
	const uint64_t slots_end = leaf + BLOCK_LEAF_SLOTS * 8;
	uint64_t from = leaf, end;

	for (; remote_run(m, &from, &end, slots_end); from = end) {
		/* Slots are whole words; runs are whole pages, clipped to the leaf. */
		uint64_t slot = (from - leaf) / 8, stop = (end - leaf) / 8;

		while (slot < stop) {
			unsigned count = stop - slot < PIECE ? (unsigned)(stop - slot) : PIECE;

			if (!take_pages(b, (count * 8 + MAP_PAGE - 1) / MAP_PAGE))
				return;
			read_piece(b, m, p, leaf + slot * 8, leaf + (BLOCK_LEAF_SLOTS + slot) * 8,
				heap + (slot << BLOCK_GRANULE_SHIFT), count);
			slot += count;
		}
	}
}

static int compare_blocks(const void *a, const void *b)
{
	const struct tide_block *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static void read_spill(struct blockmap *b, struct remote *m, const struct ledger_header *h)
{
	struct spill_entry *s;
	uint64_t before = b->count, room = 4096;

	const struct remote_mapping *p = remote_mapping_at(m, h->spill_table);

	if (!h->spill_table || !h->spill_capacity || h->spill_capacity > 1u << 28 || !p
		|| h->spill_capacity > (p->hi - h->spill_table) / sizeof(*s))
		return;
	s = alloc_bytes(room * sizeof(*s));
	for (uint64_t at = 0; at < h->spill_capacity; at += room) {
		uint64_t n = h->spill_capacity - at < room ? h->spill_capacity - at : room;

		/* Most of it was never touched; that part is not counted. */
		if (!remote_read(m, h->spill_table + at * sizeof(*s), s, n * sizeof(*s)))
			continue;
		for (uint64_t i = 0; i < n; i++)
			if (s[i].address > 1)
				fill_block(b, s[i].address, s[i].bytes, s[i].slot);
	}
	free(s);
	if (b->count > before)
		qsort(b->blocks, b->count, sizeof(*b->blocks), compare_blocks);
}

/* Blocks do not overlap; where the map is damaged they may seem to, and each is scanned. */
static void cut_overlaps(struct blockmap *b)
{
	for (uint64_t i = 0; i < b->count; i++) {
		struct tide_block *k = &b->blocks[i];
		uint64_t end = i + 1 < b->count ? k[1].address : 1ull << 47;

		if (k->address > end || k->bytes > end - k->address) {
			k->bytes = k->address > end ? 0 : end - k->address;
			b->without_size++;
		}
	}
}

void blockmap_read(struct blockmap *b, struct remote *m, const struct ledger_copy *c, uint64_t touched)
{
	uint64_t *root = alloc_zeroed(BLOCK_ROOT_ENTRIES, 8);
	struct block_middle *middle = alloc_bytes(sizeof(*middle));
	struct piece *p = alloc_bytes(sizeof(*p));

	memset(b, 0, sizeof(*b));
	b->left = touched / MAP_PAGE + PAGES_LEAST;
	b->site_count = c->count[LEDGER_SITES];
	b->thread_count = c->count[LEDGER_THREADS];
	if (c->header.block_root)
		remote_read(m, c->header.block_root, root, BLOCK_ROOT_ENTRIES * 8);
	for (uint64_t i = 0; i < BLOCK_ROOT_ENTRIES; i++) {
		if (!root[i] || !take_pages(b, 1) || remote_read(m, root[i], middle, sizeof(*middle)) == 0)
			continue;
		for (uint64_t k = 0; k < BLOCK_MIDDLE_ENTRIES; k++)
			if (middle->leaf[k] && take_pages(b, 1))
				read_leaf(b, m, p, (uint64_t)middle->leaf[k],
					i << BLOCK_MIDDLE_SHIFT | k << BLOCK_LEAF_SHIFT);
	}
	read_spill(b, m, &c->header);
	cut_overlaps(b);
	free(root);
	free(middle);
	free(p);
}

void blockmap_free(struct blockmap *b)
{
	free(b->blocks);
	memset(b, 0, sizeof(*b));
}

/* --- intervals --------------------------------------------------------------- */

struct born {
	uint32_t site, interval;
	double blocks, bytes;
};

struct born_table {
	struct born *born;
	uint64_t count, capacity;
	struct index index;
};

static struct born *get_born(struct born_table *t, uint32_t site, uint32_t interval)
{
	uint64_t hash = index_hash((uint64_t)site << 32 | interval);
	struct born *b;

	INDEX_EACH(&t->index, hash, probe)
	{
		b = &t->born[probe.number];
		if (b->site == site && b->interval == interval)
			return b;
	}
	index_add(&t->index, hash, (uint32_t)t->count);
	b = ARRAY_ADD(t->born, t->count, t->capacity);
	*b = (struct born){ .site = site, .interval = interval };
	return b;
}

static int compare_births(const void *a, const void *b)
{
	return (*(const uint32_t *)a > *(const uint32_t *)b) - (*(const uint32_t *)a < *(const uint32_t *)b);
}

static int compare_rows(const void *a, const void *b)
{
	const struct tide_birth *x = a, *y = b;

	return x->site != y->site ? (x->site > y->site ? 1 : -1)
				  : (x->interval > y->interval) - (x->interval < y->interval);
}

/* Marks whose birth number is below `birth`. */
static uint32_t find_interval(const uint32_t *births, uint64_t count, uint32_t birth)
{
	uint64_t lo = 0, hi = count;

	while (lo < hi) {
		uint64_t middle = (lo + hi) / 2;

		if (births[middle] < birth)
			lo = middle + 1;
		else
			hi = middle;
	}
	return (uint32_t)lo;
}

void blockmap_births(const struct blockmap *b, const struct ledger_copy *c, struct snapshot_writer *w,
	struct tide_thread *threads, uint64_t thread_count)
{
	const struct ledger_mark *marks = c->table[LEDGER_MARKS];
	uint64_t mark_count = c->count[LEDGER_MARKS];
	uint32_t *births = alloc_bytes(mark_count * sizeof(*births));
	struct born_table t = { 0 };
	struct tide_birth *to;

	for (uint64_t i = 0; i < mark_count; i++)
		births[i] = marks[i].birth;
	qsort(births, mark_count, sizeof(*births), compare_births);
	for (uint64_t i = 0; i < b->count; i++) {
		const struct tide_block *k = &b->blocks[i];
		struct born *sum = get_born(&t, k->site, find_interval(births, mark_count, k->birth));
		double weight = 1;

		/* A sampled block represents 1/p blocks (shim/sample.h). */
		if (c->header.sample_bytes)
			weight = 1
				/ -expm1(-(double)(k->bytes ? k->bytes : 1) / (double)c->header.sample_bytes);
		sum->blocks += weight;
		sum->bytes += weight * (double)k->bytes;
		if (threads && k->thread < thread_count)
			threads[k->thread].live_bytes += (uint64_t)units_integer(weight * (double)k->bytes);
	}
	to = alloc_bytes(t.count * sizeof(*to));
	for (uint64_t i = 0; i < t.count; i++)
		to[i] = (struct tide_birth){ t.born[i].site, t.born[i].interval,
			(uint64_t)units_integer(t.born[i].blocks + .5),
			(uint64_t)units_integer(t.born[i].bytes + .5) };
	qsort(to, t.count, sizeof(*to), compare_rows);
	snapshot_writer_section(w, SECTION_BIRTHS, sizeof(*to), to, t.count, SNAPSHOT_TAKE);
	free(t.born);
	index_free(&t.index);
	free(births);
}
