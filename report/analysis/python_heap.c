/* python_heap.c - counts, reachability and cycles of Python objects: python_heap.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/alloc.h"
#include "components.h"
#include "python_heap.h"

enum { RAW_UNKNOWN, RAW_ROOT, RAW_INNER };
#define VISITED 1u
#define REACHED 2u /* from outside */

struct work {
	struct python_heap *h;
	const struct snapshot *s;
	uint8_t *raw;     /* [blocks] of blocks that belong to no object */
	uint8_t *head;    /* [blocks] where the object begins */
	uint32_t *queue;  /* [blocks] */
	uint8_t *visited; /* [blocks] */
	uint32_t *node;   /* [blocks] the block that represents it in the graph of components */
};

bool python_heap_present(const struct snapshot *s) { return s->python_count > 0; }

bool python_heap_off(const struct snapshot *s, const char *part)
{
	char name[64];

	snprintf(name, sizeof(name), "off.%s", part);
	return snapshot_python(s, name) != 0;
}

const char *python_heap_missing(const struct snapshot *s)
{
	return snapshot_python(s, "without_gil")
		? "This Python runs without the GIL, where counts of references are split between threads: its objects "
		  "are not listed by type, and nothing of them is called lost"
		: "This build of Python is unknown: its objects are not listed";
}

const char *python_heap_version(char text[PYTHON_HEAP_VERSION], const struct snapshot *s)
{
	uint64_t version = snapshot_python(s, "version");
	int n = snprintf(text, PYTHON_HEAP_VERSION, "%u.%u", (unsigned)(version >> 24 & 255),
		(unsigned)(version >> 16 & 255));

	/* PY_VERSION_HEX ends with the kind of the release, which is not 0. */
	if (version & 255)
		snprintf(text + n, PYTHON_HEAP_VERSION - (size_t)n, ".%u", (unsigned)(version >> 8 & 255));
	return text;
}

static void map_objects(struct work *w)
{
	const struct snapshot *s = w->s;
	struct python_heap *h = w->h;

	for (size_t i = 0; i < s->block_count; i++)
		h->object_of[i] = PYTHON_HEAP_NONE;
	for (size_t i = 0; i < s->python_object_count; i++) {
		uint32_t block = s->python_objects[i].block;

		h->object_of[block] = (uint32_t)i;
		w->head[block] = s->block_type_count ? s->block_types[block].head : 0;
		h->object[i].bytes = s->blocks[block].bytes;
		h->object[i].component = PYTHON_HEAP_NONE;
	}
	for (size_t i = 0; i < s->owner_count; i++) {
		uint32_t object = h->object_of[s->owners[i].owner], block = s->owners[i].block;

		if (object == PYTHON_HEAP_NONE || s->python_objects[object].block != s->owners[i].owner
			|| h->object_of[block] != PYTHON_HEAP_NONE)
			continue;
		h->object_of[block] = object;
		h->object[object].bytes += s->blocks[block].bytes;
	}
}

/* A reference that is counted, to an object. */
static bool is_counted(const struct work *w, const struct tide_edge *e)
{
	uint32_t object = w->h->object_of[e->block];

	return !(e->flags & EDGE_UNCOUNTED) && object != PYTHON_HEAP_NONE
		&& w->s->python_objects[object].block == e->block && e->to_offset == w->head[e->block];
}

static uint64_t first_of_edges(const struct work *w, uint64_t block)
{
	return w->s->edge_start_count ? w->s->edge_starts[block] : 0;
}

static uint64_t end_of_edges(const struct work *w, uint64_t block)
{
	return w->s->edge_start_count ? w->s->edge_starts[block + 1] : 0;
}

/* Follows raw blocks from those in the queue, and gives them a mark. */
static void follow_raw(struct work *w, uint64_t count, uint8_t mark)
{
	for (uint64_t first = 0; first < count; first++)
		for (uint64_t k = first_of_edges(w, w->queue[first]); k < end_of_edges(w, w->queue[first]);
			k++) {
			uint32_t to = w->s->edges[k].block;

			if (w->h->object_of[to] != PYTHON_HEAP_NONE || w->raw[to] == mark
				|| (mark == RAW_INNER && w->raw[to] == RAW_ROOT))
				continue;
			w->raw[to] = mark;
			w->queue[count++] = to;
		}
}

/* Raw blocks that roots lead to, or that no object leads to, hold their references from outside. */
static void follow_raw_blocks(struct work *w)
{
	const struct snapshot *s = w->s;
	uint64_t count = 0;

	for (size_t i = 0; i < s->root_edge_count; i++)
		if (w->h->object_of[s->root_edges[i].block] == PYTHON_HEAP_NONE)
			w->raw[s->root_edges[i].block] = RAW_ROOT;
	for (uint32_t i = 0; i < s->block_count; i++)
		if (w->h->object_of[i] == PYTHON_HEAP_NONE && w->raw[i] == RAW_ROOT)
			w->queue[count++] = i;
	follow_raw(w, count, RAW_ROOT);
	count = 0;
	/* What a block that belongs to an object leads to; each raw block enters the queue once. */
	for (uint32_t i = 0; i < s->block_count; i++) {
		if (w->h->object_of[i] == PYTHON_HEAP_NONE)
			continue;
		for (uint64_t k = first_of_edges(w, i); k < end_of_edges(w, i); k++) {
			uint32_t to = s->edges[k].block;

			if (w->h->object_of[to] != PYTHON_HEAP_NONE || w->raw[to] != RAW_UNKNOWN)
				continue;
			w->raw[to] = RAW_INNER;
			w->queue[count++] = to;
		}
	}
	follow_raw(w, count, RAW_INNER);
	count = 0;
	for (uint32_t i = 0; i < s->block_count; i++)
		if (w->h->object_of[i] == PYTHON_HEAP_NONE && w->raw[i] == RAW_UNKNOWN) {
			w->raw[i] = RAW_ROOT;
			w->queue[count++] = i;
		}
	follow_raw(w, count, RAW_ROOT);
}

static void count_references(struct work *w)
{
	const struct snapshot *s = w->s;
	struct python_heap *h = w->h;
	uint64_t left; /* HY4 */

	for (uint32_t i = 0; i < s->block_count; i++)
		for (uint64_t k = first_of_edges(w, i); k < end_of_edges(w, i); k++) {
			const struct tide_edge *e = &s->edges[k];
			struct python_object_state *o;

			if (!is_counted(w, e))
				continue;
			o = &h->object[h->object_of[e->block]];
			if (e->flags & EDGE_STALE)
				o->weak++;
			else if (h->object_of[i] == PYTHON_HEAP_NONE && w->raw[i] == RAW_ROOT)
				o->solid++;
			else
				o->sure++;
			o->self |= h->object_of[i] == h->object_of[e->block];
		}
	for (size_t i = 0; i < s->root_edge_count; i++) {
		const struct tide_root_edge *e = &s->root_edges[i];
		const struct tide_root *r = &s->roots[e->root];
		struct tide_edge as_edge = {
			.block = e->block, .flags = e->flags, .to_offset = e->to_offset
		};
		struct python_object_state *o;

		if (!is_counted(w, &as_edge))
			continue;
		o = &h->object[h->object_of[e->block]];
		if (r->kind == ROOT_STACK || r->kind == ROOT_REGISTER || r->kind == ROOT_KERNEL
			|| r->flags & ROOT_FLAG_WEAK_EVIDENCE || e->flags & EDGE_STALE)
			o->weak++;
		else
			o->solid++;
	}
	left = snapshot_python(s, "fork.left");
	for (size_t i = 0; i < s->python_object_count; i++) {
		struct python_object_state *o = &h->object[i];
		uint64_t found = (uint64_t)o->sure + o->solid + o->weak, stored = s->python_objects[i].stored;

		if (s->python_objects[i].flags & PYTHON_IMMORTAL)
			continue;
		o->excess = stored > found ? stored - found : 0;
		if (left && s->blocks[s->python_objects[i].block].birth <= left) {
			o->left = o->excess;
			o->excess = 0;
		}
		o->unsure = stored < o->sure;
	}
}

static bool is_held(const struct work *w, size_t object)
{
	const struct python_object_state *o = &w->h->object[object];

	return w->s->python_objects[object].flags & PYTHON_IMMORTAL || o->unsure || o->solid || o->left
		|| (o->weak && w->s->python_objects[object].stored > o->sure);
}

/* Visits all blocks that those in the queue lead to. The blocks of an object are visited together. */
struct owned {
	uint64_t *first; /* [objects + 1] */
	uint32_t *block;
};

static void list_owned(struct owned *o, const struct python_heap *h)
{
	const struct snapshot *s = h->snapshot;
	uint64_t n = s->python_object_count;

	o->first = alloc_zeroed(n + 2, sizeof(*o->first));
	o->block = alloc_bytes((s->block_count + 1) * sizeof(*o->block));
	for (size_t i = 0; i < s->block_count; i++)
		if (h->object_of[i] != PYTHON_HEAP_NONE)
			o->first[h->object_of[i] + 2]++;
	for (uint64_t i = 1; i < n + 2; i++)
		o->first[i] += o->first[i - 1];
	for (uint32_t i = 0; i < s->block_count; i++)
		if (h->object_of[i] != PYTHON_HEAP_NONE)
			o->block[o->first[h->object_of[i] + 1]++] = i;
}

static void visit_block(struct work *w, uint32_t block, uint64_t *last)
{
	if (w->visited[block])
		return;
	w->visited[block] = VISITED;
	w->queue[(*last)++] = block;
}

static void visit_object(struct work *w, const struct owned *o, uint32_t object, uint64_t *last)
{
	for (uint64_t k = o->first[object]; k < o->first[object + 1]; k++)
		visit_block(w, o->block[k], last);
}

static void visit_all(struct work *w, const struct owned *o, uint64_t last)
{
	for (uint64_t first = 0; first < last; first++) {
		uint32_t block = w->queue[first];

		for (uint64_t k = first_of_edges(w, block); k < end_of_edges(w, block); k++) {
			const struct tide_edge *e = &w->s->edges[k];

			if (w->h->object_of[e->block] == PYTHON_HEAP_NONE)
				visit_block(w, e->block, &last);
			else if (is_counted(w, e))
				visit_object(w, o, w->h->object_of[e->block], &last);
		}
	}
}

static void reach_objects(struct work *w, const struct owned *o)
{
	const struct snapshot *s = w->s;
	uint64_t last = 0;

	for (uint32_t i = 0; i < s->python_object_count; i++)
		if (is_held(w, i))
			visit_object(w, o, i, &last);
	for (uint32_t i = 0; i < s->block_count; i++)
		if (w->h->object_of[i] == PYTHON_HEAP_NONE && w->raw[i] == RAW_ROOT)
			visit_block(w, i, &last);
	visit_all(w, o, last);
	for (size_t i = 0; i < s->block_count; i++)
		w->visited[i] = w->visited[i] ? REACHED : 0;
	for (size_t i = 0; i < s->python_object_count; i++)
		w->h->object[i].reachable = w->visited[s->python_objects[i].block];
	/* Of the rest: what an object that will never be freed keeps alive. */
	last = 0;
	for (uint32_t i = 0; i < s->python_object_count; i++)
		if (w->h->object[i].excess && !w->h->object[i].reachable)
			visit_object(w, o, i, &last);
	visit_all(w, o, last);
	for (size_t i = 0; i < s->python_object_count; i++)
		w->h->object[i].pinned = !w->h->object[i].reachable && w->visited[s->python_objects[i].block];
}

/* --- components -------------------------------------------------------------------- */

/* Which block represents each: an object what it owns, an instance its own __dict__. */
static void make_nodes(struct work *w)
{
	const struct snapshot *s = w->s;
	const struct python_heap *h = w->h;

	for (uint32_t i = 0; i < s->block_count; i++)
		w->node[i] =
			h->object_of[i] == PYTHON_HEAP_NONE ? i : s->python_objects[h->object_of[i]].block;
	for (uint32_t i = 0; i < s->python_object_count; i++) {
		uint32_t block = s->python_objects[i].block;

		if (h->object[i].reachable || !s->block_type_count
			|| !(s->types[s->block_types[block].type].flags & TYPE_FLAG_DICT))
			continue;
		for (uint64_t k = first_of_edges(w, block); k < end_of_edges(w, block); k++) {
			uint32_t to = s->edges[k].block, object = h->object_of[to];

			if (!is_counted(w, &s->edges[k]) || s->python_objects[object].stored != 1
				|| h->object[object].sure != 1
				|| !(s->types[s->block_types[to].type].flags & TYPE_FLAG_DICTIONARY))
				continue;
			w->node[to] = block;
		}
	}
	/* What a __dict__ owns. */
	for (uint32_t i = 0; i < s->block_count; i++)
		w->node[i] = w->node[w->node[i]];
}

static bool is_node_edge(const struct work *w, const struct tide_edge *e)
{
	return w->h->object_of[e->block] == PYTHON_HEAP_NONE || is_counted(w, e);
}

/* The graph between nodes that are not reachable. */
static void make_graph(struct work *w, struct graph *g, uint8_t *state, uint8_t *loop)
{
	const struct snapshot *s = w->s;
	uint32_t n = (uint32_t)s->block_count;

	*g = (struct graph){ .snapshot = s, .blocks = n };
	g->start = alloc_zeroed((uint64_t)n + 2, sizeof(*g->start));
	for (uint32_t i = 0; i < n; i++)
		state[i] = w->node[i] != i || w->visited[i] == REACHED;
	for (int fill = 0; fill < 2; fill++) {
		for (uint32_t i = 0; i < n; i++) {
			uint32_t from = w->node[i];

			if (state[from])
				continue;
			for (uint64_t k = first_of_edges(w, i); k < end_of_edges(w, i); k++) {
				uint32_t to = w->node[s->edges[k].block];

				if (!is_node_edge(w, &s->edges[k]) || state[to])
					continue;
				if (to == from && is_counted(w, &s->edges[k]) && s->edges[k].block == from)
					loop[from] = 1;
				if (to == from)
					continue;
				if (fill)
					g->out[g->start[from + 1]++] = to;
				else
					g->start[from + 2]++;
			}
		}
		if (fill)
			break;
		for (uint32_t i = 1; i < n + 2; i++)
			g->start[i] += g->start[i - 1];
		g->out = alloc_bytes(((uint64_t)g->start[n + 1] + 1) * sizeof(*g->out));
	}
}

static void add_component(struct work *w, uint32_t block, uint32_t component)
{
	struct python_heap *h = w->h;
	uint32_t object = h->object_of[block];
	struct python_object_state *o;
	struct python_component *c = &h->component[component];

	if (object == PYTHON_HEAP_NONE || w->s->python_objects[object].block != block)
		return;
	o = &h->object[object];
	o->component = component;
	c->objects++;
	c->bytes += o->bytes;
	c->excess += o->excess;
	c->pinned |= o->pinned;
}

static void find_components(struct work *w)
{
	const struct snapshot *s = w->s;
	struct python_heap *h = w->h;
	uint8_t *state = alloc_zeroed(s->block_count + 1, 1), *loop = alloc_zeroed(s->block_count + 1, 1);
	struct components c;
	struct graph g;
	uint32_t *number;

	make_nodes(w);
	make_graph(w, &g, state, loop);
	components_find(&c, &g, state, NULL);
	number = alloc_bytes(((uint64_t)c.count + 1) * sizeof(*number));
	for (uint32_t i = 0; i < c.count; i++)
		number[i] = PYTHON_HEAP_NONE;
	h->component = alloc_zeroed((uint64_t)c.count + 1, sizeof(*h->component));
	for (uint32_t i = 0; i < s->block_count; i++) {
		uint32_t of = state[w->node[i]] ? GRAPH_NONE : c.of[w->node[i]];

		if (of == GRAPH_NONE || (c.size[of] < 2 && !loop[w->node[i]]))
			continue;
		if (number[of] == PYTHON_HEAP_NONE)
			number[of] = h->components++;
		add_component(w, i, number[of]);
		if (loop[i] && h->object_of[i] != PYTHON_HEAP_NONE)
			h->object[h->object_of[i]].self = true;
	}
	components_free(&c);
	free(number);
	free(g.start);
	free(g.out);
	free(state);
	free(loop);
}

void python_heap_find(struct python_heap *h, const struct snapshot *s)
{
	struct work w = { .h = h, .s = s };
	struct owned o;
	uint64_t n = s->block_count + 1;

	*h = (struct python_heap){ .snapshot = s };
	h->object_of = alloc_bytes(n * sizeof(*h->object_of));
	h->object = alloc_zeroed(s->python_object_count + 1, sizeof(*h->object));
	w.raw = alloc_zeroed(n, 1);
	w.head = alloc_zeroed(n, 1);
	w.visited = alloc_zeroed(n, 1);
	w.queue = alloc_bytes(n * sizeof(*w.queue));
	w.node = alloc_bytes(n * sizeof(*w.node));
	map_objects(&w);
	follow_raw_blocks(&w);
	count_references(&w);
	list_owned(&o, h);
	reach_objects(&w, &o);
	find_components(&w);
	free(o.first);
	free(o.block);
	free(w.raw);
	free(w.head);
	free(w.visited);
	free(w.queue);
	free(w.node);
}

void python_heap_free(struct python_heap *h)
{
	free(h->object_of);
	free(h->object);
	free(h->component);
	*h = (struct python_heap){ 0 };
}
