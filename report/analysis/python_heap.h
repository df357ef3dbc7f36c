/* python_heap.h - the objects of CPython in a snapshot: counts that do not add up, and garbage.
 *
 *   stored count  ┐
 *   references    ┴▶ excess: references that nobody holds (a forgotten Py_DECREF)
 *   trial deletion as the interpreter's collector does it ──▶ what is reachable ──▶ cycles
 *
 * An object owns raw blocks (items of a list, table of a dict): they count as part of it, and so do their
 * references. Other raw blocks that only objects lead to are nodes of their own.
 *
 * HY1  Three strengths of evidence: sure (from objects and what they own), solid (globals, blocks of C, locals of
 *      Python frames), weak (machine stacks, registers, slots that may be old). All are subtracted from the
 *      stored count before it counts as excess, so that a weak word may hide a leak but never causes one.
 * HY2  An object is held from outside when its count is not explained by sure references alone, but is with the
 *      others; or when there is solid evidence; or when nothing is known (immortal, more references than it counts).
 * HY3  Unreachable objects without excess, and not held by one with excess, are what gc.collect() would free.
 * HY4  A fork copies one thread. In the child CPython frees the states of the others, but not the references that
 *      their frames and their functions of C held. So there excess of what is as old as the fork proves nothing: it is
 *      `left` and never `excess`, and its objects are held from outside. What is younger is judged as without a fork.
 */
#ifndef TIDEMARK_PYTHON_HEAP_H
#define TIDEMARK_PYTHON_HEAP_H

#include <stdbool.h>
#include "model/snapshot.h"

#define PYTHON_HEAP_NONE UINT32_MAX

struct python_object_state {
	uint32_t sure, solid, weak; /* references found */
	uint32_t component;         /* of python_heap.components; PYTHON_HEAP_NONE */
	uint64_t excess;            /* references that nobody holds */
	uint64_t left;              /* instead: threads that did not survive the fork may have held them */
	uint64_t bytes;             /* with what it owns */
	bool reachable, pinned;     /* pinned: unreachable, and held by a lost reference */
	bool unsure;                /* more references than it counts */
	bool self;                  /* refers to itself */
};

struct python_component {
	uint64_t objects, bytes, excess;
	bool pinned;
};

struct python_heap {
	const struct snapshot *snapshot;
	uint32_t
		*object_of; /* [blocks] the object that a block is or belongs to: element of python_objects */
	struct python_object_state *object; /* [python_object_count] */
	struct python_component *component;
	uint32_t components;
};

/* The snapshot must be verified and have references. */
void python_heap_find(struct python_heap *h, const struct snapshot *s);
void python_heap_free(struct python_heap *h);

/* Is there an interpreter at all, and is part of the analysis switched off ("counts")? */
bool python_heap_present(const struct snapshot *s);
bool python_heap_off(const struct snapshot *s, const char *part);
/* Why objects are not listed where the counts are off: a sentence without its full stop. */
const char *python_heap_missing(const struct snapshot *s);
#define PYTHON_HEAP_VERSION 32
/* "3.11.2", or "3.9": the patch release is known from 3.11 on. Returns `text`. */
const char *python_heap_version(char text[PYTHON_HEAP_VERSION], const struct snapshot *s);

#endif
