/* gate_unmeasured.c - see gate_unmeasured.h. */
#include "gate_unmeasured.h"

#include <inttypes.h>
#include <string.h>
#include "base/alloc.h"
#include "gate_refleaks.h"
#include "gate_value.h"
#include "gate_waste.h"

char *gate_unmeasured_explain(
	const struct gate_scenario *s, const struct gate_measure *m, const struct gate_baseline *b)
{
	const struct gate_limit *missed = &s->limits.of[GATE_MISSED];
	char *part;

	if (m->unmeasured)
		return alloc_string(m->unmeasured);
	if (m->blind && s->limits.of[GATE_BLIND].kind != LIMIT_ALLOW)
		return alloc_printf(
			"%s: nothing can be said of its leaks; blind = allow accepts that", m->blind);
	if (m->missed && (double)m->missed > (double)m->events * missed->percent / 100)
		return alloc_printf("%" PRIu64 " of %" PRIu64 " events were missed: more than %s; "
				    "see tidemark info",
			m->missed, m->events, missed->text);
	if (s->rounds && gate_limit_holds(&s->limits.of[GATE_GROWTH]) && m->rounds < s->min_rounds)
		return alloc_printf("%" PRIu64 " rounds of `%s`, at least %" PRIu64 " are needed: "
				    "let the program do more, or lower min-rounds",
			m->rounds, s->rounds, s->min_rounds);
	if (s->rounds && (double)m->rounds_missed > (double)m->rounds * missed->percent / 100)
		return alloc_printf("%" PRIu64 " floors of sites could not be noted in %" PRIu64 " rounds: "
				    "mark in one thread only",
			m->rounds_missed, m->rounds);
	if ((part = gate_waste_explain(s, m)) || (part = gate_refleaks_explain(s, m)))
		return part;
	if (!b)
		return NULL;
	if (gate_limit_is_relative(&s->limits.of[GATE_RSS]) && !b->rss_bytes)
		return alloc_string("the baseline does not say how much was resident: accept again");
	if (gate_waste_is_relative(s) && !b->has_waste)
		return alloc_string("the baseline does not say how much was free: accept again");
	if (*b->arch && strcmp(b->arch, m->arch))
		return alloc_printf(
			"the baseline is of %s, this is %s: keep a baseline for each", b->arch, m->arch);
	if (*b->libc && strcmp(b->libc, m->libc))
		return alloc_printf(
			"the baseline is of %s, this is %s: keep a baseline for each", b->libc, m->libc);
	if (*b->exe && strcmp(b->exe, m->exe))
		return alloc_printf("the baseline is of `%s`, this is `%s`: name the program with exe =, "
				    "or accept again",
			b->exe, m->exe);
	return NULL;
}
