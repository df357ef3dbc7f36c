/* retained_way.c - from a block, or a variable of Python, to what holds most of what it retains. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "analysis/python_field.h"
#include "retained_command.h"
#include "view/field.h"

#define STEPS_MOST 8u
#define BLOCKS_MOST 32u
#define MOST_OF_IT 0.75 /* a child that has less is one of several */

/* The block that is next on the way; GRAPH_NONE: there is none. */
static uint32_t find_heaviest(const struct retained_command *t, uint32_t block, uint64_t least)
{
	const struct dominate *d = &t->retained.d;
	uint32_t number = d->number[block], found = GRAPH_NONE;

	if (number >= d->count)
		return GRAPH_NONE;
	for (uint32_t i = t->child_first[number]; i < t->child_first[number + 1]; i++) {
		uint32_t child = t->child[i];

		if (d->bytes[child] >= least && d->node[child] < t->leaks.graph.blocks) {
			least = d->bytes[child];
			found = d->node[child];
		}
	}
	return found;
}

const struct block_types *retained_way_types(struct retained_command *t)
{
	if (!t->typed)
		block_types_find(&t->types, &t->snapshot, t->symbols);
	t->typed = true;
	return &t->types;
}

const char *retained_way_type(struct retained_command *t, const struct retained_row *r)
{
	if (r->kind == RETAINED_VARIABLE)
		return python_field_type(&t->snapshot, r->which);
	return r->kind == RETAINED_BLOCK ? block_types_name(retained_way_types(t), r->which) : NULL;
}

/* What the word is called by which one block holds another; to be freed. NULL: it has no name. */
static char *name_step(struct retained_command *t, const struct retained_row *r, uint32_t from, uint32_t to)
{
	uint64_t first, end;

	graph_words(&t->leaks.graph, from, &first, &end);
	for (; first < end; first++)
		if (t->snapshot.edges[first].block == to && !(t->snapshot.edges[first].flags & EDGE_UNCOUNTED)
			&& !snapshot_unused(&t->snapshot, first))
			return r->kind == RETAINED_BLOCK
				? field_text(retained_way_types(t), &t->snapshot, from, first)
				: python_field_text(&t->snapshot, from, first);
	return NULL;
}

char *retained_way_text(struct retained_command *t, const struct retained_row *r)
{
	uint64_t least = (uint64_t)((double)r->retained.bytes * MOST_OF_IT);
	uint32_t at = r->which, next;
	char *text = NULL, *before = NULL;

	if ((r->kind != RETAINED_VARIABLE && r->kind != RETAINED_BLOCK)
		|| r->retained.bytes < 2 * r->own.bytes)
		return NULL;
	if (!t->child)
		dominate_children(&t->retained.d, &t->child_first, &t->child);
	for (unsigned steps = 0, n = 0; steps < STEPS_MOST && n < BLOCKS_MOST; n++, at = next) {
		char *step;

		next = find_heaviest(t, at, least);
		if (next == GRAPH_NONE)
			break;
		step = name_step(t, r, at, next);
		/* Whose __dict__ it is, is known: the step before, or the one after, says so. */
		if (!step || !strncmp(step, "__dict__ of ", strlen("__dict__ of "))) {
			free(step);
			continue;
		}
		/* A list goes on as it began. */
		if (!before || strcmp(before, step) != 0) {
			text = alloc_listed(text, " > ", step);
			steps++;
		}
		free(before);
		before = step;
	}
	free(before);
	return text;
}
