/* html_sites.c - the measures of every site: those of `stat`, what is lost, what is retained. */
#include <inttypes.h>
#include <stdlib.h>
#include "html.h"

/* A column of zeros is not written: the page takes an absent one for that. */
static void column(struct html *h, const char *name, const int64_t *value, size_t count)
{
	bool any = false;

	for (size_t i = 0; i < count && !any; i++)
		any = value[i] != 0;
	fprintf(h->out, "\"%s\":[", name);
	for (size_t i = 0; any && i < count; i++)
		fprintf(h->out, i ? ",%" PRId64 : "%" PRId64, value[i]);
	fputs("],\n", h->out);
}

/* From the blocks: a record of leaks may stand for several sites of one name. */
static void lost(struct html *h, int64_t *value)
{
	const struct leaks *l = &h->leaks.leaks;
	const struct snapshot *s = h->view.snapshot;
	int64_t *blocks = memory_get_zeroed(h->rows + 1ull, sizeof(*blocks));

	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		uint32_t site = s->blocks[i].site, row;

		if (!LEAK_IS_LOST(l->kind[i] & LEAK_KIND_MASK) || l->kind[i] & (LEAK_SUPPRESSED | LEAK_LEFT_OUT) ||
		    site >= s->site_count || !h->view.kept[site])
			continue;
		row = html_row(h, site, false);
		value[row] += (int64_t)s->blocks[i].bytes;
		blocks[row]++;
	}
	column(h, "lost_bytes", value, h->rows);
	column(h, "lost_blocks", blocks, h->rows);
	free(blocks);
}

static void retains(struct html *h, int64_t *value)
{
	struct retained_site *sites = retained_sites(&h->retained);

	for (uint32_t i = 0; i < h->rows; i++)
		value[i] = (int64_t)sites[h->row[i].site].retained.bytes;
	column(h, "retained_bytes", value, h->rows);
	for (uint32_t i = 0; i < h->rows; i++)
		value[i] = (int64_t)sites[h->row[i].site].retained.blocks;
	column(h, "retained_blocks", value, h->rows);
	free(sites);
}

void html_sites(struct html *h)
{
	const struct snapshot *s = h->view.snapshot;
	int64_t *value;

	for (uint32_t i = 0; i < s->site_count; i++)
		if (h->view.kept[i])
			html_row(h, i, false);
	value = memory_get_zeroed(h->rows + 1ull, sizeof(*value));
	fprintf(h->out, "\"kept\":%" PRIu32 ",\n", h->rows);
	for (unsigned m = 0; m < MEASURES; m++) {
		if (!(h->view.known & 1u << m))
			continue;
		for (uint32_t i = 0; i < h->rows; i++)
			value[i] = h->view.site[h->row[i].site].of[m];
		column(h, view_measure_name(m), value, h->rows);
	}
	if (h->references) {
		for (uint32_t i = 0; i < h->rows; i++)
			value[i] = 0;
		lost(h, value);
		retains(h, value);
	}
	free(value);
}
