/* summary.h - the lines that `run` prints after a program has ended. */
#ifndef TIDEMARK_SUMMARY_H
#define TIDEMARK_SUMMARY_H

#include <stdbool.h>
#include <stdio.h>
#include "model/snapshot.h"

struct summary_lost {
	bool plain; /* types were not looked at: `leaks` may find more */
	bool known; /* false: the snapshot holds no references, or they are unsure */
	uint64_t blocks, bytes;
	char *text;    /* one line, to be freed; NULL when there is nothing to say */
	char why[512]; /* when not known */
};

/* Classifies the blocks, by types as `leaks` does where that takes little time: *left is that of typed_scan_within. 0, or -1 when that could not be done (then !known). */
int summary_lost(struct snapshot *s, uint64_t *left, struct summary_lost *out, struct tide_error *e);

/* One line of totals. */
void summary_totals(FILE *out, const struct snapshot *s);
/* Prints one line per reason to doubt the numbers; returns how many. */
unsigned summary_coverage(FILE *out, const struct snapshot *s);

#endif
