/* gate_judge.c - from what was measured to findings: gate.h. */
#include "base/alloc.h"
#include "gate.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/units.h"
#include "gate_refleaks.h"
#include "gate_waste.h"
#include "gate_unmeasured.h"
#include "gate_value.h"

struct judge {
	const struct gate_config *c;
	const struct gate_scenario *s;
	const struct gate_measure *m;
	const struct gate_baseline *baseline; /* NULL: none */
	const struct gate_base_site **before; /* of each measured site; NULL: new */
	const struct gate_site_rule **rule;   /* of each measured site; NULL: none */
	struct gate_result *r;
};

static const struct gate_base_site nothing;

static char *format_limit(enum gate_limit_key key, const struct gate_limit *l)
{
	return alloc_printf("%s = %s", gate_limit_name[key], l->text);
}

static char *copy_text(const char *s) { return s ? alloc_string(s) : NULL; }

/* A glob for a path: the whole of it, or what follows any `/`. */
static bool match_file(const char *glob, const char *file)
{
	for (const char *p = file; p; p = strchr(p, '/')) {
		p += p != file;
		if (!fnmatch(glob, p, 0))
			return true;
	}
	return false;
}

static bool match_rule(const struct gate_site_rule *rule, const struct gate_site *site)
{
	if (fnmatch(rule->function, site->function ? site->function : "", 0)
		&& fnmatch(rule->function, site->caller ? site->caller : "", 0))
		return false;
	return !rule->file || (site->file && match_file(rule->file, site->file));
}

/* The limit for one site: its rule's, else the scenario's. */
static const struct gate_limit *find_limit(const struct judge *j, size_t i, enum gate_limit_key key)
{
	const struct gate_site_rule *rule = j->rule[i];

	return rule && rule->limits.of[key].kind != LIMIT_UNSET ? &rule->limits.of[key]
								: &j->s->limits.of[key];
}

static bool has_own_limit(const struct judge *j, size_t i, enum gate_limit_key key)
{
	return j->rule[i] && j->rule[i]->limits.of[key].kind != LIMIT_UNSET;
}

static const struct gate_base_site *find_base(const struct judge *j, size_t i)
{
	return j->before[i] ? j->before[i] : &nothing;
}

static struct gate_finding *add_site_finding(
	struct judge *j, size_t i, enum gate_kind kind, bool fails, int key, const struct gate_limit *limit)
{
	const struct gate_site *site = &j->m->sites[i];
	struct gate_finding *f = gate_finding_add(j->r, kind, fails);

	f->key = copy_text(site->key);
	f->site = i;
	f->function = copy_text(site->function);
	f->file = copy_text(site->file);
	f->line = site->line;
	f->owner = j->rule[i] ? copy_text(j->rule[i]->owner) : NULL;
	f->limit_key = key;
	f->limit = limit ? format_limit(key, limit) : NULL;
	return f;
}

static char *format_blocks(uint64_t blocks, uint64_t bytes)
{
	return alloc_printf("%" PRIu64 " block%s, %" PRIu64 " byte%s", blocks, blocks == 1 ? "" : "s", bytes,
		bytes == 1 ? "" : "s");
}

static uint64_t count_excess(const struct judge *j, size_t i)
{
	uint64_t lost = j->m->sites[i].lost_blocks, held = find_base(j, i)->lost_blocks;

	return lost > held ? lost - held : 0;
}

/* `site`: of the whole key, or of one line of it. */
static struct gate_finding *add_leaked_part(struct judge *j, size_t i, enum gate_kind kind, bool fails,
	const struct gate_limit *limit, const struct gate_line *site)
{
	static const char *const how[] = { "", " in a cycle", " below other lost blocks" };
	struct gate_finding *f = add_site_finding(j, i, kind, fails, GATE_LEAKED, limit);
	enum leak_kind lost = kind == GATE_KIND_CYCLE ? LEAK_CYCLE
		: site->unreferenced_blocks           ? LEAK_UNREFERENCED
						      : LEAK_INDIRECT;
	char *what, *base = NULL, *below = NULL;

	f->blocks = lost == LEAK_CYCLE  ? site->cycle_blocks
		: lost == LEAK_INDIRECT ? site->lost_blocks
					: site->unreferenced_blocks;
	f->bytes = lost == LEAK_CYCLE   ? site->cycle_bytes
		: lost == LEAK_INDIRECT ? site->lost_bytes
					: site->unreferenced_bytes;
	f->type = copy_text(gate_type_name(j->m, &site->types, lost));
	what = format_blocks(f->blocks, f->bytes);
	if (find_base(j, i)->lost_blocks)
		base = alloc_printf("; the baseline holds %" PRIu64, find_base(j, i)->lost_blocks);
	if (site->below_blocks)
		below = format_blocks(site->below_blocks, site->below_bytes);
	f->message = alloc_printf("%s lost%s%s%s%s%s", what, how[lost], base ? base : "",
		below ? ", and " : "", below ? below : "", below ? " below them" : "");
	free(what), free(base), free(below);
	return f;
}

/* One finding for each line that loses blocks. Where the baseline holds some of them, nobody knows of which
 * line: its keys are made of names. */
static void add_leaked(
	struct judge *j, size_t i, enum gate_kind kind, bool fails, const struct gate_limit *limit)
{
	const struct gate_site *site = &j->m->sites[i];
	const struct gate_line whole = { .lost_blocks = site->lost_blocks,
		.lost_bytes = site->lost_bytes,
		.unreferenced_blocks = site->unreferenced_blocks,
		.unreferenced_bytes = site->unreferenced_bytes,
		.cycle_blocks = site->cycle_blocks,
		.cycle_bytes = site->cycle_bytes,
		.below_blocks = site->below_blocks,
		.below_bytes = site->below_bytes,
		.types = site->types };
	unsigned part = 0;

	if (site->line_count < 2 || find_base(j, i)->lost_blocks) {
		add_leaked_part(j, i, kind, fails, limit, &whole);
		return;
	}
	for (size_t k = 0; k < site->line_count; k++) {
		const struct gate_line *l = &site->lines[k];
		struct gate_finding *f;

		if (kind == GATE_KIND_CYCLE ? !l->cycle_blocks
					    : site->unreferenced_blocks && !l->unreferenced_blocks)
			continue;
		f = add_leaked_part(j, i, kind, fails, limit, l);
		free(f->file);
		f->file = copy_text(l->file);
		f->line = l->line;
		f->has_origin = true;
		f->origin = l->origin;
		f->part = part++;
	}
}

/* Lost blocks that no baseline holds: the sum against the limit; sites with a limit of their own apart. */
static void judge_leaked(struct judge *j)
{
	const struct gate_limit *common = &j->s->limits.of[GATE_LEAKED];
	uint64_t total = 0;
	size_t heads = 0;
	bool fails;

	for (size_t i = 0; i < j->m->site_count; i++) {
		const struct gate_site *site = &j->m->sites[i];

		if (has_own_limit(j, i, GATE_LEAKED) || !count_excess(j, i))
			continue;
		total += count_excess(j, i);
		heads += site->unreferenced_blocks || site->cycle_blocks;
	}
	fails = gate_limit_holds(common) && total > common->number;
	for (size_t i = 0; i < j->m->site_count; i++) {
		const struct gate_site *site = &j->m->sites[i];
		const struct gate_limit *limit = find_limit(j, i, GATE_LEAKED);
		uint64_t excess = count_excess(j, i);
		bool own = has_own_limit(j, i, GATE_LEAKED);
		bool red = own ? gate_limit_holds(limit) && excess > limit->number : fails;

		if (!excess)
			continue;
		if (site->cycle_blocks)
			add_leaked(j, i, GATE_KIND_CYCLE, red, limit);
		/* Blocks below a lost block are counted in its finding, unless only they grew. */
		if (site->unreferenced_blocks || (!site->cycle_blocks && (own || !heads)))
			add_leaked(j, i, GATE_KIND_LEAKED, red, limit);
	}
}

/* Of a block of the site; where all are freed at the end, of all it ever made. */
static double compute_mean_bytes(const struct gate_site *s)
{
	if (s->live_blocks)
		return (double)s->live_bytes / (double)s->live_blocks;
	return s->total_blocks ? (double)s->total_bytes / (double)s->total_blocks : 0;
}

static void judge_growth(struct judge *j)
{
	const struct gate_limit *common = &j->s->limits.of[GATE_GROWTH];
	uint64_t growing = 0;
	bool fails;

	for (size_t i = 0; i < j->m->site_count; i++)
		growing += j->m->sites[i].growth.grows && !j->m->sites[i].suppressed
			&& !has_own_limit(j, i, GATE_GROWTH);
	fails = gate_limit_holds(common) && growing > common->number;
	for (size_t i = 0; i < j->m->site_count; i++) {
		const struct gate_site *site = &j->m->sites[i];
		const struct gate_limit *limit = find_limit(j, i, GATE_GROWTH);
		const uint64_t *w = site->growth.floor;
		double bytes = compute_mean_bytes(site), bytes_held;
		struct gate_finding *f;

		if (!site->growth.grows || site->suppressed)
			continue;
		f = add_site_finding(j, i, GATE_KIND_GROWING,
			has_own_limit(j, i, GATE_GROWTH) ? gate_limit_holds(limit) && limit->number == 0
							 : fails,
			GATE_GROWTH, limit);
		f->blocks = w[GROWTH_WINDOWS - 1];
		bytes_held = (double)f->blocks * bytes;
		f->bytes =
			bytes_held < 0x1p63 ? (uint64_t)bytes_held : UINT64_MAX; /* a file may say anything */
		f->message = alloc_printf("the least it held rose in five windows: %" PRIu64 ", %" PRIu64
					  ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
					  " blocks; %.3g block%s, %.3g bytes per round",
			w[0], w[1], w[2], w[3], w[4], site->growth.per_round,
			site->growth.per_round == 1 ? "" : "s", site->growth.per_round * bytes);
	}
}

/* Reachable at the end. */
static void count_reachable(const struct gate_site *s, uint64_t *blocks, uint64_t *bytes)
{
	*blocks = s->live_blocks > s->lost_blocks ? s->live_blocks - s->lost_blocks : 0;
	*bytes = s->live_bytes > s->lost_bytes ? s->live_bytes - s->lost_bytes : 0;
}

static bool is_above(const struct gate_limit *l, uint64_t blocks, uint64_t bytes, uint64_t base_blocks,
	uint64_t base_bytes)
{
	switch (l->kind) {
	case LIMIT_SIZE: return bytes > l->number;
	case LIMIT_MORE_BLOCKS: return blocks > base_blocks && blocks - base_blocks > l->number;
	case LIMIT_MORE_SIZE: return bytes > base_bytes && bytes - base_bytes > l->number;
	/* A millionth of a byte for what decimal fractions do to 10 %. */
	case LIMIT_MORE_PERCENT: return (double)bytes > (double)base_bytes * (1 + l->percent / 100) + 1e-6;
	default: return false;
	}
}

static void set_sizes_message(struct gate_finding *f, const char *what, const char *where, uint64_t limit)
{
	char now[UNITS_TEXT], most[UNITS_TEXT];

	f->message = alloc_printf("%s %s (%" PRIu64 " bytes), %s %s", what,
		units_bytes(now, (int64_t)f->bytes), f->bytes, where, units_bytes(most, (int64_t)limit));
}

/* The site to look at first when the whole is too large. */
static size_t find_largest(const struct judge *j)
{
	size_t most = SIZE_MAX;
	uint64_t most_bytes = 0;

	for (size_t i = 0; i < j->m->site_count; i++) {
		uint64_t blocks, bytes;

		count_reachable(&j->m->sites[i], &blocks, &bytes);
		if (most == SIZE_MAX || bytes > most_bytes
			|| (bytes == most_bytes && strcmp(j->m->sites[i].key, j->m->sites[most].key) < 0)) {
			most = i;
			most_bytes = bytes;
		}
	}
	return most;
}

static struct gate_finding *add_whole_finding(struct judge *j, enum gate_kind kind, enum gate_limit_key key)
{
	size_t i = find_largest(j);
	struct gate_finding *f;

	if (i == SIZE_MAX) {
		f = gate_finding_add(j->r, kind, true);
		f->limit_key = key;
		f->limit = format_limit(key, &j->s->limits.of[key]);
		return f;
	}
	f = add_site_finding(j, i, kind, true, key, &j->s->limits.of[key]);
	/* The finding is about the whole: a second run need not have the same largest site. */
	free(f->key), free(f->owner);
	f->key = f->owner = NULL;
	return f;
}

static void judge_live(struct judge *j)
{
	const struct gate_limit *common = &j->s->limits.of[GATE_LIVE];
	uint64_t all_blocks = 0, all_bytes = 0, blocks, bytes;

	for (size_t i = 0; i < j->m->site_count; i++) {
		const struct gate_site *site = &j->m->sites[i];
		const struct gate_limit *limit = find_limit(j, i, GATE_LIVE);
		struct gate_base_site base = *find_base(j, i);
		struct gate_finding *f;

		count_reachable(site, &blocks, &bytes);
		all_blocks += blocks;
		all_bytes += bytes;
		base.live_blocks -= base.lost_blocks;
		base.live_bytes = base.live_bytes > base.lost_bytes ? base.live_bytes - base.lost_bytes : 0;
		if (!gate_limit_is_relative(limit) || site->suppressed
			|| !is_above(limit, blocks, bytes, base.live_blocks, base.live_bytes))
			continue;
		f = add_site_finding(j, i, GATE_KIND_OVER_BASELINE, true, GATE_LIVE, limit);
		f->blocks = blocks;
		f->bytes = bytes;
		f->message = alloc_printf("reachable at the end: %" PRIu64 " blocks, %" PRIu64
					  " bytes; the baseline holds %" PRIu64 " and %" PRIu64,
			blocks, bytes, base.live_blocks, base.live_bytes);
	}
	if (common->kind == LIMIT_SIZE && all_bytes > common->number) {
		struct gate_finding *f = add_whole_finding(j, GATE_KIND_OVER_BUDGET, GATE_LIVE);

		f->blocks = all_blocks;
		f->bytes = all_bytes;
		set_sizes_message(f, "reachable at the end:", "the limit is", common->number);
	}
}

static void judge_peak(struct judge *j)
{
	const struct gate_limit *l = &j->s->limits.of[GATE_PEAK];
	uint64_t base = j->baseline ? j->baseline->peak_bytes : 0;
	struct gate_finding *f;

	if (!is_above(l, 0, j->m->peak_bytes, 0, base))
		return;
	f = add_whole_finding(
		j, gate_limit_is_relative(l) ? GATE_KIND_OVER_BASELINE : GATE_KIND_OVER_BUDGET, GATE_PEAK);
	f->bytes = j->m->peak_bytes;
	set_sizes_message(f, "peak", gate_limit_is_relative(l) ? "the baseline has" : "the limit is",
		gate_limit_is_relative(l) ? base : l->number);
}

static void judge_rss(struct judge *j)
{
	const struct gate_limit *l = &j->s->limits.of[GATE_RSS];
	uint64_t base = j->baseline ? j->baseline->rss_bytes : 0;
	struct gate_finding *f;

	if (!is_above(l, 0, j->m->rss_bytes, 0, base))
		return;
	f = gate_finding_add(
		j->r, gate_limit_is_relative(l) ? GATE_KIND_OVER_BASELINE : GATE_KIND_OVER_BUDGET, true);
	f->limit_key = GATE_RSS;
	f->limit = format_limit(GATE_RSS, l);
	f->bytes = j->m->rss_bytes;
	set_sizes_message(f, "resident without the profiler",
		gate_limit_is_relative(l) ? "the baseline has" : "the limit is",
		gate_limit_is_relative(l) ? base : l->number);
}

static void judge_errors(struct judge *j)
{
	const struct gate_limit *l = &j->s->limits.of[GATE_ERRORS];
	uint64_t total = 0;

	for (size_t i = 0; i < j->m->error_count; i++)
		total += j->m->errors[i].count;
	for (size_t i = 0; i < j->m->error_count; i++) {
		const struct gate_error *e = &j->m->errors[i];
		struct gate_finding *f =
			gate_finding_add(j->r, GATE_KIND_ERROR, gate_limit_holds(l) && total > l->number);

		f->limit_key = GATE_ERRORS;
		f->limit = format_limit(GATE_ERRORS, l);
		f->key = copy_text(e->key);
		f->function = copy_text(e->spot.function);
		f->file = copy_text(e->spot.file);
		f->line = e->spot.line;
		f->has_origin = true;
		f->origin = e->origin;
		f->message = alloc_string(e->message);
	}
}

/* Budgets of single sites: the sum over all stacks that a rule names. */
static void judge_budgets(struct judge *j, enum gate_limit_key key)
{
	for (size_t k = 0; k < j->c->site_count; k++) {
		const struct gate_site_rule *rule = &j->c->sites[k];
		const struct gate_limit *limit = &rule->limits.of[key];
		uint64_t all_blocks = 0, all_bytes = 0, most = 0;
		size_t first = SIZE_MAX;
		struct gate_finding *f;

		if (limit->kind != LIMIT_SIZE)
			continue;
		for (size_t i = 0; i < j->m->site_count; i++) {
			uint64_t blocks, bytes;

			if (j->rule[i] != rule)
				continue;
			count_reachable(&j->m->sites[i], &blocks, &bytes);
			if (key == GATE_PEAK)
				bytes = j->m->sites[i].peak_bytes, blocks = 0;
			all_blocks += blocks;
			all_bytes += bytes;
			if (first == SIZE_MAX || bytes > most) {
				most = bytes;
				first = i;
			}
		}
		if (first == SIZE_MAX || all_bytes <= limit->number)
			continue;
		f = add_site_finding(j, first, GATE_KIND_OVER_BUDGET, true, key, limit);
		f->blocks = all_blocks;
		f->bytes = all_bytes;
		set_sizes_message(f,
			key == GATE_PEAK ? "at the peak:" : "reachable at the end:", "the limit is",
			limit->number);
	}
}

/* Moved sites are reported and never fail. */
static void report_moved(struct judge *j)
{
	bool live = gate_limit_is_relative(&j->s->limits.of[GATE_LIVE]);

	for (size_t i = 0; i < j->m->site_count; i++) {
		const struct gate_base_site *b = j->before[i];
		const struct gate_site *site = &j->m->sites[i];
		struct gate_finding *f;

		if (!b || !strcmp(b->key, site->key) || (!b->lost_blocks && !live))
			continue;
		f = add_site_finding(j, i, GATE_KIND_MOVED, false, -1, NULL);
		f->blocks = site->live_blocks;
		f->bytes = site->live_bytes;
		f->message = alloc_printf("%" PRIu64 " blocks, %" PRIu64 " bytes moved here from %s%s%s",
			site->live_blocks, site->live_bytes, b->function, *b->file ? " in " : "", b->file);
	}
}

static void report_improved(struct judge *j)
{
	const struct gate_site **now = alloc_zeroed(j->baseline->site_count + 1, sizeof *now);
	bool live = gate_limit_is_relative(&j->s->limits.of[GATE_LIVE]);

	for (size_t i = 0; i < j->m->site_count; i++)
		if (j->before[i])
			now[j->before[i] - j->baseline->sites] = &j->m->sites[i];
	for (size_t i = 0; i < j->baseline->site_count; i++) {
		const struct gate_base_site *b = &j->baseline->sites[i];
		uint64_t lost = now[i] ? now[i]->lost_blocks : 0, held = now[i] ? now[i]->live_blocks : 0;
		bool fewer_lost = lost < b->lost_blocks;
		struct gate_finding *f;

		if (!fewer_lost && !(live && held < b->live_blocks))
			continue;
		f = gate_finding_add(j->r, GATE_KIND_IMPROVED, false);
		f->key = alloc_string(b->key);
		f->function = alloc_string(b->function);
		f->file = *b->file ? alloc_string(b->file) : NULL;
		f->line = now[i] ? now[i]->line : 0;
		f->blocks = fewer_lost ? lost : held;
		f->bytes = !now[i] ? 0 : fewer_lost ? now[i]->lost_bytes : now[i]->live_bytes;
		f->message = alloc_printf("%s blocks: %" PRIu64 " in the baseline, %" PRIu64
					  " now; lower it with --ratchet",
			fewer_lost ? "lost" : "live", fewer_lost ? b->lost_blocks : b->live_blocks,
			fewer_lost ? lost : held);
	}
	free(now);
}

static void report_suppressed(struct judge *j)
{
	for (size_t i = 0; i < j->m->suppressed_count; i++) {
		const struct gate_suppressed *s = &j->m->suppressed[i];
		struct gate_finding *f;

		if (!s->blocks)
			continue;
		f = gate_finding_add(j->r, GATE_KIND_SUPPRESSED, false);
		f->suppression = alloc_string(s->name);
		f->blocks = s->blocks;
		f->bytes = s->bytes;
		f->message = alloc_printf("%" PRIu64 " lost blocks, %" PRIu64 " bytes suppressed: %s",
			s->blocks, s->bytes, s->why);
		for (size_t k = 0; k < j->c->suppression_count; k++)
			if (!strcmp(j->c->suppressions[k].name, s->name))
				f->config_line = j->c->suppressions[k].line;
	}
}

static void summarise(struct judge *j)
{
	struct gate_result *r = j->r;
	const struct gate_measure *m = j->m;

	r->scenario = alloc_string(j->s->name);
	r->config_line = j->s->line;
	r->snapshots = alloc_bytes((m->snapshot_count + 1) * sizeof *r->snapshots);
	r->snapshot_count = m->snapshot_count;
	for (size_t i = 0; i < m->snapshot_count; i++)
		r->snapshots[i] = alloc_string(m->snapshots[i]);
	r->sites = m->site_count;
	r->live_bytes = m->live_bytes;
	r->peak_bytes = m->peak_bytes;
	for (size_t i = 0; i < m->site_count; i++)
		r->lost_bytes += m->sites[i].lost_bytes;
	for (int k = 0; k < GATE_LIMIT_KEYS; k++)
		r->judged[k] = gate_limit_holds(&j->s->limits.of[k]);
	r->judged[GATE_GROWTH] = r->judged[GATE_GROWTH] && (j->s->rounds || m->rounds);
	for (size_t k = 0; k < j->c->site_count; k++) {
		r->judged[GATE_LIVE] |= gate_limit_holds(&j->c->sites[k].limits.of[GATE_LIVE]);
		r->judged[GATE_PEAK] |= gate_limit_holds(&j->c->sites[k].limits.of[GATE_PEAK]);
	}
}

/* What was accepted without being seen is shown in every output. */
static void report_blind(struct judge *j)
{
	struct gate_finding *f;

	if (!j->m->blind)
		return;
	f = gate_finding_add(j->r, GATE_KIND_UNMEASURED, false);
	f->limit_key = GATE_BLIND;
	f->limit = format_limit(GATE_BLIND, &j->s->limits.of[GATE_BLIND]);
	f->message = alloc_printf("%s; accepted", j->m->blind);
}

static void match_sites(struct judge *j)
{
	if (j->baseline)
		gate_baseline_moved(j->baseline, j->m, j->before);
	for (size_t i = 0; i < j->m->site_count; i++) {
		const struct gate_base_site *same = gate_baseline_find(j->baseline, j->m->sites[i].key);

		if (same)
			j->before[i] = same;
		for (size_t k = 0; k < j->c->site_count && !j->rule[i]; k++)
			if (match_rule(&j->c->sites[k], &j->m->sites[i]))
				j->rule[i] = &j->c->sites[k];
	}
}

void gate_judge(const struct gate_config *c, const struct gate_scenario *s, const struct gate_measure *m,
	const struct gate_baseline *baseline, struct gate_result *r)
{
	struct judge j = { c, s, m, baseline, NULL, NULL, r };

	memset(r, 0, sizeof *r);
	summarise(&j);
	r->reason = gate_unmeasured_explain(s, m, baseline);
	if (r->reason) {
		gate_finding_add(r, GATE_KIND_UNMEASURED, true)->message = alloc_string(r->reason);
		gate_settle(r);
		return;
	}
	j.before = alloc_zeroed(m->site_count + 1, sizeof *j.before);
	j.rule = alloc_zeroed(m->site_count + 1, sizeof *j.rule);
	match_sites(&j);
	judge_leaked(&j);
	judge_growth(&j);
	judge_live(&j);
	judge_peak(&j);
	judge_rss(&j);
	gate_waste_judge(s, m, j.baseline, r);
	gate_refleaks_judge(s, m, r);
	judge_errors(&j);
	judge_budgets(&j, GATE_LIVE);
	judge_budgets(&j, GATE_PEAK);
	if (baseline) {
		report_moved(&j);
		report_improved(&j);
	}
	report_suppressed(&j);
	report_blind(&j);
	free(j.before);
	free(j.rule);
	gate_settle(r);
}
