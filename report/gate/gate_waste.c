/* gate_waste.c - see gate_waste.h. */
#include "gate_waste.h"

#include <inttypes.h>
#include "analysis/waste.h"
#include "base/alloc.h"
#include "base/units.h"
#include "gate_value.h"

static void keep_most(struct gate_share *most, uint64_t bytes, uint64_t of)
{
	if (bytes > most->bytes || !most->of)
		*most = (struct gate_share){ bytes, of };
}

void gate_waste_measure(const struct snapshot *s, struct gate_measure *m)
{
	struct tide_error e = { 0 };
	struct waste w;
	uint64_t of;

	if (waste_find(&w, s, &e)) {
		m->waste_unknown = true;
	} else {
		of = w.all.resident - w.part[WASTE_PROFILER].resident;
		keep_most(&m->waste, waste_wasted(&w), of);
		keep_most(&m->pinned, w.part[WASTE_FREE_PINNED].resident, of);
	}
	waste_free(&w);
}

static bool is_above(const struct gate_limit *l, const struct gate_share *share, uint64_t base)
{
	switch (l->kind) {
	case LIMIT_SIZE: return share->bytes > l->number;
	case LIMIT_PERCENT: return (double)share->bytes > (double)share->of * l->percent / 100;
	case LIMIT_MORE_SIZE: return share->bytes > base && share->bytes - base > l->number;
	case LIMIT_MORE_PERCENT: return (double)share->bytes > (double)base * (1 + l->percent / 100);
	default: return false;
	}
}

static void judge_share(const struct gate_limit *l, enum gate_limit_key key, const struct gate_share *share,
	uint64_t base, const char *what, struct gate_result *r)
{
	char now[UNITS_TEXT], percent[UNITS_TEXT], most[UNITS_TEXT];
	bool relative = gate_limit_is_relative(l);
	struct gate_finding *f;

	if (!is_above(l, share, base))
		return;
	f = gate_finding_add(r, relative ? GATE_KIND_OVER_BASELINE : GATE_KIND_OVER_BUDGET, true);
	f->limit_key = key;
	f->limit = alloc_printf("%s = %s", gate_limit_name[key], l->text);
	f->bytes = share->bytes;
	f->message = alloc_printf("%s: %s (%" PRIu64 " bytes), %s of the resident memory; %s %s", what,
		units_bytes(now, (int64_t)share->bytes), share->bytes,
		units_percent(percent, (double)share->bytes, (double)share->of),
		relative ? "the baseline has" : "the limit is",
		relative                        ? units_bytes(most, (int64_t)base)
			: l->kind == LIMIT_SIZE ? units_bytes(most, (int64_t)l->number)
						: l->text);
}

bool gate_waste_is_relative(const struct gate_scenario *s)
{
	return gate_limit_is_relative(&s->limits.of[GATE_WASTE])
		|| gate_limit_is_relative(&s->limits.of[GATE_PINNED]);
}

void gate_waste_judge(const struct gate_scenario *s, const struct gate_measure *m,
	const struct gate_baseline *b, struct gate_result *r)
{
	judge_share(&s->limits.of[GATE_WASTE], GATE_WASTE, &m->waste, b ? b->waste_bytes : 0,
		"free memory and slack", r);
	judge_share(&s->limits.of[GATE_PINNED], GATE_PINNED, &m->pinned, b ? b->pinned_bytes : 0,
		"free memory that cannot go back", r);
}

char *gate_waste_explain(const struct gate_scenario *s, const struct gate_measure *m)
{
	if (!m->waste_unknown
		|| (!gate_limit_holds(&s->limits.of[GATE_WASTE])
			&& !gate_limit_holds(&s->limits.of[GATE_PINNED])))
		return NULL;
	return alloc_string("a snapshot does not say where the memory is: waste and pinned need references");
}
