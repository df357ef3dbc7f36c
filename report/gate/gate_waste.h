/* gate_waste.h - the limits `waste` and `pinned`: free memory and slack, of the process that has most of it. */
#ifndef TIDEMARK_GATE_WASTE_H
#define TIDEMARK_GATE_WASTE_H

#include "gate.h"
#include "model/snapshot.h"

/* Adds the last snapshot of a process to the measurement. */
void gate_waste_measure(const struct snapshot *s, struct gate_measure *m);
/* Findings of both limits. */
void gate_waste_judge(const struct gate_scenario *s, const struct gate_measure *m, struct gate_result *r);
/* Why they cannot be judged, or NULL. To free. */
char *gate_waste_explain(const struct gate_scenario *s, const struct gate_measure *m);

#endif
