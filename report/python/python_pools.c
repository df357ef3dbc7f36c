/* python_pools.c - pymalloc: python_private.h.
 *
 * A pool proves itself: its header agrees with itself, and the blocks carved from it minus the length of its
 * free list are the blocks in use (Objects/obmalloc.c). No symbol is needed. Arenas come from the table that
 * pool headers have an index into: an array in the heap whose entry at that index holds the pool.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/search.h"
#include "python_private.h"

#define HEADER 48u
#define GRANULE 16u
#define CLASSES 32u
#define ARENA_ENTRY 48u
#define ARENAS_FIRST 16u /* the table grows from here by doubling */
#define POOL_MOST 16384u
#define SLACK_MOST 24u
#define ARENAS_MOST (1u << 20)
#define TABLES_MOST 1000u /* that are tried */

struct pool_header { /* struct pool_header */
	uint32_t count, pad;
	uint64_t freeblock, next, previous;
	uint32_t arena, class;
	uint32_t next_offset, last_offset;
};

struct python_pool { /* starts with what it is sorted by */
	uint64_t address;
	uint32_t arena, count, size;
};

static uint64_t measure_pool(const struct python *p) { return p->minor >= 10 ? 16384 : 4096; }
static uint64_t measure_arena(const struct python *p) { return p->minor >= 10 ? 1 << 20 : 256 << 10; }

/* Blocks carved so far; 0: the header does not agree with itself. */
static uint32_t count_carved(const struct python *p, const struct pool_header *h)
{
	uint32_t bytes = (uint32_t)measure_pool(p), size;

	if (h->class >= CLASSES)
		return 0;
	size = (h->class + 1) * GRANULE;
	if (h->last_offset != bytes - size || h->next_offset < HEADER + size
		|| h->next_offset > h->last_offset + size || (h->next_offset - HEADER) % size)
		return 0;
	return (h->next_offset - HEADER) / size;
}

static void add_small(struct python *p, uint64_t address, uint32_t bytes)
{
	*ARRAY_ADD(p->small, p->small_count, p->small_room) =
		(struct tide_block){ .address = address, .bytes = bytes, .thread = UINT32_MAX };
	p->small_bytes += bytes;
}

static void read_pool(struct python *p, uint64_t address, const struct pool_header *h)
{
	uint64_t bytes = measure_pool(p), at = h->freeblock;
	uint32_t size = (h->class + 1) * GRANULE, all = count_carved(p, h), free_count = 0;
	uint8_t is_free[POOL_MOST / GRANULE] = { 0 };
	char content[POOL_MOST];

	if (!all || h->count > all)
		return;
	remote_read(p->memory, address, content, bytes);
	while (at) {
		uint64_t offset = at - address, n;

		if (at < address + HEADER || offset + size > h->next_offset || (offset - HEADER) % size)
			return;
		n = (offset - HEADER) / size;
		if (is_free[n])
			return;
		is_free[n] = 1;
		free_count++;
		memcpy(&at, content + offset, 8);
	}
	if (all - free_count != h->count)
		return;
	*ARRAY_ADD(p->pools, p->pool_count, p->pool_room) =
		(struct python_pool){ address, h->arena, h->count, size };
	for (uint32_t n = 0; n < all; n++)
		if (!is_free[n])
			add_small(p, address + HEADER + (uint64_t)n * size, size);
}

static void read_mapping(struct python *p, const struct remote_mapping *m)
{
	uint64_t bytes = measure_pool(p), from = m->lo, end;

	for (; remote_run(p->memory, &from, &end, m->hi); from = end) {
		uint64_t at = (from + bytes - 1) & ~(bytes - 1);

		for (; at + HEADER <= end && at + bytes <= m->hi; at += bytes) {
			struct pool_header h;

			remote_read(p->memory, at, &h, sizeof(h));
			if (count_carved(p, &h))
				read_pool(p, at, &h);
		}
	}
}

/* --- arenas ---------------------------------------------------------------------- */

static bool is_in_arena(const struct python *p, uint64_t arena, uint64_t pool)
{
	return pool >= arena && pool + measure_pool(p) <= arena + measure_arena(p);
}

/* The cheap question: does the table at `table`, with `entries` of them, hold a pool where its header says? */
static bool has_a_pool(struct python *p, uint64_t table, uint64_t entries)
{
	uint64_t step = p->pool_count / 64 + 1;

	for (uint64_t i = 0; i < p->pool_count; i += step) {
		const struct python_pool *pool = &p->pools[i];

		if (pool->arena < entries
			&& is_in_arena(p, python_word(p, table + (uint64_t)pool->arena * ARENA_ENTRY),
				pool->address))
			return true;
	}
	return false;
}

struct table {
	uint64_t pools, address, entries;
};

/* How many pools lie in the arenas of a table; 0 unless each names its place in the table. */
static uint64_t count_pools(struct python *p, const struct table *t)
{
	uint64_t pools = 0;

	for (uint64_t i = 0; i < t->entries; i++) {
		uint64_t address = python_word(p, t->address + i * ARENA_ENTRY);
		size_t at = SEARCH_UP_TO(p->pools, p->pool_count, address, address - 1);

		for (; address && at < p->pool_count && is_in_arena(p, address, p->pools[at].address);
			at++, pools++)
			if (p->pools[at].arena != i)
				return 0;
	}
	return pools;
}

static int compare_tables(const void *a, const void *b)
{
	const struct table *x = a, *y = b;

	return x->pools != y->pools ? (x->pools < y->pools) - (x->pools > y->pools)
				    : (x->address > y->address) - (x->address < y->address);
}

static void add_arenas(struct python *p, const struct table *t)
{
	ARRAY_RESERVE(p->arenas, p->arena_room, p->arena_count + t->entries);
	for (uint64_t i = 0; i < t->entries; i++) {
		uint64_t address = python_word(p, t->address + i * ARENA_ENTRY);

		if (address)
			p->arenas[p->arena_count++] =
				(struct python_arena){ .address = address, .bytes = measure_arena(p) };
	}
}

static int compare_arenas(const void *a, const void *b)
{
	const struct python_arena *x = a, *y = b;

	return (x->address > y->address) - (x->address < y->address);
}

static bool do_arenas_overlap(const struct python *p)
{
	for (uint64_t i = 1; i < p->arena_count; i++)
		if (p->arenas[i].address - p->arenas[i - 1].address < p->arenas[i - 1].bytes)
			return true;
	return false;
}

/* Only pools prove a table: without any, other memory of its size would be mistaken for one. The fullest ones win: a
 * block may have the remains of a table in it that has grown since, and its arenas overlap. */
static void choose_tables(struct python *p, struct table *tables, uint64_t count)
{
	uint64_t held = 0;

	if (count)
		qsort(tables, count, sizeof(*tables), compare_tables);
	for (uint64_t i = 0; i < count && i < TABLES_MOST && held < p->pool_count; i++) {
		uint64_t before = p->arena_count;
		struct python_arena *all;

		add_arenas(p, &tables[i]);
		all = alloc_bytes((p->arena_count + 1) * sizeof(*all));
		memcpy(all, p->arenas, p->arena_count * sizeof(*all));
		qsort(p->arenas, p->arena_count, sizeof(*p->arenas), compare_arenas);
		if (do_arenas_overlap(p)) {
			memcpy(p->arenas, all, before * sizeof(*all));
			p->arena_count = before;
		} else {
			held += tables[i].pools;
		}
		free(all);
	}
	/* Where more than a few pools (memory that looks like one) are missing, so is a table. */
	if (p->pool_count - held > p->pool_count / 64)
		p->arena_count = 0;
}

/* Interpreters that have pymalloc to themselves (3.12+) have tables of their own, which stay when they have ended. */
static void find_tables(struct python *p, const struct tide_block *blocks, uint64_t count)
{
	struct table *tables = NULL;
	uint64_t table_count = 0, room = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct table t = { .address = blocks[i].address, .entries = blocks[i].bytes / ARENA_ENTRY };

		/* A walk of the heap knows usable bytes. */
		if (blocks[i].bytes % (ARENAS_FIRST * ARENA_ENTRY) > SLACK_MOST || !t.entries
			|| t.entries & (t.entries - 1) || t.entries > ARENAS_MOST
			|| !has_a_pool(p, t.address, t.entries) || !(t.pools = count_pools(p, &t)))
			continue;
		*ARRAY_ADD(tables, table_count, room) = t;
	}
	choose_tables(p, tables, table_count);
	free(tables);
}

static void find_arenas(struct python *p, const struct tide_block *blocks, uint64_t count)
{
	if (!p->pool_count)
		return;
	find_tables(p, blocks, count);
	/* Without a table, arenas are placed around the pools that were found. */
	for (uint64_t i = 0; i < p->pool_count && !p->arena_count; i++)
		p->off[PYTHON_PART_PYMALLOC] = true;
	for (uint64_t i = 0; i < p->pool_count; i++) {
		const struct python_pool *pool = &p->pools[i];
		size_t at = SEARCH_UP_TO(p->arenas, p->arena_count, address, pool->address);

		if (!at || pool->address >= p->arenas[at - 1].address + p->arenas[at - 1].bytes)
			continue;
		p->arenas[at - 1].used_bytes += (uint64_t)pool->count * pool->size;
		p->arenas[at - 1].used_blocks += pool->count;
	}
}

void python_pools(struct python *p, const struct tide_block *blocks, uint64_t count)
{
	const struct remote *m = p->memory;

	for (size_t i = 0; i < m->mapping_count; i++) {
		const struct remote_mapping *k = &m->mappings[i];

		if (k->readable && k->writable && !k->shared
			&& (!k->path[0] || !strncmp(k->path, "[anon", 5)))
			read_mapping(p, k);
	}
	find_arenas(p, blocks, count);
	p->arena_ranges = alloc_bytes((p->arena_count + p->pool_count + 1) * sizeof(*p->arena_ranges));
	for (uint64_t i = 0; i < p->arena_count; i++) {
		p->arena_ranges[i][0] = p->arenas[i].address;
		p->arena_ranges[i][1] = p->arenas[i].address + p->arenas[i].bytes;
	}
	for (uint64_t i = 0; !p->arena_count && i < p->pool_count; i++) {
		p->arena_ranges[i][0] = p->pools[i].address;
		p->arena_ranges[i][1] = p->pools[i].address + measure_pool(p);
	}
}

const uint64_t (*python_arenas(const struct python *p, uint64_t *count))[2]
{
	*count = p ? (p->arena_count ? p->arena_count : p->pool_count) : 0;
	return p ? (const uint64_t(*)[2])p->arena_ranges : NULL;
}
