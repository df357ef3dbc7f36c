/* gate_refleaks.c - see gate_refleaks.h. */
#include "gate_refleaks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "base/array.h"
#include "gate_value.h"
#include "symbol/site_key.h"
#include "view/types_view.h"

/* A snapshot with objects and counts. One of a process without Python does not count, and nothing is wrong with it. */
static bool is_judged(const struct snapshot *s, struct gate_measure *m)
{
	const char *why = NULL;

	if (!python_heap_present(s))
		return false;
	if (!s->process->references)
		why = "no references";
	else if (!snapshot_python(s, "ended") && python_heap_off(s, "counts"))
		why = snapshot_python(s, "without_gil")
			? "an interpreter without the GIL, whose counts are not read"
			: "an interpreter whose counts cannot be read";
	else if (!s->python_object_count)
		why = "no objects: it was taken when Python had shut down";
	if (why && !m->python_unknown)
		m->python_unknown = alloc_printf("%s has %s", s->path ? s->path : "a snapshot", why);
	return !why;
}

static char *type_name(const struct types_row *row)
{
	return *row->module ? alloc_printf("%s.%s", row->module, row->type) : alloc_string(row->type);
}

static struct gate_refleak *refleak_of(struct gate_measure *m, const char *type)
{
	struct gate_refleak *to;

	for (size_t i = 0; i < m->refleak_count; i++)
		if (!strcmp(m->refleaks[i].type, type))
			return &m->refleaks[i];
	to = ARRAY_ADD(m->refleaks, m->refleak_count, m->refleak_capacity);
	*to = (struct gate_refleak){ .type = alloc_string(type) };
	return to;
}

/* Lost objects of a type in each snapshot of a series. */
static uint32_t lost_of(const struct types_view *v, const char *type)
{
	uint32_t lost = 0;

	for (uint32_t i = 0; i < v->row_count; i++) {
		char *name = type_name(&v->row[i]);

		if (v->row[i].verdict == VERDICT_REFLEAK && !strcmp(name, type))
			lost = v->row[i].excess_objects < UINT32_MAX ? (uint32_t)v->row[i].excess_objects
								     : UINT32_MAX;
		free(name);
	}
	return lost;
}

static void find_growth(const struct gate_process *p, struct gate_measure *m)
{
	uint32_t *lost = alloc_zeroed(m->refleak_count * p->step_count + 1, sizeof *lost);

	for (size_t k = 0; k < p->step_count; k++) {
		struct types_view v;

		types_view_find(&v, &p->steps[k], NULL, NULL);
		for (size_t i = 0; i < m->refleak_count; i++)
			lost[i * p->step_count + k] = lost_of(&v, m->refleaks[i].type);
		types_view_free(&v);
	}
	for (size_t i = 0; i < m->refleak_count; i++)
		growth_find(
			lost + i * p->step_count, p->step_count, p->step_count, 1, &m->refleaks[i].growth);
	free(lost);
}

static void collect_process(struct gate_sources *s, uint32_t process, struct gate_measure *m)
{
	const struct gate_process *p = &s->processes[process];
	struct types_view v;

	types_view_find(&v, &p->steps[p->step_count - 1], p->symbols[p->step_count - 1], NULL);
	for (uint32_t i = 0; i < v.row_count; i++) {
		const struct types_row *row = &v.row[v.order[i]];
		struct gate_refleak *to;
		char *type;

		if (row->verdict != VERDICT_REFLEAK)
			continue;
		type = type_name(row);
		to = refleak_of(m, type);
		free(type);
		if (!to->objects) {
			to->origin = (struct gate_origin){ process, row->site[0].site };
			gate_spot_find(s, to->origin, &to->spot);
		}
		to->objects += row->excess_objects;
		to->references += row->excess_references;
		to->bytes += row->live ? row->bytes / row->live * row->excess_objects : 0;
	}
	types_view_free(&v);
}

static int refleak_order(const void *a, const void *b)
{
	const struct gate_refleak *x = a, *y = b;

	return x->objects != y->objects ? (x->objects < y->objects ? 1 : -1) : strcmp(x->type, y->type);
}

void gate_refleaks_collect(struct gate_sources *s, bool series, struct gate_measure *m)
{
	for (uint32_t i = 0; i < s->count; i++) {
		const struct gate_process *p = &s->processes[i];

		if (!is_judged(&p->steps[p->step_count - 1], m))
			continue;
		m->python_processes++;
		collect_process(s, i, m);
		if (series && m->refleak_count)
			find_growth(p, m);
	}
	if (m->refleak_count)
		qsort(m->refleaks, m->refleak_count, sizeof *m->refleaks, refleak_order);
}

void gate_refleaks_free(struct gate_measure *m)
{
	for (size_t i = 0; i < m->refleak_count; i++) {
		free(m->refleaks[i].type);
		gate_spot_free(&m->refleaks[i].spot);
	}
	free(m->refleaks);
	free(m->python_unknown);
}

void gate_refleaks_judge(const struct gate_scenario *s, const struct gate_measure *m, struct gate_result *r)
{
	const struct gate_limit *l = &s->limits.of[GATE_REFLEAKS];
	uint64_t total = 0;

	if (!gate_limit_holds(l))
		return;
	for (size_t i = 0; i < m->refleak_count; i++)
		total += m->refleaks[i].objects;
	for (size_t i = 0; i < m->refleak_count; i++) {
		const struct gate_refleak *leak = &m->refleaks[i];
		bool above = total > l->number;
		struct gate_finding *f;

		if (!above && !leak->growth.grows)
			continue;
		f = gate_finding_add(r, above ? GATE_KIND_OVER_BUDGET : GATE_KIND_GROWING, true);
		f->limit_key = GATE_REFLEAKS;
		f->limit = alloc_printf("refleaks = %s", l->text);
		f->blocks = leak->objects;
		f->bytes = leak->bytes;
		f->function = leak->spot.function ? alloc_string(leak->spot.function) : NULL;
		f->file = leak->spot.file ? alloc_string(leak->spot.file) : NULL;
		f->line = leak->spot.line;
		f->has_origin = true;
		f->origin = leak->origin;
		f->message = alloc_printf("%" PRIu64 " object%s of %s held by %" PRIu64 " lost reference%s%s",
			leak->objects, leak->objects == 1 ? "" : "s", leak->type, leak->references,
			leak->references == 1 ? "" : "s",
			leak->growth.grows ? ", and more with each round" : "");
	}
}

char *gate_refleaks_explain(const struct gate_scenario *s, const struct gate_measure *m)
{
	if (!gate_limit_holds(&s->limits.of[GATE_REFLEAKS]))
		return NULL;
	if (m->python_unknown)
		return alloc_printf("refleaks: %s", m->python_unknown);
	return m->python_processes ? NULL : alloc_string("refleaks: there is no Python in any snapshot");
}
