/* header.h - what stands above every screen: whose snapshot, when, how much, and
 * first of all a warning when the profiler saw little of the program.
 */
#ifndef TIDEMARK_HEADER_H
#define TIDEMARK_HEADER_H

#include "screen.h"
#include "snapshot.h"
#include "symbol.h"

/* Warnings: damage, what was missed, truncated stacks, no debug information (of the
 * frames looked up so far: name what is shown first), an allocator of its own, marks
 * of sampling. Returns how many were printed. -q leaves none out. */
unsigned header_warnings(struct screen *s, const struct snapshot *snapshot,
	const struct symbols *symbols);

/* Program, moment, live and peak: above every screen of one snapshot. Nothing with -q. */
void header_who(struct screen *s, const struct snapshot *snapshot);
/* The same, with totals and memory: where the whole run is looked at. */
void header_print(struct screen *s, const struct snapshot *snapshot);
/* One line of a snapshot that stands beside another one: "old      ./server, at exit ...". */
void header_side(struct screen *s, const char *label, const struct snapshot *snapshot);

/* A line on lost blocks, where that takes no time a reader would notice. Lost blocks, or
 * -1 when nothing was said of them. */
int64_t header_lost(struct screen *s, const struct snapshot *snapshot, struct symbols *symbols);

/* In words: "at exit (status 0)", "killed by signal 9" ... To free. */
char *header_reason(const struct snapshot *snapshot);

/* The missed.* counter in words; NULL for one that this version does not know. */
const char *header_missed(const char *name);

/* EXIT_UNMEASURED after one line on stderr when the file is damaged, else EXIT_FINE. */
int header_code(const struct snapshot *snapshot);

#endif
