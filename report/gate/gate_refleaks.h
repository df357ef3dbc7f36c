/* gate_refleaks.h - the limit `refleaks`: objects of Python that a forgotten Py_DECREF keeps. */
#ifndef TIDEMARK_GATE_REFLEAKS_H
#define TIDEMARK_GATE_REFLEAKS_H

#include "gate_private.h"

/* Fills m->refleaks from the judged snapshots, whose symbols are open; of a series also how they grew. */
void gate_refleaks_collect(struct gate_sources *s, bool series, struct gate_measure *m);
void gate_refleaks_free(struct gate_measure *m);
/* One finding a type. */
void gate_refleaks_judge(const struct gate_scenario *s, const struct gate_measure *m, struct gate_result *r);
/* Why the limit cannot be judged, or NULL. To free. */
char *gate_refleaks_explain(const struct gate_scenario *s, const struct gate_measure *m);

#endif
