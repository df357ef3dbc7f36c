/* ledger_counters.c - sums the counter pages of a ledger: ledger.h.
 *
 * Pages are taken in the order of their sites, so that what several threads did at
 * the same 64 sites is summed in one small table, whatever the number of sites.
 */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "ledger.h"
#include "ledger_translate.h"

struct order {
	uint32_t first_site, page;
};

struct bins {
	struct tide_bin *bin;
	uint64_t count, capacity;
};

struct sums {
	const struct ledger_copy *copy;
	struct ledger_made *made;
	struct bins sizes, lifetimes;
	struct tide_thread_site *thread_sites;
	uint64_t thread_site_count, thread_site_capacity;
	uint64_t size[LEDGER_PAGE_COUNTERS][LEDGER_SIZE_CLASSES];
	uint64_t lifetime[LEDGER_PAGE_COUNTERS][LEDGER_LIFETIME_CLASSES];
};

static int compare_pages(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	return x->first_site != y->first_site ? (x->first_site > y->first_site ? 1 : -1)
					      : (x->page > y->page) - (x->page < y->page);
}

static void add_histograms(struct sums *s, uint32_t i, const struct ledger_counter *k)
{
	const struct ledger_sizes *sizes = s->copy->table[LEDGER_SIZES];
	const struct ledger_lifetimes *lifetimes = s->copy->table[LEDGER_LIFETIMES];

	if (k->sizes && k->sizes < s->copy->count[LEDGER_SIZES])
		for (int c = 0; c < LEDGER_SIZE_CLASSES; c++)
			s->size[i][c] += sizes[k->sizes].count[c];
	else if (!k->sizes && k->size_class && k->size_class <= LEDGER_SIZE_CLASSES)
		s->size[i][k->size_class - 1] += k->total_blocks;
	if (k->lifetimes & LEDGER_LIFETIMES_FEW)
		for (unsigned n = 0; n < LEDGER_LIFETIMES_FEW_COUNT; n++) {
			uint32_t few = k->lifetimes >> 7 * n;
			s->lifetime[i][ledger_lifetime_class(few)] += ledger_lifetime_weight(few >> 5 & 3u);
		}
	else if (k->lifetimes && k->lifetimes < s->copy->count[LEDGER_LIFETIMES])
		for (int c = 0; c < LEDGER_LIFETIME_CLASSES; c++)
			s->lifetime[i][c] += lifetimes[k->lifetimes].count[c];
}

/* Sums wrap where a ledger is full of nonsense. */
static void add_up(int64_t *to, int64_t n) { *to = (int64_t)((uint64_t)*to + (uint64_t)n); }

static void add_counter(struct sums *s, uint32_t thread, uint32_t site, const struct ledger_counter *k)
{
	struct tide_site *to = &s->made->sites[site];
	int at_peak = k->version == s->copy->header.peak_version;
	struct tide_thread_site *t;

	add_up(&to->live_bytes, k->live_bytes);
	add_up(&to->live_blocks, k->live_blocks);
	to->total_bytes += k->total_bytes;
	to->total_blocks += k->total_blocks;
	add_up(&to->peak_bytes, at_peak ? k->peak_bytes : k->live_bytes);
	add_up(&to->peak_blocks, at_peak ? k->peak_blocks : k->live_blocks);
	to->reallocations += k->reallocations;
	to->temporary += k->temporary;
	if (thread >= s->made->thread_count)
		return;
	t = ARRAY_ADD(s->thread_sites, s->thread_site_count, s->thread_site_capacity);
	*t = (struct tide_thread_site){ .thread = thread,
		.site = site,
		.total_bytes = k->total_bytes,
		.total_blocks = k->total_blocks,
		.live_bytes = k->live_bytes,
		.live_blocks = k->live_blocks };
}

static void add_page(struct sums *s, const struct order *o)
{
	static const struct ledger_counter untouched;
	const struct ledger_page *page = (const struct ledger_page *)s->copy->table[LEDGER_PAGES] + o->page;
	const struct ledger_counter *k = (const void *)((const char *)s->copy->table[LEDGER_COUNTERS]
		+ (uint64_t)o->page * LEDGER_PAGE);

	for (uint32_t i = 0; i < LEDGER_PAGE_COUNTERS; i++) {
		if (o->first_site + i >= s->made->site_count)
			break;
		if (!memcmp(&k[i], &untouched, sizeof(untouched)))
			continue;
		add_counter(s, page->thread - 1, o->first_site + i, &k[i]);
		add_histograms(s, i, &k[i]);
	}
}

static void add_bins(struct bins *b, uint32_t site, const uint64_t *count, uint32_t classes)
{
	for (uint32_t c = 0; c < classes; c++)
		if (count[c])
			*ARRAY_ADD(b->bin, b->count, b->capacity) = (struct tide_bin){ site, c, count[c] };
}

static void make_sums(struct sums *s)
{
	const struct ledger_page *pages = s->copy->table[LEDGER_PAGES];
	uint64_t n = 0, count = s->copy->count[LEDGER_PAGES];
	struct order *order = alloc_bytes(count * sizeof(*order));

	for (uint64_t i = 0; i < count; i++)
		if (pages[i].thread && pages[i].first_site % LEDGER_PAGE_COUNTERS == 0)
			order[n++] = (struct order){ pages[i].first_site, (uint32_t)i };
	qsort(order, n, sizeof(*order), compare_pages);
	for (uint64_t i = 0; i < n; i++) {
		add_page(s, &order[i]);
		if (i + 1 < n && order[i + 1].first_site == order[i].first_site)
			continue;
		for (uint32_t k = 0; k < LEDGER_PAGE_COUNTERS; k++) {
			add_bins(&s->sizes, order[i].first_site + k, s->size[k], LEDGER_SIZE_CLASSES);
			add_bins(&s->lifetimes, order[i].first_site + k, s->lifetime[k],
				LEDGER_LIFETIME_CLASSES);
		}
		memset(s->size, 0, sizeof(s->size));
		memset(s->lifetime, 0, sizeof(s->lifetime));
	}
	free(order);
}

/* The heap's totals leave out mappings and tracked domains. The peak of the process is what its
 * sites held at the latest peak version: with threads that is a little less than the truth, and more or
 * less than the shim's own figure, which leaves out what threads held back (shim/count.h, CN1). When more
 * lives now, the peak is now. */
static void sum_totals(struct ledger_made *m)
{
	struct tide_process *p = &m->process;
	int64_t bytes = 0, blocks = 0, peak = 0;

	for (uint64_t i = 1; i < m->site_count; i++) {
		const struct tide_site *s = &m->sites[i];

		if (s->flags & (SITE_MAPPING | SITE_TRACKED))
			continue;
		add_up(&bytes, s->live_bytes);
		add_up(&blocks, s->live_blocks);
		add_up(&peak, s->peak_bytes);
		p->total_bytes += s->total_bytes;
		p->total_blocks += s->total_blocks;
		p->reallocations += s->reallocations;
		p->temporary += s->temporary;
	}
	p->live_bytes = bytes > 0 ? (uint64_t)bytes : 0;
	p->live_blocks = blocks > 0 ? (uint64_t)blocks : 0;
	if (peak < bytes) {
		for (uint64_t i = 1; i < m->site_count; i++) {
			m->sites[i].peak_bytes = m->sites[i].live_bytes;
			m->sites[i].peak_blocks = m->sites[i].live_blocks;
		}
		peak = bytes;
		p->peak_elapsed_ns = p->elapsed_ns;
	}
	p->peak_bytes = peak > 0 ? (uint64_t)peak : 0;
}

void ledger_counters(const struct ledger_copy *c, struct snapshot_writer *w, struct ledger_made *m)
{
	const struct ledger_site *from = c->table[LEDGER_SITES];
	struct sums *s = alloc_zeroed(1, sizeof(*s));

	s->copy = c;
	s->made = m;
	m->site_count = c->count[LEDGER_SITES] ? c->count[LEDGER_SITES] : 1;
	m->sites = alloc_zeroed(m->site_count, sizeof(*m->sites));
	for (uint64_t i = 1; i < c->count[LEDGER_SITES]; i++) {
		m->sites[i].frame = i < LEDGER_SITE_FIRST ? 0 : from[i].node;
		m->sites[i].depth = from[i].depth;
		m->sites[i].flags = ledger_site_flags(from[i].flags);
	}
	make_sums(s);
	sum_totals(m);
	snapshot_writer_section(
		w, SECTION_SIZES, sizeof(struct tide_bin), s->sizes.bin, s->sizes.count, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_LIFETIMES, sizeof(struct tide_bin), s->lifetimes.bin,
		s->lifetimes.count, SNAPSHOT_TAKE);
	snapshot_writer_section(w, SECTION_THREAD_SITES, sizeof(struct tide_thread_site), s->thread_sites,
		s->thread_site_count, SNAPSHOT_TAKE);
	free(s);
}
