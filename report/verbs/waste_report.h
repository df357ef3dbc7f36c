/* waste_report.h - what `tidemark waste` prints. cmd_waste.c parses and loads, view/waste_view.h decides what is
 * reported, waste_screen.c is for people, waste_json.c and waste_csv.c for programs.
 */
#ifndef TIDEMARK_WASTE_REPORT_H
#define TIDEMARK_WASTE_REPORT_H

#include "print/options.h"
#include "view/waste_view.h"

struct waste_report {
	const struct options *options;
	struct symbols *symbols;
	struct waste_view view;
};

int waste_screen(const struct waste_report *r); /* -1: it could not be written */
void waste_json(const struct waste_report *r);
void waste_csv(const struct waste_report *r);

#endif
