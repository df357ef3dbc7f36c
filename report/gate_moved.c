/* gate_moved.c - a site that is gone and one that is new with the same numbers are one site.
 *
 * Work that moves from one function to another must not look like a leak.
 * Candidates are sorted and merged twice: first those that stayed in their file,
 * then the rest. */
#include <stdlib.h>
#include <string.h>
#include "gate.h"

struct candidate {
	uint64_t numbers[4];
	const char *file;
	size_t index;
};

static int by_numbers(const struct candidate *a, const struct candidate *b)
{
	for (int i = 0; i < 4; i++)
		if (a->numbers[i] != b->numbers[i])
			return a->numbers[i] < b->numbers[i] ? -1 : 1;
	return 0;
}

static int by_file(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int order = by_numbers(a, b);

	if (!order)
		order = strcmp(a->file, b->file);
	return order ? order : (a->index > b->index) - (a->index < b->index);
}

/* Pairs equal candidates of two sorted lists and takes them out. */
static void pair(struct candidate *gone, size_t *gone_count, struct candidate *fresh, size_t *fresh_count,
	int same_file, const struct gate_baseline *b, const struct gate_base_site **moved)
{
	size_t i = 0, k = 0, gone_left = 0, fresh_left = 0;

	while (i < *gone_count && k < *fresh_count) {
		int order = by_numbers(&gone[i], &fresh[k]);

		if (!order && same_file)
			order = strcmp(gone[i].file, fresh[k].file);
		if (order < 0) {
			gone[gone_left++] = gone[i++];
		} else if (order > 0) {
			fresh[fresh_left++] = fresh[k++];
		} else {
			moved[fresh[k].index] = &b->sites[gone[i].index];
			i++, k++;
		}
	}
	while (i < *gone_count)
		gone[gone_left++] = gone[i++];
	while (k < *fresh_count)
		fresh[fresh_left++] = fresh[k++];
	*gone_count = gone_left;
	*fresh_count = fresh_left;
}

void gate_baseline_moved(const struct gate_baseline *b, const struct gate_measure *m,
	const struct gate_base_site **moved)
{
	struct candidate *gone = memory_get((b->site_count + 1) * sizeof *gone);
	struct candidate *fresh = memory_get((m->site_count + 1) * sizeof *fresh);
	size_t gone_count = 0, fresh_count = 0, i = 0, k = 0;

	memset(moved, 0, m->site_count * sizeof *moved);
	while (i < b->site_count || k < m->site_count) {
		const struct gate_base_site *s = i < b->site_count ? &b->sites[i] : NULL;
		const struct gate_site *n = k < m->site_count ? &m->sites[k] : NULL;
		int order = !s ? 1 : !n ? -1 : strcmp(s->key, n->key);

		/* A site without live blocks is as good as not there. */
		int both = !order, still = n && n->live_blocks;

		if (order < 0 || (both && !still))
			gone[gone_count++] = (struct candidate){
				{ s->live_blocks, s->live_bytes, s->lost_blocks, s->lost_bytes }, s->file, i };
		if (order > 0 && still)
			fresh[fresh_count++] = (struct candidate){
				{ n->live_blocks, n->live_bytes, n->lost_blocks, n->lost_bytes },
				n->file ? n->file : "", k };
		i += order <= 0;
		k += order >= 0;
	}
	qsort(gone, gone_count, sizeof *gone, by_file);
	qsort(fresh, fresh_count, sizeof *fresh, by_file);
	pair(gone, &gone_count, fresh, &fresh_count, 1, b, moved);
	pair(gone, &gone_count, fresh, &fresh_count, 0, b, moved);
	free(gone);
	free(fresh);
}
