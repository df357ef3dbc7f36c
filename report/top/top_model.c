/* top_model.c - the numbers of the live view: top_model.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "top_model.h"

static int64_t add_up(int64_t a, int64_t b) { return (int64_t)((uint64_t)a + (uint64_t)b); }

static int64_t subtract(int64_t a, int64_t b) { return (int64_t)((uint64_t)a - (uint64_t)b); }

static void add_counts(struct top_counts *to, const struct top_counts *c)
{
	to->live_bytes = add_up(to->live_bytes, c->live_bytes);
	to->live_blocks = add_up(to->live_blocks, c->live_blocks);
	to->peak_bytes = add_up(to->peak_bytes, c->peak_bytes);
	to->total_bytes += c->total_bytes;
	to->total_blocks += c->total_blocks;
	to->temporary += c->temporary;
}

/* What is now becomes what was before; the old memory of `before` is used again. */
static void turn_sets(struct top_set *s, size_t count)
{
	struct top_counts *old = s->before;

	s->before = s->now;
	s->before_count = s->count;
	s->now = alloc_resize(old, count * sizeof(*old));
	memset(s->now, 0, count * sizeof(*s->now));
	s->count = count;
}

static void set_mark(struct top_set *s)
{
	s->mark = alloc_resize(s->mark, s->count * sizeof(*s->mark));
	memcpy(s->mark, s->now, s->count * sizeof(*s->now));
	s->mark_count = s->count;
}

static void free_set(struct top_set *s)
{
	free(s->now);
	free(s->before);
	free(s->mark);
	*s = (struct top_set){ 0 };
}

static bool is_heap(const struct snapshot *s, uint32_t site)
{
	return !(s->sites[site].flags & (SITE_MAPPING | SITE_TRACKED));
}

static void take_sites(struct top_model *m, const struct snapshot *s)
{
	turn_sets(&m->sites, s->site_count ? s->site_count : 1);
	for (uint32_t i = 1; i < s->site_count; i++) {
		const struct tide_site *from = &s->sites[i];

		if (is_heap(s, i))
			m->sites.now[i] = (struct top_counts){ from->live_bytes, from->live_blocks,
				from->peak_bytes, from->total_bytes, from->total_blocks, from->temporary };
	}
	turn_sets(&m->threads, s->thread_count ? s->thread_count : 1);
	for (size_t i = 0; i < s->thread_site_count; i++) {
		const struct tide_thread_site *from = &s->thread_sites[i];
		struct top_counts c = { from->live_bytes, from->live_blocks, 0, from->total_bytes,
			from->total_blocks, 0 };

		if (from->thread < m->threads.count && from->site < s->site_count && is_heap(s, from->site))
			add_counts(&m->threads.now[from->thread], &c);
	}
}

static void add_moment(struct top_model *m, uint64_t ns, int64_t live_bytes)
{
	size_t kept = 0;

	if (!m->moments)
		m->moments = alloc_bytes(TOP_MOMENTS * sizeof(*m->moments));
	if (m->moment_count && ns <= m->moments[m->moment_count - 1].ns)
		return;
	if (m->moment_count == TOP_MOMENTS) {
		for (size_t i = 0; i < m->moment_count; i += 2)
			m->moments[kept++] = m->moments[i];
		m->moment_count = kept;
	}
	m->moments[m->moment_count++] = (struct top_moment){ ns, live_bytes };
}

void top_model_take(struct top_model *m, const struct snapshot *s)
{
	struct tide_process before = m->process;
	double seconds;

	take_sites(m, s);
	m->process = *s->process;
	m->before_ns = m->now_ns;
	m->now_ns = s->process->elapsed_ns;
	if (!m->updates) /* the earlier part of the run, as the process recorded it */
		for (size_t i = 0; i < s->point_count; i++)
			add_moment(m, s->timeline[i].elapsed_ns, s->timeline[i].live_bytes);
	add_moment(m, m->now_ns, (int64_t)m->process.live_bytes);
	if (m->updates) {
		seconds = m->now_ns > m->before_ns ? (double)(m->now_ns - m->before_ns) / 1e9 : 0;
		m->bytes_per_second = seconds > 0 && m->process.total_bytes >= before.total_bytes
			? (double)(m->process.total_bytes - before.total_bytes) / seconds
			: 0;
		m->blocks_per_second = seconds > 0 && m->process.total_blocks >= before.total_blocks
			? (double)(m->process.total_blocks - before.total_blocks) / seconds
			: 0;
	}
	if (!m->updates++)
		top_model_mark(m);
}

void top_model_mark(struct top_model *m)
{
	set_mark(&m->sites);
	set_mark(&m->threads);
	m->mark_ns = m->now_ns;
	m->mark_live_bytes = (int64_t)m->process.live_bytes;
	m->mark_live_blocks = (int64_t)m->process.live_blocks;
}

void top_model_free(struct top_model *m)
{
	free_set(&m->sites);
	free_set(&m->threads);
	free(m->moments);
	*m = (struct top_model){ 0 };
}

void top_model_curve(const struct top_model *m, double *values, size_t cells)
{
	uint64_t end = m->moment_count ? m->moments[m->moment_count - 1].ns : 0;
	double last = 0;
	size_t i = 0;

	for (size_t k = 0; k < cells; k++) {
		uint64_t to = end / cells * (k + 1) + end % cells * (k + 1) / cells;

		values[k] = last;
		for (; i < m->moment_count && (m->moments[i].ns <= to || k + 1 == cells); i++) {
			last = m->moments[i].live_bytes > 0 ? (double)m->moments[i].live_bytes : 0;
			if (last > values[k])
				values[k] = last;
		}
	}
}

double top_model_value(const struct top_row *row, enum top_sort sort)
{
	switch (sort) {
	case TOP_LIVE: return (double)row->now.live_bytes;
	case TOP_BLOCKS: return (double)row->now.live_blocks;
	case TOP_GROWTH: return (double)row->growth_bytes;
	case TOP_RATE: return row->rate;
	case TOP_PEAK: return (double)row->now.peak_bytes;
	case TOP_TOTAL: return (double)row->now.total_bytes;
	case TOP_ALLOCATIONS: return (double)row->now.total_blocks;
	case TOP_TEMPORARY: return (double)row->now.temporary;
	default: return 0;
	}
}

static int compare_rows(const void *a, const void *b, void *sort)
{
	const struct top_row *x = a, *y = b;
	double p = top_model_value(x, *(enum top_sort *)sort), q = top_model_value(y, *(enum top_sort *)sort);

	if (p != q)
		return p < q ? 1 : -1;
	if (x->now.live_bytes != y->now.live_bytes)
		return x->now.live_bytes < y->now.live_bytes ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

static void add_row(struct top_row *row, const struct top_model *m, const struct top_set *s, uint32_t i)
{
	static const struct top_counts none;
	const struct top_counts *now = &s->now[i];
	const struct top_counts *before = i < s->before_count ? &s->before[i] : &none;
	const struct top_counts *mark = i < s->mark_count ? &s->mark[i] : &none;
	uint64_t ns = m->now_ns > m->before_ns ? m->now_ns - m->before_ns : 0;

	add_counts(&row->now, now);
	row->growth_bytes = add_up(row->growth_bytes, subtract(now->live_bytes, mark->live_bytes));
	row->growth_blocks = add_up(row->growth_blocks, subtract(now->live_blocks, mark->live_blocks));
	if (m->updates > 1 && ns && now->total_bytes > before->total_bytes)
		row->rate += (double)(now->total_bytes - before->total_bytes) * 1e9 / (double)ns;
	if (s == &m->sites && (!row->site || now->live_bytes > row->most)) {
		row->site = i;
		row->most = now->live_bytes;
	}
	row->sites++;
}

struct top_row *top_model_rows(const struct top_model *m, const struct top_query *q, size_t *count)
{
	const struct top_set *s = q->group == TOP_THREAD ? &m->threads : &m->sites;
	bool by_name = q->group == TOP_FUNCTION || q->group == TOP_MODULE;
	size_t room = by_name ? q->name_count : s->count, n = 0;
	struct top_row *row = alloc_zeroed(room ? room : 1, sizeof(*row));
	enum top_sort sort = q->sort;

	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t key = by_name ? q->name[i] : i;

		if ((!s->now[i].total_blocks && !s->now[i].live_blocks) || (q->keep && !q->keep[i])
			|| key >= room)
			continue;
		row[key].key = key;
		add_row(&row[key], m, s, i);
	}
	for (size_t i = 0; i < room; i++)
		if (row[i].sites)
			row[n++] = row[i];
	qsort_r(row, n, sizeof(*row), compare_rows, &sort);
	*count = n;
	return row;
}
