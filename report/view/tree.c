/* tree.c - see tree.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "base/array.h"
#include "base/index.h"
#include "symbol/name.h"
#include "tree.h"

#define TRIM_SITES 16384u /* after so many the frames read for them are let go */

/* Names (function and module) are compared as numbers: each line of the symbols
 * is looked up as text once. */
struct names {
	const struct symbol_line **line; /* by number, from 1 on */
	uint32_t count, room;
	struct index index;
	uint32_t *of_line, lines; /* by number of the line; 0: not yet known */
};

struct builder {
	struct tree *tree;
	struct names names;
	uint32_t node_room, name_room;
	uint32_t *name;           /* by node */
	struct index index;       /* of the nodes by parent and name; the root is not in it */
	struct view_focus *focus; /* NULL: none */
	const struct symbol_line **stack;
	size_t stack_room;
};

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

/* What a function of that name belongs to. Python has one name in many files ("__init__"). */
static const char *place_of(const struct symbol_line *line)
{
	const char *place = line->python ? line->file : line->module;

	return place ? place : "";
}

static uint32_t number_text(struct names *n, const struct symbol_line *line)
{
	const char *place = place_of(line), *name = name_shown(line);
	uint64_t hash = XXH3_64bits_withSeed(name, strlen(name), XXH3_64bits(place, strlen(place)));

	INDEX_EACH(&n->index, hash, probe)
	if (same_text(name_shown(n->line[probe.number]), name)
		&& same_text(place_of(n->line[probe.number]), place))
		return probe.number;
	ARRAY_RESERVE(n->line, n->room, n->count + 2ull); /* from 1 on */
	index_add(&n->index, hash, ++n->count);
	n->line[n->count] = line;
	return n->count;
}

static uint32_t number_name(struct names *n, const struct symbol_line *line)
{
	uint32_t *known, room;

	if (!line->number)
		return number_text(n, line);
	if (line->number >= n->lines) {
		room = line->number * 2 + 1024;
		n->of_line = alloc_resize(n->of_line, room * sizeof(*n->of_line));
		memset(n->of_line + n->lines, 0, (room - n->lines) * sizeof(*n->of_line));
		n->lines = room;
	}
	known = &n->of_line[line->number];
	if (!*known)
		*known = number_text(n, line);
	return *known;
}

static void add_node(struct builder *b, struct tree_node node, uint32_t name)
{
	struct tree *t = b->tree;

	ARRAY_RESERVE(b->name, b->name_room, t->count + 1ull);
	b->name[t->count] = name;
	*ARRAY_ADD(t->node, t->count, b->node_room) = node;
}

static uint32_t find_child(struct builder *b, uint32_t parent, const struct symbol_line *line)
{
	struct tree *t = b->tree;
	uint32_t name = number_name(&b->names, line);
	uint64_t hash = index_hash((uint64_t)parent << 32 | name);

	INDEX_EACH(&b->index, hash, probe)
	if (t->node[probe.number].parent == parent && b->name[probe.number] == name)
		return probe.number;
	index_add(&b->index, hash, t->count);
	add_node(b,
		(struct tree_node){ .parent = parent,
			.line = line,
			.heaviest = INT64_MIN,
			.depth = t->node[parent].depth + 1 },
		name);
	return t->count - 1;
}

/* The part of a stack that is drawn, innermost first; false: none of it. */
static bool choose_part(struct builder *b, size_t count, size_t *first, size_t *last)
{
	size_t at = count;

	*last = count - 1;
	if (!b->focus)
		return *first < count;
	while (at && !view_focus_is(b->focus, b->stack[at - 1]))
		at--;
	if (!at--)
		return false;
	/* An allocator's wrapper may be asked for, too. */
	if (b->tree->bottom_up || at < *first)
		*first = at;
	if (!b->tree->bottom_up)
		*last = at;
	return true;
}

static void add_site(struct builder *b, const struct view *v, uint32_t site)
{
	struct tree *t = b->tree;
	size_t count = symbols_walk(v->symbols, site, &b->stack, &b->stack_room);
	size_t caller = symbols_caller(v->symbols, site), first = caller, last;
	const struct measures *m = &v->site[site];
	uint32_t at = 0;

	if (!choose_part(b, count, &first, &last))
		return;
	for (size_t i = first; i <= last; i++) {
		const struct symbol_line *l = b->stack[t->bottom_up ? i : last - (i - first)];

		at = find_child(b, at, l);
		if (m->of[t->measure[0]] > t->node[at].heaviest) {
			t->node[at].heaviest = m->of[t->measure[0]];
			t->node[at].line = l;
		}
		if (t->bottom_up && i == first && first <= caller)
			for (unsigned k = 0; k < 2; k++)
				view_add(&t->node[at].self[k], m->of[t->measure[k]]);
		if (t->bottom_up)
			for (unsigned k = 0; k < 2; k++)
				view_add(&t->node[at].inclusive[k], m->of[t->measure[k]]);
	}
	for (unsigned k = 0; k < 2; k++)
		if (!t->bottom_up)
			view_add(&t->node[at].self[k], m->of[t->measure[k]]);
		else
			view_add(&t->node[0].inclusive[k], m->of[t->measure[k]]);
}

static const struct tree *sorted; /* for qsort: the verbs have one thread */

static int compare_nodes(const void *a, const void *b)
{
	const struct tree_node *x = &sorted->node[*(const uint32_t *)a];
	const struct tree_node *y = &sorted->node[*(const uint32_t *)b];

	for (unsigned k = 0; k < 2; k++)
		if (x->inclusive[k] != y->inclusive[k])
			return x->inclusive[k] > y->inclusive[k] ? -1 : 1;
	return strcmp(x->line->function, y->line->function);
}

/* Children of a parent side by side first: most are alone, and need no sorting. */
static void link_children(struct tree *t)
{
	uint32_t *by_parent = alloc_bytes((uint64_t)t->count * sizeof(*by_parent));
	uint32_t *start = alloc_zeroed(t->count + 2ull, sizeof(*start));

	for (uint32_t i = 1; i < t->count; i++)
		start[t->node[i].parent + 2]++;
	for (uint32_t i = 2; i <= t->count; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 1; i < t->count; i++)
		by_parent[start[t->node[i].parent + 1]++] = i;
	sorted = t;
	for (uint32_t parent = 0; parent < t->count; parent++) {
		uint32_t *child = by_parent + start[parent], count = start[parent + 1] - start[parent],
			 next = 0;

		if (count > 1)
			qsort(child, count, sizeof(*child), compare_nodes);
		while (count--) {
			t->node[child[count]].next_sibling = next;
			next = child[count];
		}
		t->node[parent].first_child = next;
	}
	free(start);
	free(by_parent);
}

static enum view_measure choose_companion(enum view_measure m)
{
	switch (m) {
	case LIVE_BYTES: return LIVE_BLOCKS;
	case PEAK_BYTES: return PEAK_BLOCKS;
	case LOST_BYTES: return LOST_BLOCKS;
	case LIVE_BLOCKS: return LIVE_BYTES;
	case LOST_BLOCKS: return LOST_BYTES;
	case PEAK_BLOCKS: return PEAK_BYTES;
	case TOTAL_BLOCKS: return TOTAL_BYTES;
	default: return TOTAL_BLOCKS;
	}
}

void tree_build(struct tree *t, const struct view *v, enum view_measure measure, bool bottom_up,
	struct view_focus *focus)
{
	struct builder b = { .tree = t, .focus = focus };

	memset(t, 0, sizeof(*t));
	t->measure[0] = measure;
	t->measure[1] = choose_companion(measure);
	t->bottom_up = bottom_up;
	add_node(&b, (struct tree_node){ 0 }, 0);
	for (uint32_t site = 0; site < v->snapshot->site_count; site++) {
		if (v->kept[site] && (v->site[site].of[t->measure[0]] || v->site[site].of[t->measure[1]]))
			add_site(&b, v, site);
		if (site % TRIM_SITES == 0)
			snapshot_trim(v->snapshot);
	}
	index_free(&b.index);
	free(b.name);
	free(b.stack);
	free(b.names.line);
	index_free(&b.names.index);
	free(b.names.of_line);
	/* From the leaves up; in a tree from the leaves every node has its sum already. */
	for (uint32_t i = t->count; i-- > 0 && !bottom_up;) {
		for (unsigned k = 0; k < 2; k++) {
			view_add(&t->node[i].inclusive[k], t->node[i].self[k]);
			if (i)
				view_add(&t->node[t->node[i].parent].inclusive[k], t->node[i].inclusive[k]);
		}
	}
	link_children(t);
}

void tree_free(struct tree *t)
{
	free(t->node);
	memset(t, 0, sizeof(*t));
}
