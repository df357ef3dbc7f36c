/* timeline_history.h - who held memory at each of several snapshots: the part of `timeline` that names sites. */
#ifndef TIDEMARK_TIMELINE_HISTORY_H
#define TIDEMARK_TIMELINE_HISTORY_H

#include "print/json_report.h"
#include "print/options.h"
#include "print/screen.h"
#include "view/history.h"

/* Nothing where there are less than two snapshots. */
void timeline_history_screen(
	struct screen *s, const struct history *h, struct symbols *symbols, const struct options *o);
/* The members "snapshots" and "sites". */
void timeline_history_json(struct json_report *report, const struct history *h, struct symbols *symbols,
	const struct options *o);

#endif
