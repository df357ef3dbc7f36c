/* html_sites.c - the measures of every site: those of `stat`, lost and retained memory. */
#include <stdlib.h>
#include "base/alloc.h"
#include "html.h"

/* A column of zeros is not written: the page takes an absent one for that. */
static void write_column(struct html *h, const char *name, const int64_t *value, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count && !any; i++)
		any = value[i] != 0;
	json_open_array(&h->json, name);
	for (size_t i = 0; any && i < count; i++)
		json_number(&h->json, NULL, value[i]);
	json_close_array(&h->json);
}

/* From the blocks: a record of leaks may cover several sites of one name. */
static void write_lost(struct html *h, int64_t *value)
{
	const struct leaks *l = &h->leaks.leaks;
	const struct snapshot *s = h->view.snapshot;
	int64_t *blocks = alloc_zeroed(h->rows + 1ull, sizeof(*blocks));

	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		uint32_t site = s->blocks[i].site, row;

		if (!LEAK_IS_LOST(l->kind[i] & LEAK_KIND_MASK)
			|| l->kind[i] & (LEAK_SUPPRESSED | LEAK_LEFT_OUT) || site >= s->site_count
			|| !h->view.kept[site])
			continue;
		row = html_row(h, site, false);
		value[row] += (int64_t)s->blocks[i].bytes;
		blocks[row]++;
	}
	write_column(h, "lost_bytes", value, h->rows);
	write_column(h, "lost_blocks", blocks, h->rows);
	free(blocks);
}

static void write_retained(struct html *h, int64_t *value)
{
	struct retained_site *sites = retained_sites(&h->retained);

	for (uint32_t i = 0; i < h->rows; i++)
		value[i] = (int64_t)sites[h->row[i].site].retained.bytes;
	write_column(h, "retained_bytes", value, h->rows);
	for (uint32_t i = 0; i < h->rows; i++)
		value[i] = (int64_t)sites[h->row[i].site].retained.blocks;
	write_column(h, "retained_blocks", value, h->rows);
	free(sites);
}

/* How many marks of the run a block has seen before it was born. */
static uint32_t find_period(const struct snapshot *s, uint32_t birth)
{
	size_t lo = 0, hi = s->mark_count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (s->marks[middle].birth < birth)
			lo = middle + 1;
		else
			hi = middle;
	}
	return (uint32_t)lo;
}

/* Which threads made the live blocks of which site, and when: the row, the thread (of info.threads; -1 unknown), the
 * period (marks before it), the class of their size (bits of the number of bytes), blocks, bytes. */
static void write_threads(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	struct html_set pairs = { 0 };
	int64_t *sum = alloc_zeroed(s->block_count * 2 + 1, sizeof(*sum));
	static const char *const name[] = { "thread_row", "thread_of", "thread_period", "thread_size",
		"thread_blocks", "thread_bytes" };

	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];
		struct html_key key = { { b->site, b->thread < s->thread_count ? b->thread + 1 : 0,
			find_period(s, b->birth),
			b->bytes ? 64u - (unsigned)__builtin_clzll(b->bytes) : 0 } };
		uint32_t at;

		if (b->site >= s->site_count || !h->view.kept[b->site])
			continue;
		at = html_set_add(&pairs, &key);
		sum[at * 2ull]++;
		sum[at * 2ull + 1] += (int64_t)b->bytes;
	}
	for (int k = 0; k < 6; k++) {
		json_open_array(&h->json, name[k]);
		for (uint32_t i = 0; i < pairs.count; i++) {
			const uint32_t *part = pairs.key[i].part;

			json_number(&h->json, NULL,
				k == 0           ? html_row(h, part[0], false)
					: k == 1 ? (int64_t)part[1] - 1
					: k <= 3 ? part[k]
						 : sum[i * 2ull + (k == 5)]);
		}
		json_close_array(&h->json);
	}
	free(sum);
	html_set_free(&pairs);
}

void html_sites(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	int64_t *value;

	for (uint32_t i = 0; i < s->site_count; i++)
		if (h->view.kept[i])
			html_row(h, i, false);
	value = alloc_zeroed(h->rows + 1ull, sizeof(*value));
	json_number(&h->json, "kept", h->rows);
	for (unsigned m = 0; m < MEASURES; m++) {
		if (!(h->view.known & 1u << m))
			continue;
		for (uint32_t i = 0; i < h->rows; i++)
			value[i] = h->view.site[h->row[i].site].of[m];
		write_column(h, view_measure_name(m), value, h->rows);
	}
	if (h->view.snapshot->block_count)
		write_threads(h);
	if (h->references) {
		for (uint32_t i = 0; i < h->rows; i++)
			value[i] = 0;
		write_lost(h, value);
		write_retained(h, value);
	}
	free(value);
}
