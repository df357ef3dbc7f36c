/* rounds.c - see rounds.h. */
#include "rounds.h"

static void *table_at(struct ledger_header *l, enum ledger_table_kind kind)
{
	return (char *)l + l->table[kind].offset;
}

/* Sums up what every site holds now, over the pages of all threads. Returns the number of sites. */
static uint32_t sum_live(struct ledger_header *l, struct rounds_now *now, uint32_t capacity)
{
	const struct ledger_page *page = table_at(l, LEDGER_PAGES);
	const char *counters = table_at(l, LEDGER_COUNTERS);
	uint64_t pages = __atomic_load_n(&l->table[LEDGER_PAGES].count, __ATOMIC_ACQUIRE);
	uint64_t sites = __atomic_load_n(&l->table[LEDGER_SITES].count, __ATOMIC_ACQUIRE);

	if (sites > capacity) {
		__atomic_fetch_add(&l->missed[MISSED_ROUNDS], sites - capacity, __ATOMIC_RELAXED);
		sites = capacity;
	}
	for (uint64_t i = 0; i < sites; i++)
		now[i].live = 0;
	for (uint64_t p = 0; p < pages; p++) {
		const struct ledger_counter *c = (const void *)(counters + p * LEDGER_PAGE);
		uint64_t first = page[p].first_site;

		if (!page[p].thread)
			continue;
		for (uint64_t i = 0; i < LEDGER_PAGE_COUNTERS && first + i < sites; i++)
			now[first + i].live += __atomic_load_n(&c[i].live_blocks, __ATOMIC_RELAXED);
	}
	return (uint32_t)sites;
}

static void merge_pairs(struct ledger_rounds *row, const struct rounds_now *now, uint32_t sites)
{
	for (uint32_t s = 0; s < sites; s++) {
		uint32_t *least = row[s].least;

		if (!now[s].seen)
			continue;
		for (unsigned b = 0; b < LEDGER_ROUND_BUCKETS / 2; b++)
			least[b] = least[2 * b] < least[2 * b + 1] ? least[2 * b] : least[2 * b + 1];
		for (unsigned b = LEDGER_ROUND_BUCKETS / 2; b < LEDGER_ROUND_BUCKETS; b++)
			least[b] = 0;
	}
}

void rounds_note(struct ledger_header *l, struct rounds_now *now, uint32_t capacity)
{
	struct ledger_rounds *row = table_at(l, LEDGER_ROUNDS);
	uint32_t round, bucket, sites;
	int first;

	if (capacity > l->table[LEDGER_ROUNDS].capacity)
		capacity = (uint32_t)l->table[LEDGER_ROUNDS].capacity;
	if (!capacity)
		return;
	if (__atomic_exchange_n(&l->rounds_busy, 1, __ATOMIC_ACQUIRE)) {
		__atomic_fetch_add(&l->missed[MISSED_ROUNDS], 1, __ATOMIC_RELAXED);
		return;
	}
	sites = sum_live(l, now, capacity);
	round = l->rounds;
	if (!l->rounds_width)
		l->rounds_width = 1;
	if (round / l->rounds_width >= LEDGER_ROUND_BUCKETS) {
		merge_pairs(row, now, sites);
		l->rounds_width *= 2;
	}
	bucket = round / l->rounds_width;
	first = round % l->rounds_width == 0;
	for (uint32_t s = 0; s < sites; s++) {
		uint32_t live = now[s].live > 0 ? (uint32_t)now[s].live : 0;

		/* An untouched row is already zero, and must not take memory. */
		if (!live && !now[s].seen)
			continue;
		now[s].seen = 1;
		if (first || live < row[s].least[bucket])
			row[s].least[bucket] = live;
	}
	__atomic_store_n(&l->table[LEDGER_ROUNDS].count, sites, __ATOMIC_RELEASE);
	l->rounds = round + 1;
	__atomic_store_n(&l->rounds_busy, 0, __ATOMIC_RELEASE);
}
