/* header.h - the head of every screen: which program, when, how much, and first of all
 * warnings when the profiler saw little of the program.
 */
#ifndef TIDEMARK_HEADER_H
#define TIDEMARK_HEADER_H

#include "screen.h"
#include "analysis/unsure.h"
#include "model/snapshot.h"
#include "symbol/symbol.h"

/* Prints warnings: damage, missed events, incomplete stacks, missing debug information (of the
 * frames looked up so far, so look up the shown ones first), an allocator of the program's own,
 * notes on sampling. Returns how many were printed, even with -q. */
unsigned header_warnings(struct screen *s, const struct snapshot *snapshot, const struct symbols *symbols);

/* Program, moment, live and peak: above every screen of one snapshot. Nothing with -q. */
void header_who(struct screen *s, const struct snapshot *snapshot);
/* The same, with totals and memory: where the whole run is looked at. */
void header_print(struct screen *s, const struct snapshot *snapshot);
/* One line of a snapshot that is shown next to another one: "old      ./server, at exit ...". */
void header_side(struct screen *s, const char *label, const struct snapshot *snapshot);

/* Was the program run with --wipe, so that no stale words hold blocks? */
bool header_wiped(const struct snapshot *snapshot);

/* In words: "at exit (status 0)", "killed by signal 9" ... To free. */
char *header_reason(const struct snapshot *snapshot);

#define HEADER_ALLOCATOR 96u
/* Whose heap was walked: "glibc 2.36". */
const char *header_allocator(const struct snapshot *snapshot, char text[HEADER_ALLOCATOR]);

/* The missed.* counter in words; NULL for one that this version does not know. */
const char *header_missed(const char *name, uint64_t n);

/* EXIT_UNMEASURED after one line on stderr when the file is damaged, else EXIT_FINE. */
int header_code(const struct snapshot *snapshot);

/* A hint, where much of what is reachable hangs on words that may be stale. */
void header_unsure(struct screen *s, const struct snapshot *snapshot, struct symbols *symbols,
	const struct unsure *unsure);
/* A hint, where the run had no --wipe: stale words in reused memory may hold blocks. */
void header_stale(struct screen *s, const struct snapshot *snapshot);

#endif
