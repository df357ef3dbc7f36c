/* gate_waste.h - the limits `waste` and `pinned`: free memory and slack, of the process that has most of it. */
#ifndef TIDEMARK_GATE_WASTE_H
#define TIDEMARK_GATE_WASTE_H

#include "gate.h"
#include "gate_baseline.h"
#include "model/snapshot.h"

/* Adds the last snapshot of a process to the measurement. */
void gate_waste_measure(const struct snapshot *s, struct gate_measure *m);
/* Is one of the limits above the baseline? */
bool gate_waste_is_relative(const struct gate_scenario *s);
/* Findings of both limits; `b` may be NULL. */
void gate_waste_judge(const struct gate_scenario *s, const struct gate_measure *m,
	const struct gate_baseline *b, struct gate_result *r);
/* Why they cannot be judged, or NULL. To free. */
char *gate_waste_explain(const struct gate_scenario *s, const struct gate_measure *m);

#endif
