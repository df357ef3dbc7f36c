/* tree.c - see tree.h. */
#include <stdlib.h>
#include <string.h>
#include "tree.h"

struct builder {
	struct tree *tree;
	uint32_t room;
	uint32_t *slot;			/* node; 0 = empty: the root is never looked up */
	uint32_t slots;			/* a power of two */
};

/* FNV-1a over the names, begun with the parent. */
static uint32_t hash_node(uint32_t parent, const struct symbol_line *line)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ parent * UINT64_C(0x9e3779b97f4a7c15);

	for (const char *c = line->function; *c; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
	for (const char *c = line->module ? line->module : ""; *c; c++)
		h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
	return (uint32_t)(h >> 32 ^ h);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static void grow(struct builder *b)
{
	struct tree *t = b->tree;

	b->slots = b->slots ? b->slots * 2 : 4096;
	b->room = b->slots / 2;
	t->node = memory_resize(t->node, (uint64_t)b->room * sizeof(*t->node));
	free(b->slot);
	b->slot = memory_get_zeroed(b->slots, sizeof(*b->slot));
	for (uint32_t i = 1; i < t->count; i++) {
		uint32_t at = hash_node(t->node[i].parent, t->node[i].line) & (b->slots - 1);

		while (b->slot[at])
			at = (at + 1) & (b->slots - 1);
		b->slot[at] = i;
	}
}

static uint32_t child_of(struct builder *b, uint32_t parent, const struct symbol_line *line)
{
	struct tree *t = b->tree;
	struct tree_node *n;
	uint32_t at;

	if (t->count == b->room)
		grow(b);
	for (at = hash_node(parent, line) & (b->slots - 1); b->slot[at]; at = (at + 1) & (b->slots - 1)) {
		n = &t->node[b->slot[at]];
		if (n->parent == parent && same_text(n->line->function, line->function) &&
		    same_text(n->line->module, line->module))
			return b->slot[at];
	}
	n = &t->node[t->count];
	memset(n, 0, sizeof(*n));
	n->parent = parent;
	n->line = line;
	n->heaviest = INT64_MIN;
	n->depth = t->node[parent].depth + 1;
	b->slot[at] = t->count;
	return t->count++;
}

static void add_site(struct builder *b, const struct view *v, uint32_t site)
{
	struct tree *t = b->tree;
	size_t count, caller;
	const struct symbol_line *line = symbols_stack(v->symbols, site, &count);
	const struct measures *m = &v->site[site];
	uint32_t at = 0;

	caller = count ? symbols_caller(v->symbols, site) : 0;
	for (size_t i = caller; i < count; i++) {
		const struct symbol_line *l = &line[t->bottom_up ? i : count - 1 - (i - caller)];

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

static const struct tree *sorted;	/* for qsort: the verbs have one thread */

static int order(const void *a, const void *b)
{
	const struct tree_node *x = &sorted->node[*(const uint32_t *)a];
	const struct tree_node *y = &sorted->node[*(const uint32_t *)b];

	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	for (unsigned k = 0; k < 2; k++)
		if (x->inclusive[k] != y->inclusive[k])
			return x->inclusive[k] > y->inclusive[k] ? -1 : 1;
	return strcmp(x->line->function, y->line->function);
}

static void link_children(struct tree *t)
{
	uint32_t *by_parent = memory_get((uint64_t)t->count * sizeof(*by_parent));

	for (uint32_t i = 1; i < t->count; i++)
		by_parent[i - 1] = i;
	sorted = t;
	if (t->count > 1)
		qsort(by_parent, t->count - 1, sizeof(*by_parent), order);
	for (uint32_t i = t->count - 1; i-- > 0; ) {
		struct tree_node *n = &t->node[by_parent[i]], *parent = &t->node[n->parent];

		n->next_sibling = parent->first_child;
		parent->first_child = by_parent[i];
	}
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
	for (uint32_t site = 0; site < v->snapshot->site_count; site++)
		if (v->kept[site] && (v->site[site].of[t->measure[0]] || v->site[site].of[t->measure[1]]))
			add_site(&b, v, site);
	free(b.slot);
	/* From the leaves up; in a tree from the leaves every node has its sum already. */
	for (uint32_t i = t->count; i-- > 0 && !bottom_up; ) {
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
