/* view.c - selection (view.h, VW1-VW4). Patterns: match.c; sums: view_group.c. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "view.h"
#include "match.h"

static const char *const measure_name[MEASURES] = {
	"live_bytes",
	"live_blocks",
	"peak_bytes",
	"peak_blocks",
	"total_bytes",
	"total_blocks",
	"temporary",
	"reallocations",
	"lost_bytes",
	"lost_blocks",
};

static const char *const key_name[KEYS] = {
	"site",
	"function",
	"file",
	"line",
	"module",
	"thread",
	"stack",
	"size",
	"age",
	"type",
};

const char *view_measure_name(enum view_measure measure) { return measure_name[measure]; }

bool view_measure_is_bytes(enum view_measure m)
{
	return m == LIVE_BYTES || m == PEAK_BYTES || m == TOTAL_BYTES || m == LOST_BYTES;
}

struct view_pair view_pair_of(enum view_measure measure)
{
	switch (measure) {
	case PEAK_BYTES:
	case PEAK_BLOCKS: return (struct view_pair){ PEAK_BYTES, PEAK_BLOCKS, measure == PEAK_BLOCKS };
	case TOTAL_BYTES:
	case TOTAL_BLOCKS: return (struct view_pair){ TOTAL_BYTES, TOTAL_BLOCKS, measure == TOTAL_BLOCKS };
	case LOST_BYTES:
	case LOST_BLOCKS: return (struct view_pair){ LOST_BYTES, LOST_BLOCKS, measure == LOST_BLOCKS };
	case TEMPORARY:
	case REALLOCATIONS: return (struct view_pair){ MEASURES, measure, true };
	default: return (struct view_pair){ LIVE_BYTES, LIVE_BLOCKS, measure == LIVE_BLOCKS };
	}
}

bool view_is_past_peak(const struct view *v)
{
	return !v->span.given && (v->known & 1u << PEAK_BYTES)
		&& v->total.of[LIVE_BYTES] < v->total.of[PEAK_BYTES] / VIEW_LEFT_OF_PEAK;
}

bool view_measure_is_lost(enum view_measure m) { return m == LOST_BYTES || m == LOST_BLOCKS; }

int64_t view_value(const struct measures *m, enum view_measure measure)
{
	return measure < MEASURES ? m->of[measure] : 0;
}

const char *view_key_name(enum view_key key) { return key_name[key]; }

int view_measure_parse(const char *text, enum view_measure *measure)
{
	static const struct {
		const char *name;
		enum view_measure measure;
	} word[] = {
		{ "live", LIVE_BYTES },
		{ "size", LIVE_BYTES },
		{ "peak", PEAK_BYTES },
		{ "total", TOTAL_BYTES },
		{ "count", LIVE_BLOCKS },
		{ "blocks", LIVE_BLOCKS },
		{ "allocations", TOTAL_BLOCKS },
		{ "lost", LOST_BYTES },
	};

	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		if (!strcmp(text, word[i].name)) {
			*measure = word[i].measure;
			return 0;
		}
	for (unsigned i = 0; i < MEASURES; i++)
		if (!strcmp(text, measure_name[i])) {
			*measure = i;
			return 0;
		}
	return -1;
}

int view_key_parse(const char *text, enum view_key *key)
{
	for (unsigned i = 0; i < KEYS; i++)
		if (!strcmp(text, key_name[i])) {
			*key = i;
			return 0;
		}
	return -1;
}

static bool is_in_domain(uint32_t flags, enum view_domain domain)
{
	switch (domain) {
	case DOMAIN_BLOCKS: return !(flags & (SITE_MAPPING | SITE_TRACKED));
	case DOMAIN_MAPPINGS: return flags & SITE_MAPPING;
	case DOMAIN_TRACKED: return flags & SITE_TRACKED;
	default: return true;
	}
}

static int choose_intervals(struct view *v, const struct selection *o, struct tide_error *e)
{
	const struct snapshot *s = v->snapshot;

	if (selection_span(o, s, &v->span, e))
		return -1;
	if (v->span.given && !s->birth_count && s->process->live_blocks)
		return error_set(e, EXIT_UNMEASURED,
			"cannot tell when blocks were born|the snapshot holds "
			"counters only|take it from the running process, not after a kill");
	return 0;
}

static void take_from_sites(struct view *v)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 0; i < s->site_count; i++) {
		const struct tide_site *t = &s->sites[i];

		v->site[i] = (struct measures){ .of = {
							[LIVE_BYTES] = t->live_bytes,
							[LIVE_BLOCKS] = t->live_blocks,
							[PEAK_BYTES] = t->peak_bytes,
							[PEAK_BLOCKS] = t->peak_blocks,
							[TOTAL_BYTES] = (int64_t)t->total_bytes,
							[TOTAL_BLOCKS] = (int64_t)t->total_blocks,
							[TEMPORARY] = (int64_t)t->temporary,
							[REALLOCATIONS] = t->reallocations,
						} };
	}
	/* Blocks that were walked say nothing of those before them. */
	v->known = s->process->flags & PROCESS_UNPREPARED ? 1u << LIVE_BYTES | 1u << LIVE_BLOCKS
							  : (1u << LOST_BYTES) - 1;
}

uint8_t *view_sites_listed(const struct snapshot *s)
{
	uint8_t *listed = alloc_zeroed(s->site_count + 1, 1);
	int64_t *bytes = alloc_zeroed(s->site_count + 1, sizeof(*bytes));

	for (size_t i = 0; i < s->block_count; i++)
		if (s->blocks[i].site < s->site_count)
			view_add(&bytes[s->blocks[i].site], (int64_t)s->blocks[i].bytes);
	for (size_t i = 0; i < s->site_count; i++)
		listed[i] = s->block_count && bytes[i] == s->sites[i].live_bytes;
	free(bytes);
	return listed;
}

static void take_from_threads(struct view *v, const struct match *match)
{
	const struct snapshot *s = v->snapshot;
	uint8_t *listed = view_sites_listed(s);

	memset(v->site, 0, s->site_count * sizeof(*v->site));
	for (size_t i = 0; i < s->thread_site_count; i++) {
		const struct tide_thread_site *t = &s->thread_sites[i];
		struct measures *m;

		if (t->site >= s->site_count || !match_thread(match, t->thread))
			continue;
		m = &v->site[t->site];
		if (!listed[t->site]) {
			view_add(&m->of[LIVE_BYTES], t->live_bytes);
			view_add(&m->of[LIVE_BLOCKS], t->live_blocks);
		}
		view_add(&m->of[TOTAL_BYTES], (int64_t)t->total_bytes);
		view_add(&m->of[TOTAL_BLOCKS], (int64_t)t->total_blocks);
	}
	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];

		if (b->site >= s->site_count || !listed[b->site] || !match_thread(match, b->thread))
			continue;
		view_add(&v->site[b->site].of[LIVE_BYTES], (int64_t)b->bytes);
		view_add(&v->site[b->site].of[LIVE_BLOCKS], 1);
	}
	free(listed);
	v->known = 1u << LIVE_BYTES | 1u << LIVE_BLOCKS | 1u << TOTAL_BYTES | 1u << TOTAL_BLOCKS;
}

static void take_from_births(struct view *v)
{
	const struct snapshot *s = v->snapshot;

	for (size_t i = 0; i < s->site_count; i++)
		v->site[i].of[LIVE_BYTES] = v->site[i].of[LIVE_BLOCKS] = 0;
	for (size_t i = 0; i < s->birth_count; i++) {
		const struct tide_birth *b = &s->births[i];

		if (b->site >= s->site_count || b->interval < v->span.first || b->interval > v->span.last)
			continue;
		view_add(&v->site[b->site].of[LIVE_BYTES], (int64_t)b->live_bytes);
		view_add(&v->site[b->site].of[LIVE_BLOCKS], (int64_t)b->live_blocks);
	}
}

/* Threads and intervals together: only the block list knows both. */
static int take_from_blocks(struct view *v, const struct match *match, struct tide_error *e)
{
	const struct snapshot *s = v->snapshot;

	if (!s->block_count && s->process->live_blocks)
		return error_set(e, EXIT_UNMEASURED,
			"cannot select by thread and by mark together|the "
			"snapshot has no list of blocks|take it with references, or use one of both");
	memset(v->site, 0, s->site_count * sizeof(*v->site));
	for (size_t i = 0; i < s->block_count; i++) {
		const struct tide_block *b = &s->blocks[i];

		if (b->site >= s->site_count || !match_thread(match, b->thread)
			|| !selection_has(&v->span, b->birth))
			continue;
		view_add(&v->site[b->site].of[LIVE_BYTES], (int64_t)b->bytes);
		view_add(&v->site[b->site].of[LIVE_BLOCKS], 1);
	}
	v->known = 1u << LIVE_BYTES | 1u << LIVE_BLOCKS;
	return 0;
}

int view_select(struct view *v, struct snapshot *s, struct symbols *symbols, const struct selection *o,
	enum view_domain domain, struct tide_error *e)
{
	struct match *match;
	int bad = 0;

	memset(v, 0, sizeof(*v));
	v->snapshot = s;
	v->symbols = symbols;
	if (choose_intervals(v, o, e))
		return -1;
	match = match_new(s, symbols, o, e);
	if (!match)
		return -1;
	v->site = alloc_zeroed(s->site_count + 1, sizeof(*v->site));
	v->kept = alloc_zeroed(s->site_count + 1, sizeof(*v->kept));
	v->has_blocks = alloc_zeroed(s->site_count + 1, sizeof(*v->has_blocks));
	v->by_thread = match_threads(match);
	if (v->by_thread && v->span.given) {
		bad = take_from_blocks(v, match, e);
	} else if (v->by_thread) {
		take_from_threads(v, match);
	} else {
		take_from_sites(v);
		if (v->span.given)
			take_from_births(v);
	}
	for (uint32_t i = 0; !bad && i < s->site_count; i++) {
		struct measures *m = &v->site[i];
		bool empty = v->span.given
			? !m->of[LIVE_BLOCKS] && !m->of[LIVE_BYTES]
			: !m->of[TOTAL_BLOCKS] && !m->of[LIVE_BYTES] && !m->of[LIVE_BLOCKS];

		v->has_blocks[i] = (!empty || s->sites[i].flags & SITE_OF_SIZE)
			&& is_in_domain(s->sites[i].flags, domain) && match_site(match, i);
		if (empty || !v->has_blocks[i]) {
			memset(m, 0, sizeof(*m));
			continue;
		}
		v->kept[i] = true;
		v->kept_count++;
		measures_add(&v->total, m);
	}
	match_free(match);
	if (bad) {
		free(v->site);
		free(v->kept);
		free(v->has_blocks);
		v->site = NULL;
		v->has_blocks = NULL;
		v->kept = NULL;
	}
	return bad;
}

int view_load(struct view *v, const char *path, const struct selection *o, enum view_domain domain,
	struct tide_error *e)
{
	struct snapshot *s = alloc_zeroed(1, sizeof(*s));
	struct symbols *symbols;

	memset(v, 0, sizeof(*v));
	if (snapshot_open(path, s, e)) {
		free(s);
		return -1;
	}
	symbols = symbols_new(s);
	if (view_select(v, s, symbols, o, domain, e)) {
		symbols_free(symbols);
		snapshot_close(s);
		free(s);
		return -1;
	}
	v->own = true;
	return 0;
}

void view_close(struct view *v)
{
	free(v->site);
	free(v->kept);
	free(v->has_blocks);
	if (v->own) {
		symbols_free(v->symbols);
		snapshot_close(v->snapshot);
		free(v->snapshot);
	}
	memset(v, 0, sizeof(*v));
}
