/* stat.h - the three outputs of `tidemark stat`. cmd_stat.c parses and loads,
 * stat_screen.c is for people, stat_data.c for programs.
 */
#ifndef TIDEMARK_STAT_H
#define TIDEMARK_STAT_H

#include "print/options.h"
#include "view/view.h"

struct stat_report {
	const struct options *options;
	struct view *views;
	size_t view_count;
	struct view_group group; /* sorted */
	enum view_measure sort;
	bool sort_given;
	struct measures totals; /* of all views */
};

int stat_screen(const struct stat_report *r); /* exit codes */
int stat_json(const struct stat_report *r);
int stat_csv(const struct stat_report *r);

#endif
