/* refs_view.h - what `refs` shows. Private to cmd_refs.c and its parts. */
#ifndef TIDEMARK_REFS_VIEW_H
#define TIDEMARK_REFS_VIEW_H

#include "analysis/leaks.h"
#include "analysis/python_heap.h"
#include "analysis/reach.h"
#include "analysis/refs.h"
#include "analysis/retained.h"
#include "print/options.h"
#include "print/screen.h"
#include "view/typed_scan.h"

struct refs {
	struct options common;
	const char *file, *what; /* ADDRESS or SITE */
	struct snapshot snapshot;
	struct symbols *symbols;
	struct leaks leaks;
	struct graph counted;      /* of a program with Python; else not made */
	const struct graph *graph; /* what paths follow: that, or that of leaks */
	struct reach reach;
	struct python_heap heap;
	struct retained retained;
	uint32_t *block;
	size_t count;           /* blocks asked for */
	uint64_t *word_start;   /* [count + 1] */
	struct refs_word *word; /* as refs_find_words makes them */
	struct block_types types;
	struct leak_sum *native; /* [blocks] memory of C that hangs on the object alone; NULL: on none */
	int64_t *stored; /* [count] a declared reference count, -1 without one; NULL: no block has one */
};

static inline struct refs_found refs_view_found(const struct refs *r, size_t i)
{
	return refs_count_words(
		&r->leaks.graph, r->word + r->word_start[i], r->word_start[i + 1] - r->word_start[i]);
}

/* With what belongs to it. */
static inline uint64_t refs_view_bytes(const struct refs *r, uint32_t block)
{
	uint32_t object = r->heap.object_of ? r->heap.object_of[block] : PYTHON_HEAP_NONE;

	return object == PYTHON_HEAP_NONE ? r->snapshot.blocks[block].bytes : r->heap.object[object].bytes;
}

static inline struct leak_sum refs_view_native(const struct refs *r, uint32_t block)
{
	return r->native ? r->native[block] : (struct leak_sum){ 0 };
}

/* Each in the file of its name. */
int refs_screen(struct refs *r);
void refs_holders(struct screen *s, const struct refs *r);
void refs_json(struct refs *r);
void refs_csv(struct refs *r);
void refs_dot(struct refs *r);

#endif
