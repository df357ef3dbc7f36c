/* leaks.c - kinds, totals and records (leaks.h). Groups: leaks_group.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "leaks_private.h"
#include "reach.h"
#include "base/units.h"

static const char *const kind_name[LEAK_KINDS] = {
	"unreferenced",
	"cycle",
	"indirect",
	"possible",
	"reachable",
};

const char *leaks_kind_name(enum leak_kind kind) { return kind_name[kind]; }

/* LK4 */
static void judge_completeness(struct leaks *l, const struct snapshot *s)
{
	const char *why = snapshot_string(s, s->process->incomplete_why);

	l->complete = s->process->complete && !s->damaged && !l->graph.bad_edges;
	if (s->damaged)
		snprintf(l->why, sizeof(l->why), "%s", s->damage);
	else if (l->graph.bad_edges)
		snprintf(l->why, sizeof(l->why), "%llu references in the file point nowhere",
			(unsigned long long)l->graph.bad_edges);
	else if (!l->complete)
		snprintf(l->why, sizeof(l->why), "%s", *why ? why : "the snapshot does not say why");
}

static bool refers_to_itself(const struct graph *g, uint32_t block)
{
	uint64_t first, end;

	for (uint32_t k = g->start[block]; k < g->start[block + 1]; k++)
		if ((g->out[k] & GRAPH_BLOCK) == block)
			return true;
	if (!graph_weak(g, block))
		return false;
	/* Its references are not in the graph. */
	graph_words(g, block, &first, &end);
	for (; first < end; first++)
		if (g->snapshot->edges[first].block == block && !snapshot_unused(g->snapshot, first))
			return true;
	return false;
}

static void classify_blocks(struct leaks_work *w)
{
	struct leaks *l = w->l;
	const struct components *c = &l->components;

	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		uint32_t component = c->of[i];

		if (w->state[i] != REACH_LOST) {
			l->kind[i] = w->state[i] == REACH_FULL ? LEAK_REACHABLE : LEAK_POSSIBLE;
		} else if (c->size[component] > 1) {
			l->kind[i] = (c->held[component] ? LEAK_INDIRECT : LEAK_CYCLE) | LEAK_IN_CYCLE;
		} else {
			l->kind[i] = c->held[component] ? LEAK_INDIRECT : LEAK_UNREFERENCED;
			if (refers_to_itself(&l->graph, i))
				l->kind[i] |= LEAK_SELF;
		}
	}
}

/* tide_freeze: what lived then is the baseline. */
static uint32_t find_baseline(const struct snapshot *s)
{
	uint32_t birth = 0;

	for (size_t i = 0; i < s->mark_count; i++)
		if (s->marks[i].kind == MARK_FREEZE)
			birth = s->marks[i].birth;
	return birth;
}

static void select_blocks(struct leaks_work *w)
{
	struct leaks *l = w->l;
	uint32_t frozen = w->o->baseline ? 0 : find_baseline(w->s);

	if (!w->o->since && !w->o->until && !w->o->site_left_out && !w->o->thread_left_out && !frozen)
		return;
	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		const struct tide_block *b = &w->s->blocks[i];

		if ((w->o->since && b->birth <= w->o->since) || (w->o->until && b->birth > w->o->until)
			|| (w->o->site_left_out && w->s->blocks[i].site < w->s->site_count
				&& w->o->site_left_out[w->s->blocks[i].site])
			|| (w->o->thread_left_out
				&& (b->thread >= w->s->thread_count || w->o->thread_left_out[b->thread]))) {
			l->kind[i] |= LEAK_LEFT_OUT;
		} else if (frozen && b->birth <= frozen && LEAK_IS_LOST(leaks_kind(l, i))) {
			l->kind[i] |= LEAK_LEFT_OUT;
			l->before.blocks++;
			l->before.bytes += b->bytes;
		}
	}
}

static void add(struct leak_sum *sum, uint64_t bytes)
{
	sum->blocks++;
	sum->bytes += bytes;
}

static void sum_up(struct leaks_work *w)
{
	struct leaks *l = w->l;
	const struct components *c = &l->components;

	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		enum leak_kind kind = leaks_kind(l, i);
		uint64_t bytes = w->s->blocks[i].bytes;

		if (l->kind[i] & LEAK_LEFT_OUT)
			continue;
		if (l->kind[i] & LEAK_SUPPRESSED) {
			add(&l->suppressed, bytes);
			continue;
		}
		add(&l->total[kind], bytes);
		if (LEAK_IS_LOST(kind))
			add(&l->lost, bytes);
		l->root_leaks += kind == LEAK_UNREFERENCED;
	}
	for (uint32_t r = 0; r < c->cycles; r++)
		for (uint32_t k = c->cycle_start[r]; !c->held[c->cycle[r]] && k < c->cycle_start[r + 1]; k++)
			if (!(l->kind[c->cycle_block[k]] & (LEAK_LEFT_OUT | LEAK_SUPPRESSED))) {
				l->root_cycles++;
				break;
			}
}

static struct leak_record *record_at(struct leaks_work *w, uint32_t block, size_t *room)
{
	struct leaks *l = w->l;
	uint32_t *slot = &w->record_of[leaks_record_slot(w, block)];
	struct leak_record *r;

	if (*slot)
		return &l->records[*slot - 1];
	r = ARRAY_ADD(l->records, l->record_count, *room);
	*slot = (uint32_t)l->record_count;
	*r = (struct leak_record){ .kind = leaks_kind(l, block),
		.site = leaks_site(w, block),
		.group = GRAPH_NONE,
		.example = block,
		.suppression = -1 };
	return r;
}

static void make_records(struct leaks_work *w)
{
	struct leaks *l = w->l;
	size_t room = 0;

	w->record_of = alloc_zeroed(2ull * LEAK_KINDS * (w->s->site_count + 1), sizeof(*w->record_of));
	for (uint32_t i = 0; i < l->graph.blocks; i++) {
		struct leak_record *r;

		if (l->kind[i] & LEAK_LEFT_OUT)
			continue;
		r = record_at(w, i, &room);
		r->blocks++;
		r->bytes += w->s->blocks[i].bytes;
		r->cyclic |= !!(l->kind[i] & LEAK_IN_CYCLE);
		r->self |= !!(l->kind[i] & LEAK_SELF);
		if (w->s->blocks[i].birth < w->s->blocks[r->example].birth)
			r->example = i;
		if (l->kind[i] & LEAK_SUPPRESSED && r->suppression < 0)
			r->suppression = w->rule[i];
	}
	for (uint32_t r = 0; r < l->components.cycles; r++) {
		uint32_t k = l->components.cycle_start[r];

		for (; l->components.container[r] && k < l->components.cycle_start[r + 1]; k++) {
			uint32_t b = l->components.cycle_block[k];

			if (!(l->kind[b] & LEAK_LEFT_OUT))
				record_at(w, b, &room)->container = true;
		}
	}
	for (size_t i = 0; i < l->record_count; i++) {
		l->records[i].retained_blocks = l->records[i].blocks;
		l->records[i].retained_bytes = l->records[i].bytes;
	}
}

/* Suppressed ones last; then by kind; then what retains most; then a fixed order. */
static int compare_records(const void *a, const void *b)
{
	const struct leak_record *x = a, *y = b;

	if ((x->suppression < 0) != (y->suppression < 0))
		return x->suppression < 0 ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->retained_bytes != y->retained_bytes)
		return x->retained_bytes > y->retained_bytes ? -1 : 1;
	if (x->bytes != y->bytes)
		return x->bytes > y->bytes ? -1 : 1;
	return x->site < y->site ? -1 : x->site > y->site;
}

int leaks_classify(
	const struct snapshot *s, const struct leaks_options *o, struct leaks *out, struct tide_error *e)
{
	struct leaks_work w = { .s = s, .o = o, .l = out, .symbols = o->symbols };
	struct reach reach;

	memset(out, 0, sizeof(*out));
	if (graph_new(&out->graph, s, o->weak_sites, o->weak_count, e))
		return -1;
	if (o->skip_roots)
		graph_skip_roots(&out->graph, o->skip_roots);
	snapshot_trim(s); /* the references are in the graph now */
	judge_completeness(out, s);
	reach_find(&reach, &out->graph, false);
	w.state = reach.state;
	leaks_same_sites(&w);
	components_find(&out->components, &out->graph, w.state, out->same_site);
	out->kind = alloc_bytes((uint64_t)out->graph.blocks + 1);
	classify_blocks(&w);
	out->suppress = o->suppress;
	if (!out->suppress) {
		out->suppress = suppress_new();
		out->own_suppress = true;
	}
	/* A set without the built-in rules is of a caller that wants none at all. */
	if (out->suppress->count)
		suppress_program(out->suppress, s);
	select_blocks(&w);
	leaks_suppress(&w);
	sum_up(&w);
	make_records(&w);
	if (!o->totals_only) {
		leaks_group(&w);
		leaks_retain(&w);
	}
	if (out->record_count)
		qsort(out->records, out->record_count, sizeof(*out->records), compare_records);
	if (w.symbols != o->symbols)
		symbols_free(w.symbols);
	free(w.rule);
	free(w.record_of);
	reach_free(&reach);
	return 0;
}

void leaks_free(struct leaks *l)
{
	graph_free(&l->graph);
	components_free(&l->components);
	if (l->own_suppress)
		suppress_free(l->suppress);
	free(l->records);
	free(l->groups);
	free(l->kind);
	free(l->group_of);
	free(l->same_site);
	memset(l, 0, sizeof(*l));
}

char *leaks_summary(const struct leaks *l)
{
	char count[UNITS_TEXT], bytes[UNITS_TEXT], leaks[64] = "", cycles[64] = "";

	if (!l->lost.blocks)
		return alloc_string(l->complete ? "nothing is lost" : "nothing lost was found");
	if (l->root_leaks)
		snprintf(leaks, sizeof(leaks), "%s root leak%s", units_count(count, (int64_t)l->root_leaks),
			l->root_leaks == 1 ? "" : "s");
	if (l->root_cycles)
		snprintf(cycles, sizeof(cycles), "%s root cycle%s",
			units_count(count, (int64_t)l->root_cycles), l->root_cycles == 1 ? "" : "s");
	return alloc_printf("%s%s%s lose%s %s block%s, %s", leaks, *leaks && *cycles ? " and " : "", cycles,
		l->root_leaks + l->root_cycles == 1 ? "s" : "", units_count(count, (int64_t)l->lost.blocks),
		l->lost.blocks == 1 ? "" : "s", units_bytes(bytes, (int64_t)l->lost.bytes));
}
