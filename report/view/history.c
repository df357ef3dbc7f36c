/* history.c - see history.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "history.h"

/* --- snapshots of one process --------------------------------------------------------- */

struct dated {
	const char *file;
	uint64_t elapsed_ns;
	uint32_t sequence;
};

static int compare_dates(const void *a, const void *b)
{
	const struct dated *x = a, *y = b;

	if (x->elapsed_ns != y->elapsed_ns)
		return x->elapsed_ns > y->elapsed_ns ? -1 : 1;
	return x->sequence > y->sequence ? -1 : x->sequence < y->sequence;
}

int history_order(const char **file, size_t *count, bool quiet, struct tide_error *e)
{
	struct dated *all;
	struct tide_process first = { 0 };
	size_t kept = 0;
	int code = 0;

	if (*count == 1)
		return 0;
	if (*count > HISTORY_MOST)
		return error_set(e, EXIT_USAGE, "%zu snapshots are too many|%d are shown together|name fewer",
			*count, HISTORY_MOST);
	all = alloc_zeroed(*count + 1, sizeof(*all));
	for (size_t i = 0; i < *count && !code; i++) {
		struct snapshot s = { 0 };

		code = snapshot_open(file[i], &s, e);
		if (code)
			break;
		if (!i)
			first = *s.process;
		if (snapshot_same_process(&first, s.process))
			all[kept++] = (struct dated){ file[i], s.process->elapsed_ns, s.process->sequence };
		snapshot_close(&s);
	}
	if (!code) {
		if (kept < *count && !quiet)
			error_note("%zu of the %zu snapshots are of other programs than %s and left out: "
				   "`tidemark stat` adds several processes up",
				*count - kept, *count, file[0]);
		qsort(all, kept, sizeof(*all), compare_dates);
		for (size_t i = 0; i < kept; i++)
			file[i] = all[i].file;
		*count = kept;
	}
	free(all);
	return code;
}

/* --- what each site held, as it is read ------------------------------------------------- */

struct held {
	uint32_t site; /* of the newest snapshot; 0: it has no such site */
	uint32_t moment;
	struct history_value value;
};

struct reading {
	const struct view *newest;
	struct index sizes; /* of sites without stacks, by depth */
	struct held *held;
	size_t count, capacity;
	int64_t *most; /* [site_count] bytes */
};

static void find_sizes(struct reading *r)
{
	const struct snapshot *s = r->newest->snapshot;

	for (uint32_t i = 0; i < s->site_count; i++)
		if (s->sites[i].flags & SITE_OF_SIZE)
			index_add(&r->sizes, index_hash(s->sites[i].depth), i);
}

/* The same site in the newest snapshot, or 0. */
static uint32_t find_site(const struct reading *r, const struct tide_site *site, uint32_t number)
{
	const struct snapshot *s = r->newest->snapshot;

	if (site->flags & SITE_OF_SIZE) {
		INDEX_EACH(&r->sizes, index_hash(site->depth), probe)
		if (s->sites[probe.number].depth == site->depth)
			return probe.number;
		return 0;
	}
	return number < s->site_count && !(s->sites[number].flags & SITE_OF_SIZE)
			&& s->sites[number].frame == site->frame
		? number
		: 0;
}

static void add_held(
	struct reading *r, struct history *h, uint32_t site, uint32_t moment, int64_t bytes, int64_t blocks)
{
	struct history_value *all = &h->moment[moment].all;

	if (!bytes && !blocks)
		return;
	*ARRAY_ADD(r->held, r->count, r->capacity) = (struct held){ site, moment, { bytes, blocks } };
	if (bytes > r->most[site])
		r->most[site] = bytes;
	view_add(&all->bytes, bytes);
	view_add(&all->blocks, blocks);
}

static void read_moment(struct reading *r, struct history *h, const struct snapshot *s, uint32_t moment)
{
	for (uint32_t i = 0; i < s->site_count; i++) {
		uint32_t site = find_site(r, &s->sites[i], i);

		/* Blocks of a size that the newest snapshot does not have; mappings and tracked memory are not
		 * blocks. */
		if (site ? r->newest->kept[site] : s->sites[i].flags & SITE_OF_SIZE)
			add_held(r, h, site, moment, s->sites[i].live_bytes, s->sites[i].live_blocks);
	}
}

static void read_newest(struct reading *r, struct history *h)
{
	const struct view *v = r->newest;

	for (uint32_t i = 0; i < v->snapshot->site_count; i++)
		if (v->kept[i])
			add_held(r, h, i, (uint32_t)h->moments - 1, v->site[i].of[LIVE_BYTES],
				v->site[i].of[LIVE_BLOCKS]);
}

/* --- rows ------------------------------------------------------------------------------- */

struct ranked {
	int64_t most;
	uint32_t site;
};

static int compare_ranks(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->most != y->most)
		return x->most > y->most ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

static void make_rows(struct history *h, const struct reading *r)
{
	size_t sites = r->newest->snapshot->site_count, count = 0;
	struct ranked *rank = alloc_zeroed(sites + 1, sizeof(*rank));
	uint32_t *row_of = alloc_zeroed(sites + 1, sizeof(*row_of));
	struct history_value *values;

	for (uint32_t i = 1; i < sites; i++)
		if (r->most[i] > 0)
			rank[count++] = (struct ranked){ r->most[i], i };
	qsort(rank, count, sizeof(*rank), compare_ranks);
	h->count = count < HISTORY_ROWS ? count : HISTORY_ROWS;
	h->rest_sites = count - h->count;
	h->row = alloc_zeroed(h->count + 1, sizeof(*h->row));
	values = alloc_zeroed((h->count + 1) * h->moments, sizeof(*values));
	h->values = h->rest.value = values;
	for (size_t i = 0; i < h->count; i++) {
		h->row[i] = (struct history_row){ rank[i].site, values + (i + 1) * h->moments };
		row_of[rank[i].site] = (uint32_t)i + 1;
	}
	for (size_t i = 0; i < r->count; i++) {
		struct history_value *to = &values[row_of[r->held[i].site] * h->moments + r->held[i].moment];

		view_add(&to->bytes, r->held[i].value.bytes);
		view_add(&to->blocks, r->held[i].value.blocks);
	}
	free(row_of);
	free(rank);
}

int history_load(struct history *h, const struct view *newest, const char *const *file, size_t count,
	struct tide_error *e)
{
	struct reading r = { .newest = newest };
	int code = 0;

	memset(h, 0, sizeof(*h));
	if (newest->span.given || newest->by_thread)
		return 0;
	h->moments = count;
	h->moment = alloc_zeroed(count, sizeof(*h->moment));
	r.most = alloc_zeroed(newest->snapshot->site_count + 1, sizeof(*r.most));
	find_sizes(&r);
	for (size_t i = 1; i < count && !code; i++) {
		uint32_t moment = (uint32_t)(count - 1 - i);
		struct snapshot s = { 0 };

		code = snapshot_open(file[i], &s, e);
		if (code)
			break;
		h->moment[moment] =
			(struct history_moment){ .file = file[i], .elapsed_ns = s.process->elapsed_ns };
		read_moment(&r, h, &s, moment);
		snapshot_close(&s);
	}
	h->moment[count - 1].file = file[0];
	h->moment[count - 1].elapsed_ns = newest->snapshot->process->elapsed_ns;
	read_newest(&r, h);
	if (!code)
		make_rows(h, &r);
	else
		history_free(h);
	index_free(&r.sizes);
	free(r.most);
	free(r.held);
	return code;
}

void history_cut(struct history *h, uint64_t from_ns, uint64_t to_ns)
{
	size_t first = 0;

	if (!h->moments)
		return;
	while (h->moments && h->moment[h->moments - 1].elapsed_ns > to_ns)
		h->moments--;
	while (first < h->moments && h->moment[first].elapsed_ns < from_ns)
		first++;
	h->moments -= first;
	memmove(h->moment, h->moment + first, h->moments * sizeof(*h->moment));
	for (size_t i = 0; i < h->count; i++)
		h->row[i].value += first;
	h->rest.value += first;
}

void history_free(struct history *h)
{
	free(h->moment);
	free(h->row);
	free(h->values);
	memset(h, 0, sizeof(*h));
}
