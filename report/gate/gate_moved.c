/* gate_moved.c - a site that is gone and one that is new with the same numbers are one site.
 *
 * Work that moves from one function to another must not look like a leak.
 * Candidates are sorted and merged twice: first those that stayed in their file,
 * then the rest. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "analysis/diff.h"
#include "gate.h"

struct candidate {
	uint64_t numbers[4];
	const char *file;
	size_t index;
};

static int compare_numbers(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;

	for (int i = 0; i < 4; i++)
		if (a->numbers[i] != b->numbers[i])
			return a->numbers[i] < b->numbers[i] ? -1 : 1;
	return 0;
}

static int compare_numbers_and_file(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int order = compare_numbers(a, b);

	return order ? order : strcmp(a->file, b->file);
}

static int compare_candidates(const void *x, const void *y)
{
	const struct candidate *a = x, *b = y;
	int order = compare_numbers_and_file(a, b);

	return order ? order : (a->index > b->index) - (a->index < b->index);
}

struct moving {
	const struct gate_baseline *from;
	const struct gate_base_site **moved;
};

static void note_pair(void *context, const void *gone, const void *fresh)
{
	struct moving *m = context;

	m->moved[((const struct candidate *)fresh)->index] =
		&m->from->sites[((const struct candidate *)gone)->index];
}

void gate_baseline_moved(
	const struct gate_baseline *b, const struct gate_measure *m, const struct gate_base_site **moved)
{
	struct candidate *gone = alloc_bytes((b->site_count + 1) * sizeof *gone);
	struct candidate *fresh = alloc_bytes((m->site_count + 1) * sizeof *fresh);
	size_t gone_count = 0, fresh_count = 0, i = 0, k = 0;
	struct moving moving = { b, moved };
	struct diff_list old, new;

	memset(moved, 0, m->site_count * sizeof *moved);
	while (i < b->site_count || k < m->site_count) {
		const struct gate_base_site *s = i < b->site_count ? &b->sites[i] : NULL;
		const struct gate_site *n = k < m->site_count ? &m->sites[k] : NULL;
		int order = !s ? 1 : !n ? -1 : strcmp(s->key, n->key);

		/* A site without live blocks is as good as not there. */
		int both = !order, still = n && n->live_blocks;

		if (order < 0 || (both && !still))
			gone[gone_count++] = (struct candidate){
				{ s->live_blocks, s->live_bytes, s->lost_blocks, s->lost_bytes }, s->file, i
			};
		if (order > 0 && still)
			fresh[fresh_count++] = (struct candidate){ { n->live_blocks, n->live_bytes,
									   n->lost_blocks, n->lost_bytes },
				n->file ? n->file : "", k };
		i += order <= 0;
		k += order >= 0;
	}
	qsort(gone, gone_count, sizeof *gone, compare_candidates);
	qsort(fresh, fresh_count, sizeof *fresh, compare_candidates);
	old = (struct diff_list){ gone, gone_count };
	new = (struct diff_list){ fresh, fresh_count };
	diff_pair(&old, &new, sizeof *gone, compare_numbers_and_file, note_pair, &moving);
	diff_pair(&old, &new, sizeof *gone, compare_numbers, note_pair, &moving);
	free(gone);
	free(fresh);
}
