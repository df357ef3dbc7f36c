/* leaks_subtract.c - `leaks FILE OLD`: what is lost now and was not in the older snapshot. Sites are matched by
 * their keys, so that the two may be of different runs, or of different builds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "leaks_view.h"
#include "symbol/site_key.h"

struct old_sum {
	uint64_t key, roots, blocks, bytes, retained_blocks, retained_bytes;
};

static uint64_t make_key(struct site_keys *k, enum leak_kind kind, uint32_t site)
{
	return site_key(k, site) * LEAK_KINDS + kind;
}

static int compare_sums(const void *a, const void *b)
{
	const struct old_sum *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

/* Sorted, equal keys added up. */
static size_t settle(struct old_sum *sum, size_t count)
{
	size_t n = 0;

	if (count)
		qsort(sum, count, sizeof(*sum), compare_sums);
	for (size_t i = 0; i < count; i++) {
		if (!n || sum[n - 1].key != sum[i].key) {
			sum[n++] = sum[i];
			continue;
		}
		sum[n - 1].roots += sum[i].roots;
		sum[n - 1].blocks += sum[i].blocks;
		sum[n - 1].bytes += sum[i].bytes;
		sum[n - 1].retained_blocks += sum[i].retained_blocks;
		sum[n - 1].retained_bytes += sum[i].retained_bytes;
	}
	return n;
}

/* What is left of `now` after the old value is used up: several sites may have one key. */
static uint64_t subtract_used(uint64_t now, uint64_t *old)
{
	uint64_t used = now < *old ? now : *old;

	*old -= used;
	return now - used;
}

static struct old_sum *find_sum(struct old_sum *sum, size_t count, uint64_t key)
{
	struct old_sum wanted = { .key = key };

	return count ? bsearch(&wanted, sum, count, sizeof(*sum), compare_sums) : NULL;
}

static void subtract_records(struct leaks_view *v, struct site_keys *const *keys)
{
	struct leaks *l = &v->leaks, *old = &v->old_leaks;
	struct old_sum *sum = alloc_zeroed(old->record_count + 1, sizeof(*sum));
	size_t n, kept = 0, count = 0;

	/* Names are looked up for lost blocks only: reachable ones may have a million sites. */
	for (size_t i = 0; i < old->record_count; i++) {
		const struct leak_record *r = &old->records[i];

		if ((LEAK_IS_LOST(r->kind) || v->show[r->kind]) && r->suppression < 0)
			sum[count++] = (struct old_sum){ make_key(keys[1], r->kind, r->site), 0, r->blocks,
				r->bytes, r->retained_blocks, r->retained_bytes };
	}
	n = settle(sum, count);
	memset(l->total, 0, sizeof(l->total));
	memset(&l->lost, 0, sizeof(l->lost));
	l->root_leaks = 0;
	for (size_t i = 0; i < l->record_count; i++) {
		struct leak_record r = l->records[i];
		struct old_sum *was = NULL;

		if ((LEAK_IS_LOST(r.kind) || v->show[r.kind]) && r.suppression < 0)
			was = find_sum(sum, n, make_key(keys[0], r.kind, r.site));
		if (was) {
			r.blocks = subtract_used(r.blocks, &was->blocks);
			r.bytes = subtract_used(r.bytes, &was->bytes);
			r.retained_blocks = subtract_used(r.retained_blocks, &was->retained_blocks);
			r.retained_bytes = subtract_used(r.retained_bytes, &was->retained_bytes);
		}
		if (!r.blocks)
			continue;
		l->records[kept++] = r;
		if (r.suppression >= 0)
			continue;
		l->total[r.kind].blocks += r.blocks;
		l->total[r.kind].bytes += r.bytes;
		if (LEAK_IS_LOST(r.kind)) {
			l->lost.blocks += r.blocks;
			l->lost.bytes += r.bytes;
		}
		if (r.kind == LEAK_UNREFERENCED)
			l->root_leaks += r.blocks;
	}
	l->record_count = kept;
	free(sum);
}

/* Groups keep their places (records and blocks name them); those that are not new retain nothing. */
static void subtract_groups(struct leaks_view *v, struct site_keys *const *keys)
{
	struct leaks *l = &v->leaks, *old = &v->old_leaks;
	struct old_sum *sum = alloc_zeroed(old->group_count + 1, sizeof(*sum));
	size_t n;

	for (size_t i = 0; i < old->group_count; i++) {
		const struct leak_group *g = &old->groups[i];

		sum[i] = (struct old_sum){ make_key(keys[1], g->kind, g->site), g->roots, g->blocks, g->bytes,
			g->retained_blocks, g->retained_bytes };
	}
	n = settle(sum, old->group_count);
	l->root_cycles = 0;
	for (size_t i = 0; i < l->group_count; i++) {
		struct leak_group *g = &l->groups[i];
		struct old_sum *was = find_sum(sum, n, make_key(keys[0], g->kind, g->site));

		if (was) {
			g->roots = subtract_used(g->roots, &was->roots);
			g->blocks = subtract_used(g->blocks, &was->blocks);
			g->bytes = subtract_used(g->bytes, &was->bytes);
			g->retained_blocks = subtract_used(g->retained_blocks, &was->retained_blocks);
			g->retained_bytes = subtract_used(g->retained_bytes, &was->retained_bytes);
		}
		if (g->kind == LEAK_CYCLE && g->suppression < 0)
			l->root_cycles += g->roots;
	}
	free(sum);
}

void leaks_subtract(struct leaks_view *v)
{
	struct site_keys *keys[2] = { site_keys_new(&v->snapshot, v->symbols),
		site_keys_new(&v->old, v->old_symbols) };

	site_keys_exact(keys, 2);
	subtract_groups(v, keys);
	subtract_records(v, keys);
	v->leaks.shared = (struct leak_sum){ 0, 0 };
	if (!v->old_leaks.complete && v->leaks.complete) {
		v->leaks.complete = false;
		snprintf(v->leaks.why, sizeof(v->leaks.why), "of %.200s: %.200s", v->old_file,
			v->old_leaks.why);
	}
	site_keys_free(keys[0]);
	site_keys_free(keys[1]);
}
