/* gate_sites.c - sites of several processes and snapshots, put together by key. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/path.h"
#include "symbol/demangle.h"
#include "gate_private.h"
#include "symbol/name.h"
#include "symbol/site_key.h"

/* A site of one snapshot. Sorted by key, process, step, site. */
struct entry {
	uint64_t key;
	uint32_t process, step, site;
};

struct entries {
	struct entry *list;
	size_t count, capacity;
};

static int compare_entries(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	return (a->site > b->site) - (a->site < b->site);
}

static void add_entry(struct entries *e, struct entry one)
{
	*ARRAY_ADD(e->list, e->count, e->capacity) = one;
}

/* The row of SECTION_ROUNDS for each site; NULL where it has none. To free. */
static const struct tide_rounds **index_rounds(const struct snapshot *s)
{
	const struct tide_rounds **row = alloc_zeroed(s->site_count + 1, sizeof *row);

	for (size_t i = 0; i < s->rounds_count; i++)
		if (s->rounds[i].site < s->site_count)
			row[s->rounds[i].site] = &s->rounds[i];
	return row;
}

static void collect_entries(struct gate_process *p, uint32_t process, bool series, struct entries *e)
{
	for (size_t k = series ? 0 : p->step_count - 1; k < p->step_count; k++) {
		const struct snapshot *s = &p->steps[k];
		struct site_keys *keys = site_keys_new(s, p->symbols[k]);
		const struct tide_rounds **row = k + 1 == p->step_count ? index_rounds(s) : NULL;

		for (uint32_t i = 1; i < s->site_count; i++) {
			/* Mappings and tracked domains do not count in the sums of the heap. */
			if (s->sites[i].flags & (SITE_MAPPING | SITE_TRACKED | SITE_ERROR))
				continue;
			if (s->sites[i].live_blocks > 0 || (row && row[i]))
				add_entry(e, (struct entry){ site_key(keys, i), process, (uint32_t)k, i });
		}
		free(row);
		site_keys_free(keys);
	}
}

/* The place shown: the first line inside the source tree, allocators last; else the caller of the
 * allocator. */
void gate_spot_find(struct gate_sources *s, struct gate_origin o, struct gate_spot *site)
{
	struct gate_process *p = &s->processes[o.process];
	struct symbols *symbols = p->symbols[p->step_count - 1];
	size_t count, caller = symbols_allocated(symbols, o.site);
	const struct symbol_line *line = symbols_stack(symbols, o.site, &count);
	char plain[512];

	*site = (struct gate_spot){ 0 };

	if (caller >= count)
		caller = 0;
	if (count && !line[caller].has_symbol && line[caller].module) {
		/* An offset would change with every build of the module. */
		site->caller = alloc_string(path_base(line[caller].module));
		site->function = alloc_string(site->caller);
	} else if (count) {
		demangle_plain(line[caller].function, plain, sizeof plain);
		site->caller = alloc_string(plain);
		site->function = name_function(line[caller].function, false);
	} else {
		site->caller = alloc_string("?");
		site->function = alloc_string("?");
	}
	for (size_t k = 0; k < count; k++) {
		size_t i = (caller + k) % count; /* from the caller out; wrappers last */
		const char *file = line[i].file ? source_root_relative(s->roots, line[i].file) : NULL;

		if (!file)
			continue;
		free(site->function);
		site->function = name_function(line[i].function, false);
		site->file = alloc_string(file);
		site->line = line[i].line;
		return;
	}
}

void gate_spot_free(struct gate_spot *spot)
{
	free(spot->function), free(spot->caller), free(spot->file);
	*spot = (struct gate_spot){ 0 };
}

static int compare_lines(const void *x, const void *y)
{
	const struct gate_line *a = x, *b = y;
	int order = strcmp(a->file ? a->file : "", b->file ? b->file : "");

	return order ? order : (a->line > b->line) - (a->line < b->line);
}

/* Adds lost blocks to those of their line. */
static void add_line(
	struct gate_sources *s, struct gate_site *site, struct gate_origin o, const struct gate_lost *lost)
{
	struct gate_spot spot;
	struct gate_line *l;
	size_t i = 0;

	if (!lost->lost_blocks)
		return;
	gate_spot_find(s, o, &spot);
	while (i < site->line_count
		&& compare_lines(
			&site->lines[i], &(struct gate_line){ .file = spot.file, .line = spot.line }))
		i++;
	if (i == site->line_count) {
		*ARRAY_ADD(site->lines, site->line_count, site->line_capacity) = (struct gate_line){
			.file = spot.file ? alloc_string(spot.file) : NULL, .line = spot.line, .origin = o
		};
	}
	gate_spot_free(&spot);
	l = &site->lines[i];
	l->lost_blocks += lost->lost_blocks, l->lost_bytes += lost->lost_bytes;
	l->unreferenced_blocks += lost->unreferenced_blocks,
		l->unreferenced_bytes += lost->unreferenced_bytes;
	l->cycle_blocks += lost->cycle_blocks, l->cycle_bytes += lost->cycle_bytes;
	l->below_blocks += lost->below_blocks, l->below_bytes += lost->below_bytes;
	gate_types_add(&l->types, &lost->types);
}

static void set_place(struct gate_sources *s, struct gate_site *site, struct gate_origin o)
{
	struct gate_spot spot;

	gate_spot_find(s, o, &spot);
	site->function = spot.function;
	site->caller = spot.caller;
	site->file = spot.file;
	site->line = spot.line;
}

static bool match_suppression(
	struct gate_sources *s, const struct gate_source *source, const struct gate_origin *o)
{
	struct gate_process *p = &s->processes[o->process];
	size_t count;
	const struct symbol_line *line = symbols_stack(p->symbols[p->step_count - 1], o->site, &count);
	int rule = suppress_match(source->rules->suppress, SUPPRESS_REACHABLE, line, count);
	int owner;

	if (rule < 0)
		return false;
	owner = (size_t)rule < source->rules->owner_count ? source->rules->owner[rule] : GATE_BUILT_IN;
	if (owner >= 0 && (size_t)owner < source->config->suppression_count)
		source->rules->used[owner] = true;
	return true;
}

/* Growth of one key in one process: from its rounds, or from its snapshots. */
struct series {
	uint32_t *least; /* [capacity] */
	size_t capacity;
};

static void begin_series(struct series *r, size_t buckets)
{
	ARRAY_RESERVE(r->least, r->capacity, buckets);
	memset(r->least, 0, buckets * sizeof *r->least);
}

static void add_saturated(uint32_t *to, uint64_t n)
{
	*to = n > UINT32_MAX - *to ? UINT32_MAX : *to + (uint32_t)n;
}

/* Entries e[0..count) are of one key and one process. */
static void find_growth(struct gate_process *p, const struct entry *e, size_t count,
	const struct gate_source *source, const struct tide_rounds **row, struct series *r,
	struct gate_site *site)
{
	const struct snapshot *last = &p->steps[p->step_count - 1];
	uint64_t rounds = snapshot_value(last, "rounds"), width = snapshot_value(last, "rounds.width");
	struct growth g;

	if (rounds && rounds < source->min_rounds)
		return;
	if (rounds) {
		begin_series(r, TIDE_ROUND_BUCKETS);
		for (size_t i = 0; i < count; i++)
			for (size_t b = 0;
				e[i].step + 1 == p->step_count && row[e[i].site] && b < TIDE_ROUND_BUCKETS;
				b++)
				add_saturated(&r->least[b], row[e[i].site]->least[b]);
		if (growth_find(r->least, TIDE_ROUND_BUCKETS, rounds, width, &g))
			return;
	} else {
		begin_series(r, p->step_count);
		for (size_t i = 0; i < count; i++)
			add_saturated(&r->least[e[i].step],
				(uint64_t)p->steps[e[i].step].sites[e[i].site].live_blocks);
		if (growth_find(r->least, p->step_count, p->step_count, 1, &g))
			return;
	}
	if (g.grows && (!site->growth.grows || g.per_round > site->growth.per_round))
		site->growth = g;
}

static void add_entry_sums(struct gate_sources *s, const struct entry *e, const struct gate_lost *lost,
	struct gate_site *site, uint64_t *most, struct gate_origin *origin)
{
	const struct gate_process *p = &s->processes[e->process];
	const struct tide_site *from = &p->steps[p->step_count - 1].sites[e->site];
	uint64_t weight = (uint64_t)(from->live_bytes > 0 ? from->live_bytes : 0) + 1;

	site->live_blocks += (uint64_t)(from->live_blocks > 0 ? from->live_blocks : 0);
	site->live_bytes += (uint64_t)(from->live_bytes > 0 ? from->live_bytes : 0);
	site->peak_bytes += (uint64_t)(from->peak_bytes > 0 ? from->peak_bytes : 0);
	site->total_blocks += from->total_blocks;
	site->total_bytes += from->total_bytes;
	site->lost_blocks += lost->lost_blocks;
	site->lost_bytes += lost->lost_bytes;
	site->unreferenced_blocks += lost->unreferenced_blocks;
	site->unreferenced_bytes += lost->unreferenced_bytes;
	site->cycle_blocks += lost->cycle_blocks;
	site->cycle_bytes += lost->cycle_bytes;
	site->below_blocks += lost->below_blocks;
	site->below_bytes += lost->below_bytes;
	gate_types_add(&site->types, &lost->types);
	/* The stack shown is that of the largest; a lost one before any other. */
	if (lost->lost_blocks)
		weight += UINT64_MAX / 2;
	if (weight > *most) {
		*most = weight;
		*origin = (struct gate_origin){ e->process, e->site };
	}
}

static void merge_key(struct gate_sources *s, struct gate_lost *const *lost, const struct gate_source *source,
	const struct tide_rounds ***rows, const struct entry *e, size_t count, struct series *series,
	struct gate_measure *m)
{
	struct gate_site *site = &m->sites[m->site_count];
	struct gate_origin *origin = &s->origins[m->site_count];
	uint64_t most = 0;
	char key[SITE_KEY_TEXT];

	*site = (struct gate_site){ .origin = m->site_count };
	for (size_t i = 0; i < count; i++)
		if (e[i].step + 1 == s->processes[e[i].process].step_count) {
			add_entry_sums(s, &e[i], &lost[e[i].process][e[i].site], site, &most, origin);
			add_line(s, site, (struct gate_origin){ e[i].process, e[i].site },
				&lost[e[i].process][e[i].site]);
		}
	if (site->line_count)
		qsort(site->lines, site->line_count, sizeof *site->lines, compare_lines);
	if (!most)
		return; /* in earlier snapshots only */
	for (size_t i = 0, next; i < count && (source->rounds || source->series); i = next) {
		for (next = i + 1; next < count && e[next].process == e[i].process;)
			next++;
		find_growth(&s->processes[e[i].process], &e[i], next - i, source, rows[e[i].process], series,
			site);
	}
	site->key = alloc_string(site_key_text(e->key, key));
	set_place(s, site, *origin);
	site->suppressed = match_suppression(s, source, origin);
	m->site_count++;
}

static int compare_site_keys(const void *a, const void *b)
{
	return strcmp(((const struct gate_site *)a)->key, ((const struct gate_site *)b)->key);
}

void gate_sites_merge(struct gate_sources *s, struct gate_lost *const *lost, const struct gate_source *source,
	struct gate_measure *m)
{
	struct entries e = { NULL, 0, 0 };
	struct series series = { NULL, 0 };
	const struct tide_rounds ***rows = alloc_zeroed(s->count + 1, sizeof *rows);
	size_t keys = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		rows[i] = index_rounds(&s->processes[i].steps[s->processes[i].step_count - 1]);
		collect_entries(&s->processes[i], i, source->series, &e);
	}
	if (e.count)
		qsort(e.list, e.count, sizeof *e.list, compare_entries);
	for (size_t i = 0; i < e.count; i++)
		keys += !i || e.list[i].key != e.list[i - 1].key;
	m->sites = alloc_bytes((keys + 1) * sizeof *m->sites);
	s->origins = alloc_bytes((keys + 1) * sizeof *s->origins);
	s->origin_count = keys;
	for (size_t i = 0, next; i < e.count; i = next) {
		for (next = i + 1; next < e.count && e.list[next].key == e.list[i].key;)
			next++;
		merge_key(s, lost, source, rows, &e.list[i], next - i, &series, m);
	}
	/* The text's order is the number's, but nothing should depend on that. */
	if (m->site_count)
		qsort(m->sites, m->site_count, sizeof *m->sites, compare_site_keys);
	for (size_t i = 0; i < s->count; i++)
		free(rows[i]);
	free(rows), free(e.list), free(series.least);
}
