/* diff.c - matches two lists by sorting and merging (see diff.h). */
#include <stdlib.h>
#include <string.h>

#include "diff.h"
#include "base/alloc.h"
#include "base/error.h"

static int compare(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int compare_signed(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int compare_keys(const void *x, const void *y)
{
	const struct diff_item *a = x, *b = y;
	int order = compare(a->key, b->key);

	if (!order)
		order = -compare_signed(a->bytes, b->bytes);
	if (!order)
		order = -compare_signed(a->blocks, b->blocks);
	return order ? order : compare(a->origin, b->origin);
}

/* Corrupt input may wrap, which is harmless; signed overflow is not. */
static void add_sums(int64_t *to, int64_t n) { *to = (int64_t)((uint64_t)*to + (uint64_t)n); }

/* Adds up equal keys (DF1); the first of each is the largest. Returns how many are left. */
static size_t add_up(struct diff_item *item, size_t count)
{
	size_t left = 0;

	if (count)
		qsort(item, count, sizeof(*item), compare_keys);
	for (size_t i = 0; i < count; i++) {
		if (left && item[left - 1].key == item[i].key) {
			add_sums(&item[left - 1].bytes, item[i].bytes);
			add_sums(&item[left - 1].blocks, item[i].blocks);
		} else {
			item[left++] = item[i];
		}
	}
	return left;
}

static bool is_empty(const struct diff_item *item) { return !item || (!item->bytes && !item->blocks); }

static struct diff_side make_side(const struct diff_item *item)
{
	if (!item)
		return (struct diff_side){ 0, 0, DIFF_NO_ORIGIN };
	return (struct diff_side){ item->bytes, item->blocks, item->origin };
}

static enum diff_kind classify(const struct diff_item *o, const struct diff_item *n)
{
	if (is_empty(o))
		return DIFF_NEW;
	if (is_empty(n))
		return DIFF_GONE;
	if (o->bytes != n->bytes)
		return n->bytes > o->bytes ? DIFF_GROWN : DIFF_SHRUNK;
	if (o->blocks != n->blocks)
		return n->blocks > o->blocks ? DIFF_GROWN : DIFF_SHRUNK;
	return DIFF_SAME;
}

static void add_row(struct diff *d, uint64_t key, enum diff_kind kind, const struct diff_item *o,
	const struct diff_item *n)
{
	d->row[d->count++] = (struct diff_row){ key, kind, make_side(o), make_side(n) };
}

static int compare_numbers(const struct diff_item *a, const struct diff_item *b)
{
	int order = compare_signed(a->bytes, b->bytes);

	return order ? order : compare_signed(a->blocks, b->blocks);
}

static int compare_leaves(const void *x, const void *y)
{
	const struct diff_item *a = *(const struct diff_item *const *)x,
			       *b = *(const struct diff_item *const *)y;
	int order = compare_numbers(a, b);

	if (!order)
		order = compare(a->leaf, b->leaf);
	if (!order)
		order = compare(a->caller, b->caller);
	return order ? order : compare(a->key, b->key);
}

static int compare_callers(const void *x, const void *y)
{
	const struct diff_item *a = *(const struct diff_item *const *)x,
			       *b = *(const struct diff_item *const *)y;
	int order = compare_numbers(a, b);

	if (!order)
		order = compare(a->caller, b->caller);
	return order ? order : compare(a->key, b->key);
}

void diff_pair(struct diff_list *gone, struct diff_list *fresh, size_t bytes,
	int (*order)(const void *gone, const void *fresh),
	void (*matched)(void *context, const void *gone, const void *fresh), void *context)
{
	char *g = gone->at, *f = fresh->at;
	size_t i = 0, j = 0, gone_left = 0, fresh_left = 0;

	while (i < gone->count || j < fresh->count) {
		int o = i == gone->count ? 1 : j == fresh->count ? -1 : order(g + i * bytes, f + j * bytes);

		if (!o)
			matched(context, g + i * bytes, f + j * bytes);
		if (o < 0)
			memmove(g + gone_left++ * bytes, g + i * bytes, bytes);
		if (o > 0)
			memmove(f + fresh_left++ * bytes, f + j * bytes, bytes);
		i += o <= 0;
		j += o >= 0;
	}
	gone->count = gone_left;
	fresh->count = fresh_left;
}

/* DF3: lists of pointers to items that are gone, or new. */
static int same_leaf(const void *gone, const void *fresh)
{
	const struct diff_item *a = *(const struct diff_item *const *)gone,
			       *b = *(const struct diff_item *const *)fresh;
	int order = compare_numbers(a, b);

	if (!order)
		order = compare(a->leaf, b->leaf);
	return order || a->leaf ? order : 1;
}

static int same_caller(const void *gone, const void *fresh)
{
	const struct diff_item *a = *(const struct diff_item *const *)gone,
			       *b = *(const struct diff_item *const *)fresh;
	int order = compare_numbers(a, b);

	if (!order)
		order = compare(a->caller, b->caller);
	return order || a->caller ? order : 1;
}

static void add_moved(void *context, const void *gone, const void *fresh)
{
	const struct diff_item *o = *(const struct diff_item *const *)gone,
			       *n = *(const struct diff_item *const *)fresh;

	add_row(context, n->key, DIFF_MOVED, o, n);
}

static void pair_rows(struct diff *d, struct diff_list *gone, struct diff_list *fresh, bool use_leaf)
{
	int (*sorted)(const void *, const void *) = use_leaf ? compare_leaves : compare_callers;

	if (gone->count)
		qsort(gone->at, gone->count, sizeof(struct diff_item *), sorted);
	if (fresh->count)
		qsort(fresh->at, fresh->count, sizeof(struct diff_item *), sorted);
	diff_pair(gone, fresh, sizeof(struct diff_item *), use_leaf ? same_leaf : same_caller, add_moved, d);
}

static uint64_t measure_difference(int64_t a, int64_t b)
{
	uint64_t difference = (uint64_t)a - (uint64_t)b;

	return a >= b ? difference : 0 - difference;
}

/* As tracemalloc: size_diff, size, count_diff, count; the key settles the rest. */
static int compare_differences(const void *x, const void *y)
{
	const struct diff_row *a = x, *b = y;
	int order = -compare(measure_difference(a->new.bytes, a->old.bytes),
		measure_difference(b->new.bytes, b->old.bytes));

	if (!order)
		order = -compare_signed(a->new.bytes, b->new.bytes);
	if (!order)
		order = -compare(measure_difference(a->new.blocks, a->old.blocks),
			measure_difference(b->new.blocks, b->old.blocks));
	if (!order)
		order = -compare_signed(a->new.blocks, b->new.blocks);
	return order ? order : compare(a->key, b->key);
}

void diff_make(struct diff *d, struct diff_item *old_items, size_t old_count, struct diff_item *new_items,
	size_t new_count, bool pair_moved)
{
	const struct diff_item **gone_item, **new_item;
	struct diff_list gone, fresh;
	size_t i = 0, j = 0;

	memset(d, 0, sizeof(*d));
	old_count = add_up(old_items, old_count);
	new_count = add_up(new_items, new_count);
	d->row = alloc_bytes((old_count + new_count + 1) * sizeof(*d->row));
	gone_item = alloc_bytes((old_count + 1) * sizeof(*gone_item));
	new_item = alloc_bytes((new_count + 1) * sizeof(*new_item));
	gone = (struct diff_list){ gone_item, 0 };
	fresh = (struct diff_list){ new_item, 0 };
	while (i < old_count || j < new_count) {
		const struct diff_item *o = i < old_count ? &old_items[i] : NULL;
		const struct diff_item *n = j < new_count ? &new_items[j] : NULL;

		if (o && n && o->key != n->key)
			*(o->key < n->key ? &n : &o) = NULL;
		i += o != NULL;
		j += n != NULL;
		if (o) {
			add_sums(&d->old_bytes, o->bytes);
			add_sums(&d->old_blocks, o->blocks);
		}
		if (n) {
			add_sums(&d->new_bytes, n->bytes);
			add_sums(&d->new_blocks, n->blocks);
		}
		if (is_empty(o) && is_empty(n))
			continue;
		if (pair_moved && is_empty(n))
			gone_item[gone.count++] = o;
		else if (pair_moved && is_empty(o))
			new_item[fresh.count++] = n;
		else
			add_row(d, o ? o->key : n->key, classify(o, n), o, n);
	}
	pair_rows(d, &gone, &fresh, true);
	pair_rows(d, &gone, &fresh, false);
	for (i = 0; i < gone.count; i++)
		add_row(d, gone_item[i]->key, DIFF_GONE, gone_item[i], NULL);
	for (j = 0; j < fresh.count; j++)
		add_row(d, new_item[j]->key, DIFF_NEW, NULL, new_item[j]);
	free(gone_item);
	free(new_item);
	if (d->count)
		qsort(d->row, d->count, sizeof(*d->row), compare_differences);
	for (i = 0; i < d->count; i++)
		d->of_kind[d->row[i].kind]++;
}

static int compare_block_differences(const void *x, const void *y)
{
	const struct diff_row *a = x, *b = y;
	int order = -compare(measure_difference(a->new.blocks, a->old.blocks),
		measure_difference(b->new.blocks, b->old.blocks));

	return order ? order : compare_differences(x, y);
}

void diff_sort_by_blocks(struct diff *d)
{
	if (d->count)
		qsort(d->row, d->count, sizeof(*d->row), compare_block_differences);
}

void diff_free(struct diff *d)
{
	free(d->row);
	memset(d, 0, sizeof(*d));
}

const char *diff_kind_name(enum diff_kind kind)
{
	static const char *const name[DIFF_KINDS] = { "new", "gone", "grown", "shrunk", "moved", "same" };

	return kind < DIFF_KINDS ? name[kind] : "";
}
