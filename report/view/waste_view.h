/* waste_view.h - what can be said about resident memory: rows in order, causes, words. The screen, the JSON and
 * the page show the same.
 *
 * WV1 Rows are sites or types, the largest first. One is listed as pinning where much of what would be given back
 *     is memory that is free now.
 */
#ifndef TIDEMARK_WASTE_VIEW_H
#define TIDEMARK_WASTE_VIEW_H

#include "analysis/waste.h"
#include "analysis/waste_copies.h"
#include "block_types.h"
#include "symbol/symbol.h"
#include "waste_python.h"
#include "waste_spare.h"

struct waste_view {
	const struct snapshot *s;
	struct symbols *symbols; /* the caller's */
	struct waste waste;
	struct waste_copies copies;
	bool by_type;
	struct block_types types;
	uint32_t *type_of; /* [groups] the type of all its blocks, as in `types`; 0: of none or of several */
	struct waste_python python;
	struct waste_spare spare;
	/* Groups that pin, have slack, were not touched. */
	uint32_t *pins, *slack, *untouched;
	size_t pin_count, slack_count, untouched_count;
};

/* Of a snapshot that was verified. -1: it does not say where the memory is. */
int waste_view_find(struct waste_view *v, const struct snapshot *s, struct symbols *symbols, bool by_type,
	struct tide_error *e);
void waste_view_free(struct waste_view *v);

/* What keeps memory, in one sentence with figures, and what to do, in another. */
struct waste_cause {
	uint64_t bytes; /* that could be recovered */
	char *what, *advice;
};
#define WASTE_CAUSES 11u
/* The largest first, and only those worth reporting. Returns their number. */
size_t waste_causes(const struct waste_view *v, struct waste_cause causes[WASTE_CAUSES]);
void waste_causes_free(struct waste_cause *causes, size_t count);

/* The name of a type of `types`; NULL: 0. */
const char *waste_names_type(const struct waste_view *v, uint32_t type);
/* A part in words: "free, but pinned". */
const char *waste_names_part(enum waste_part part);
/* "jemalloc", or the file of the allocator. */
const char *waste_names_allocator(const struct waste_view *v);
/* The name of the last mark before a birth number; "start". */
const char *waste_names_age(const struct snapshot *s, uint32_t birth);
/* Names of the threads that use an arena, each once; to free, with `*count` of them. */
const char **waste_names_threads(const struct waste_view *v, size_t arena, size_t *count);

#endif
