/* tree.c - see tree.h. */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include "base/alloc.h"
#include "tree.h"

#define TRIM_SITES 16384u /* after so many the frames read for them are let go */

/* Names (function and module) are compared as numbers: each line of the symbols
 * is looked up as text once. */
struct names {
	const struct symbol_line **line; /* by number, from 1 on */
	uint32_t count, room;
	uint32_t *slot, slots;
	uint32_t *of_line, lines; /* by number of the line; 0: not yet known */
};

struct builder {
	struct tree *tree;
	struct names names;
	uint32_t room;
	uint32_t *name; /* by node */
	uint32_t *slot; /* node; 0 = empty: the root is never looked up */
	uint32_t slots; /* a power of two */
	const struct symbol_line **stack;
	size_t stack_room;
};

static bool same_text(const char *a, const char *b) { return a == b || (a && b && !strcmp(a, b)); }

static uint32_t text_slot(const struct names *n, const struct symbol_line *line)
{
	const char *module = line->module ? line->module : "";
	uint64_t h = XXH3_64bits_withSeed(
		line->function, strlen(line->function), XXH3_64bits(module, strlen(module)));
	uint32_t at = (uint32_t)h & (n->slots - 1);

	while (n->slot[at]
		&& (!same_text(n->line[n->slot[at]]->function, line->function)
			|| !same_text(n->line[n->slot[at]]->module, line->module)))
		at = (at + 1) & (n->slots - 1);
	return at;
}

static uint32_t text_number(struct names *n, const struct symbol_line *line)
{
	uint32_t at;

	if (n->count + 1 >= n->room) {
		n->room = n->room ? n->room * 2 : 1024;
		n->slots = n->room * 2;
		n->line = alloc_resize(n->line, n->room * sizeof(*n->line));
		free(n->slot);
		n->slot = alloc_zeroed(n->slots, sizeof(*n->slot));
		for (uint32_t i = 1; i <= n->count; i++)
			n->slot[text_slot(n, n->line[i])] = i;
	}
	at = text_slot(n, line);
	if (!n->slot[at]) {
		n->slot[at] = ++n->count;
		n->line[n->count] = line;
	}
	return n->slot[at];
}

static uint32_t name_of(struct names *n, const struct symbol_line *line)
{
	uint32_t *known, room;

	if (!line->number)
		return text_number(n, line);
	if (line->number >= n->lines) {
		room = line->number * 2 + 1024;
		n->of_line = alloc_resize(n->of_line, room * sizeof(*n->of_line));
		memset(n->of_line + n->lines, 0, (room - n->lines) * sizeof(*n->of_line));
		n->lines = room;
	}
	known = &n->of_line[line->number];
	if (!*known)
		*known = text_number(n, line);
	return *known;
}

static uint32_t first_slot(const struct builder *b, uint32_t parent, uint32_t name)
{
	uint64_t h = ((uint64_t)parent << 32 | name) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32) & (b->slots - 1);
}

static void grow(struct builder *b)
{
	struct tree *t = b->tree;

	b->slots = b->slots ? b->slots * 2 : 4096;
	b->room = b->slots / 2;
	t->node = alloc_resize(t->node, (uint64_t)b->room * sizeof(*t->node));
	b->name = alloc_resize(b->name, (uint64_t)b->room * sizeof(*b->name));
	free(b->slot);
	b->slot = alloc_zeroed(b->slots, sizeof(*b->slot));
	for (uint32_t i = 1; i < t->count; i++) {
		uint32_t at = first_slot(b, t->node[i].parent, b->name[i]);

		while (b->slot[at])
			at = (at + 1) & (b->slots - 1);
		b->slot[at] = i;
	}
}

static uint32_t child_of(struct builder *b, uint32_t parent, const struct symbol_line *line)
{
	struct tree *t = b->tree;
	uint32_t at, name = name_of(&b->names, line);
	struct tree_node *n;

	if (t->count == b->room)
		grow(b);
	for (at = first_slot(b, parent, name); b->slot[at]; at = (at + 1) & (b->slots - 1))
		if (t->node[b->slot[at]].parent == parent && b->name[b->slot[at]] == name)
			return b->slot[at];
	n = &t->node[t->count];
	memset(n, 0, sizeof(*n));
	n->parent = parent;
	n->line = line;
	n->heaviest = INT64_MIN;
	n->depth = t->node[parent].depth + 1;
	b->name[t->count] = name;
	b->slot[at] = t->count;
	return t->count++;
}

static void add_site(struct builder *b, const struct view *v, uint32_t site)
{
	struct tree *t = b->tree;
	size_t count = symbols_walk(v->symbols, site, &b->stack, &b->stack_room);
	size_t caller = symbols_caller(v->symbols, site);
	const struct measures *m = &v->site[site];
	uint32_t at = 0;

	for (size_t i = caller; i < count; i++) {
		const struct symbol_line *l = b->stack[t->bottom_up ? i : count - 1 - (i - caller)];

		at = child_of(b, at, l);
		if (m->of[t->measure[0]] > t->node[at].heaviest) {
			t->node[at].heaviest = m->of[t->measure[0]];
			t->node[at].line = l;
		}
		if (t->bottom_up && i == caller)
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

static int order(const void *a, const void *b)
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
			qsort(child, count, sizeof(*child), order);
		while (count--) {
			t->node[child[count]].next_sibling = next;
			next = child[count];
		}
		t->node[parent].first_child = next;
	}
	free(start);
	free(by_parent);
}

static enum view_measure companion(enum view_measure m)
{
	switch (m) {
	case LIVE_BYTES: return LIVE_BLOCKS;
	case PEAK_BYTES: return PEAK_BLOCKS;
	case LIVE_BLOCKS: return LIVE_BYTES;
	case PEAK_BLOCKS: return PEAK_BYTES;
	case TOTAL_BLOCKS: return TOTAL_BYTES;
	default: return TOTAL_BLOCKS;
	}
}

void tree_build(struct tree *t, const struct view *v, enum view_measure measure, bool bottom_up)
{
	struct builder b = { .tree = t };

	memset(t, 0, sizeof(*t));
	t->measure[0] = measure;
	t->measure[1] = companion(measure);
	t->bottom_up = bottom_up;
	grow(&b);
	memset(&t->node[0], 0, sizeof(t->node[0]));
	t->count = 1;
	for (uint32_t site = 0; site < v->snapshot->site_count; site++) {
		if (v->kept[site] && (v->site[site].of[t->measure[0]] || v->site[site].of[t->measure[1]]))
			add_site(&b, v, site);
		if (site % TRIM_SITES == 0)
			snapshot_trim(v->snapshot);
	}
	free(b.slot);
	free(b.name);
	free(b.stack);
	free(b.names.line);
	free(b.names.slot);
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
