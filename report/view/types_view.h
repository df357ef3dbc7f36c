/* types_view.h - the objects of CPython by type, and what can be said about them.
 *
 * TV1  A row is a type by name and module: classes of one name are one row.
 * TV2  Every object is in one row; live = reachable + unreachable.
 * TV3  unreachable = awaiting + pinned + those that have excess themselves.
 * TV4  Small ints that the interpreter keeps are never in `excess`: they have sums of their own.
 * TV5  What threads held that did not survive a fork (HY4) has sums of its own, too, and no verdict.
 */
#ifndef TIDEMARK_TYPES_VIEW_H
#define TIDEMARK_TYPES_VIEW_H

#include "analysis/python_heap.h"
#include "base/index.h"
#include "symbol/symbol.h"

#define TYPES_VIEW_TOP 10u /* values and stacks of a row */

enum types_verdict { VERDICT_NONE, VERDICT_AWAITING_GC, VERDICT_REFLEAK };

struct types_site {
	uint64_t objects;
	uint32_t site;
};

struct types_value {
	uint64_t objects;
	uint32_t object; /* one of them */
};

struct types_row {
	const char *type, *module;
	uint32_t flags; /* TYPE_FLAG_* */
	uint64_t live, bytes, reachable, unreachable;
	uint64_t native_bytes, native_blocks; /* of `bytes`: blocks of C that hang on the objects */
	uint64_t excess_objects, excess_references, unsure_objects;
	uint64_t static_objects, static_references;
	uint64_t left_objects, left_references; /* TV5 */
	uint64_t awaiting;                      /* unreachable, and gc.collect() would free them */
	uint64_t pinned; /* unreachable without excess of their own: an object with excess holds them */
	uint64_t cyclic, self_cycle;
	enum types_verdict verdict;
	struct types_site
		site[TYPES_VIEW_TOP]; /* of the excess, else of the live objects; objects 0: no more */
	struct types_value value[TYPES_VIEW_TOP];
	/* Compared with an older snapshot. */
	int64_t live_diff, bytes_diff, excess_objects_diff, excess_references_diff;
	uint64_t attribute_bytes; /* what instances need for their attributes */
	uint64_t attributes;      /* of all instances */
	bool library;             /* its class is of a library: nobody here can change it */
};

struct types_cycles {
	uint64_t components, objects, bytes, excess;
};

struct types_string {
	const char *text;
	uint64_t length, copies, bytes, wasted;
};

struct types_holder {
	uint32_t row, site; /* row: PYTHON_HEAP_NONE for blocks that belong to no object */
	uint64_t blocks, arena_bytes;
};

struct types_view {
	const struct snapshot *snapshot;
	struct python_heap heap;
	struct types_row *row;
	uint32_t row_count, row_room;
	struct index rows;
	uint32_t *row_of; /* [types] */
	uint8_t *
		once; /* [objects] its excess never counts as a leak: it was lost once, or is kept for ever */
	uint64_t refleak_types, refleak_objects, refleak_references;
	uint64_t static_objects, static_references;
	uint64_t left_objects, left_references;
	struct types_cycles awaiting, pinned;
	struct {
		uint64_t objects, bytes;
	} garbage; /* all that gc.collect() would free: the cycles, and what only they hold */
	/* Strings. */
	uint64_t strings, string_bytes, interned;
	struct types_string *duplicate; /* by waste */
	uint64_t duplicate_count;
	struct {
		uint64_t objects, distinct, interned, bytes;
	} match; /* --strings */
	/* pymalloc */
	uint64_t arena_bytes, used_bytes, sparse_arenas;
	/* Of mappings that hold arenas: the resident bytes, and how many of these at least belong to this process
	 * alone. After a fork pages are shared until one process writes to them, even if only a reference count.
	 * 0: unknown. */
	uint64_t arena_resident, arena_own;
	struct types_holder *holder; /* of arenas in which less than a quarter is used */
	uint64_t holder_count, holder_room;
	uint32_t *order; /* rows, worst first */
};

/* The snapshot must be verified; `symbols` are its own, or NULL where stacks do not matter. `prefix` of strings, or NULL. */
void types_view_find(
	struct types_view *v, const struct snapshot *s, struct symbols *symbols, const char *prefix);
void types_view_compare(struct types_view *v, const struct types_view *old);
void types_view_free(struct types_view *v);

/* What __slots__ would save; 0: not worth mentioning. */
uint64_t types_view_slots_save(const struct types_row *r);
const char *types_view_attributes(const struct types_row *r);
const char *types_view_verdict(const struct types_row *r);
/* repr() of an object's value, cut to 80 characters; to free. NULL: it has none. */
char *types_repr(const struct snapshot *s, uint32_t object);

#endif
