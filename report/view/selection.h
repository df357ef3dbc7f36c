/* selection.h - which sites and blocks of a snapshot were asked for.
 *
 * The shared options of the verbs fill a struct selection; view.h and leaks_view.h apply it.
 * A snapshot's marks cut its time into intervals: interval 0 ends at the first mark, and
 * the last one, whose number is mark_count, at the snapshot. A block belongs to the
 * interval in which it was born.
 *
 * SL1  Strings belong to the caller and outlive what is made from the selection.
 * SL2  All zero selects everything.
 */
#ifndef TIDEMARK_SELECTION_H
#define TIDEMARK_SELECTION_H

#include <stdbool.h>
#include "base/error.h"
#include "model/snapshot.h"

struct selection_list {
	const char **item;
	size_t count;
};

struct selection {
	struct selection_list filter;  /* --filter: keep what matches one of these ... */
	struct selection_list exclude; /* --exclude: ... and none of these */
	bool all_frames;               /* both look at every frame, not only at the caller's */
	const char *since, *until;     /* marks, see selection_mark; NULL: not given */
	unsigned min_age;              /* marks that a block has survived; 0: all */
};

/* --since, --until and --min-age, as intervals and as births. Nothing is selected where first > last. */
struct selection_span {
	bool given;
	uint32_t first, last;  /* intervals; UINT32_MAX: no end */
	uint32_t after, until; /* births in (after, until] */
};

/* -1: no such mark. */
int selection_span(const struct selection *o, const struct snapshot *s, struct selection_span *span,
	struct tide_error *e);

/* The number of intervals before the mark `text` (a name; NAME#N the Nth of that name; #N the Nth of
 * all): blocks of intervals >= *intervals were born after it. `last`: of several marks of one name the
 * last one, else the first. -1: no such mark. */
int selection_mark(
	const struct snapshot *s, const char *text, bool last, uint32_t *intervals, struct tide_error *e);

static inline bool selection_has(const struct selection_span *span, uint32_t birth)
{
	return (!span->first || birth > span->after) && birth <= span->until;
}

/* How many marks a block of this birth has survived. */
uint32_t selection_age(const struct snapshot *s, uint32_t birth);

#endif
