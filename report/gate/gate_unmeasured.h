/* gate_unmeasured.h - what keeps a measurement from being judged at all: gate.h, GJ2. */
#ifndef TIDEMARK_GATE_UNMEASURED_H
#define TIDEMARK_GATE_UNMEASURED_H

#include "gate.h"

/* Why nothing can be said, or NULL. `b` may be NULL: no baseline. To free. */
char *gate_unmeasured_explain(
	const struct gate_scenario *s, const struct gate_measure *m, const struct gate_baseline *b);

#endif
