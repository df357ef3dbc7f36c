/* held.c - see held.h.
 *
 * The list of blocks, by address, is held against resident pages: those of the arenas, and those of mappings with
 * small objects of Python. Blocks that lie elsewhere have mappings of their own, and count as they are.
 */
#include <stdlib.h>
#include "blockmap.h"
#include "collect_process.h"
#include "heap/heap_held.h"
#include "held.h"
#include "process/pages.h"

#define HEADER 8u        /* the size of a chunk; the word before it belongs to another block */
#define PYTHON_MOST 512u /* bytes of a small object: SMALL_REQUEST_THRESHOLD (Objects/obmalloc.c) */

struct measure {
	struct held *held;
	struct remote memory;
	struct blockmap blocks;
	uint64_t block; /* the first that was not yet counted */
	uint64_t done;  /* memory below it was counted */
	bool python;
};

/* Resident bytes of [lo, hi), in runs by address; *at is the first that may reach it. */
static uint64_t count_resident(const struct page_runs *p, size_t *at, uint64_t lo, uint64_t hi)
{
	uint64_t bytes = 0;

	while (*at < p->count && p->runs[*at].hi <= lo)
		++*at;
	for (size_t i = *at; i < p->count && p->runs[i].lo < hi; i++)
		if (p->runs[i].flags & PAGES_RESIDENT)
			bytes += (p->runs[i].hi < hi ? p->runs[i].hi : hi)
				- (p->runs[i].lo > lo ? p->runs[i].lo : lo);
	return bytes;
}

/* Memory that is held as a whole, with the blocks in it. */
static void add_range(struct measure *m, uint64_t lo, uint64_t hi, unsigned header)
{
	struct page_runs pages = { 0 };
	uint64_t held = pages_read(&pages, m->memory.pagemap, lo, hi), live = 0, headers = 0;
	size_t at = 0;

	for (; m->block < m->blocks.count && m->blocks.blocks[m->block].address < hi; m->block++) {
		const struct tide_block *b = &m->blocks.blocks[m->block];
		uint64_t end = b->address + b->bytes;

		live += count_resident(&pages, &at, b->address, end < hi ? end : hi);
		headers += header;
	}
	m->done = hi;
	m->held->bytes += held;
	m->held->live += live;
	if (held > live + headers)
		m->held->wasted += held - live - headers;
	pages_free(&pages);
}

/* Blocks below `hi` that lie in no arena. */
static void add_others(struct measure *m, uint64_t hi)
{
	while (m->block < m->blocks.count && m->blocks.blocks[m->block].address < hi) {
		const struct tide_block *b = &m->blocks.blocks[m->block];
		const struct remote_mapping *p = remote_mapping_at(&m->memory, b->address);
		struct page_runs pages = { 0 };
		uint64_t bytes;

		if (m->python && p && b->bytes <= PYTHON_MOST) {
			add_range(m, p->lo > m->done ? p->lo : m->done, p->hi < hi ? p->hi : hi, 0);
			continue;
		}
		bytes = pages_read(&pages, m->memory.pagemap, b->address & ~4095ull,
			(b->address + b->bytes + 4095) & ~4095ull);
		pages_free(&pages);
		m->held->bytes += bytes;
		m->held->live += bytes < b->bytes ? bytes : b->bytes;
		m->block++;
	}
}

int held_measure(struct held *h, const char *ledger, int pid, struct tide_error *e)
{
	struct measure m = { .held = h };
	struct collect_process p = { 0 };
	struct ledger_copy copy;
	struct heap_held arenas;

	*h = (struct held){ 0 };
	if (ledger_copy_file(&copy, ledger, e)) {
		ledger_copy_free(&copy);
		return -1;
	}
	if (copy.header.sample_bytes) {
		ledger_copy_free(&copy);
		return error_set(e, EXIT_UNMEASURED,
			"free memory cannot be measured|only samples of the blocks are known|run it without --sample");
	}
	if (remote_open(&m.memory, pid, e)) {
		ledger_copy_free(&copy);
		return -1;
	}
	collect_process_quick(&p, pid);
	collect_process_own(&p, pid, &copy);
	h->resident = p.rss_bytes > p.own_bytes ? p.rss_bytes - p.own_bytes : 0;
	m.python = copy.header.python_flags & LEDGER_PYTHON_OBJECTS;
	heap_held_find(&arenas, &m.memory);
	blockmap_read(&m.blocks, &m.memory, &copy, p.touched_bytes);
	for (size_t i = 0; i < arenas.count; i++) {
		add_others(&m, arenas.ranges[i].lo);
		add_range(&m, arenas.ranges[i].lo, arenas.ranges[i].hi, HEADER);
	}
	add_others(&m, UINT64_MAX);
	heap_held_free(&arenas);
	blockmap_free(&m.blocks);
	remote_close(&m.memory);
	ledger_copy_free(&copy);
	return 0;
}
