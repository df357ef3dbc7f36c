/* counted.c - see counted.h. */
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "counted.h"
#include "python_heap.h"

/* [blocks] the object that each one belongs to; GRAPH_NONE. */
static uint32_t *owners_of(const struct snapshot *s)
{
	uint32_t *owner = alloc_bytes((s->block_count + 1) * sizeof(*owner));

	for (size_t i = 0; i < s->block_count; i++)
		owner[i] = GRAPH_NONE;
	for (size_t i = 0; i < s->owner_count; i++)
		owner[s->owners[i].block] = s->owners[i].owner;
	return owner;
}

static bool holds(const uint32_t *owner, uint32_t from, uint32_t to, uint32_t flags)
{
	return !(flags & EDGE_UNCOUNTED)
		&& (owner[to] == GRAPH_NONE || owner[to] == from || owner[to] == owner[from]);
}

/* Until 3.12 the attributes of a threading.local are in two dicts: its own, and through this type that of the thread,
 * from which they are taken when the object goes (Modules/_threadmodule.c). GRAPH_NONE: there is no such type. */
static uint32_t find_local_dummy(const struct snapshot *s)
{
	if (snapshot_python(s, "version") < 0x030d0000)
		for (uint32_t i = 1; i < s->type_count; i++)
			if (s->types[i].language == LANGUAGE_PYTHON
				&& !strcmp(snapshot_string(s, s->types[i].name), "_localdummy"))
				return i;
	return GRAPH_NONE;
}

/* Objects of Python explain all references that the object counts: words in roots are left over, as in its free
 * lists. */
static bool is_explained(const struct python_heap *h, uint32_t block)
{
	uint32_t object = h->object_of[block];
	const struct tide_python_object *o;

	if (object == PYTHON_HEAP_NONE)
		return false;
	o = &h->snapshot->python_objects[object];
	return !(o->flags & PYTHON_IMMORTAL) && h->object[object].sure >= o->stored;
}

void counted_graph(struct graph *to, const struct graph *from)
{
	const struct snapshot *s = from->snapshot;
	struct python_heap heap;
	uint32_t n = 0, *owner = owners_of(s), dummy = find_local_dummy(s);

	*to = (struct graph){ .snapshot = s, .blocks = from->blocks, .roots = from->roots };
	to->start = alloc_bytes(((uint64_t)to->blocks + 1) * sizeof(*to->start));
	to->out = alloc_bytes((uint64_t)from->start[from->blocks] * sizeof(*to->out) + 1);
	for (uint32_t i = 0; i < to->blocks; i++) {
		uint64_t first, end;

		to->start[i] = n;
		graph_words(from, i, &first, &end);
		if (i < s->block_type_count && s->block_types[i].type == dummy)
			end = first;
		/* `from` has left out the words of some blocks. */
		for (uint64_t k = first; k < end && from->start[i] < from->start[i + 1]; k++)
			if (s->edges[k].block < to->blocks && !snapshot_unused(s, k)
				&& holds(owner, i, s->edges[k].block, s->edges[k].flags))
				to->out[n++] = s->edges[k].block
					| (graph_inside(s->edges[k].flags) || s->edges[k].flags & EDGE_STALE
							? GRAPH_INSIDE
							: 0);
	}
	to->start[to->blocks] = n;
	n = 0;
	python_heap_find(&heap, s);
	to->root_start = alloc_bytes(((uint64_t)to->roots + 1) * sizeof(*to->root_start));
	to->root_out = alloc_bytes((uint64_t)from->root_start[from->roots] * sizeof(*to->root_out) + 1);
	for (uint32_t i = 0; i < to->roots; i++) {
		to->root_start[i] = n;
		for (uint32_t k = from->root_start[i]; k < from->root_start[i + 1]; k++)
			if (!(s->root_edges[from->root_out[k]].flags & EDGE_UNCOUNTED)
				&& owner[s->root_edges[from->root_out[k]].block] == GRAPH_NONE
				&& !is_explained(&heap, s->root_edges[from->root_out[k]].block))
				to->root_out[n++] = from->root_out[k];
	}
	to->root_start[to->roots] = n;
	python_heap_free(&heap);
	free(owner);
}
