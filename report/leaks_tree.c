/* leaks_tree.c - what hangs below a root leak, with the offsets of the fields that hold it.
 *
 * A line stands for a set of blocks: those that blocks of the line above hold at one offset and that
 * come from one site, and all of that site that these hold in turn (a list is one line, not a million).
 * So equal trees fall together. A block is in one line only.
 */
#include <stdlib.h>
#include <string.h>
#include "leaks_view.h"
#include "place.h"
#include "units.h"
#include "view.h"

#define DEEPEST 12u		/* levels shown; also bounds the recursion */
#define MOST_CHILDREN 16u	/* lines below one line */
#define MOST_OFFSETS 4u

struct list { uint32_t *block; size_t count, room; };
struct pair { uint64_t key; uint32_t block; };	/* offset << 32 | site */
struct pairs { struct pair *pair; size_t count, room; };

struct level {
	uint32_t set, site;
	uint32_t link[MOST_OFFSETS], links;	/* offsets at which the set holds more of itself */
	uint64_t back[MOST_CHILDREN];		/* offset << 32 | level that it leads back to */
	unsigned backs;
};

struct leaks_tree {
	struct leaks_view *v;
	struct table *table;
	uint32_t *mark;		/* [blocks] set + 1 that a block is in; below `first`: none yet */
	uint32_t next, first;
	uint32_t ring;		/* only blocks of this component; GRAPH_NONE: all */
	struct level path[DEEPEST + 1];
	void (*line)(void *arg, const struct leaks_line *line);
	void *arg;
};

struct leaks_tree *leaks_tree_new(struct leaks_view *v, struct table *table)
{
	struct leaks_tree *t = memory_get_zeroed(1, sizeof(*t));

	t->v = v;
	t->table = table;
	t->mark = memory_get_zeroed((uint64_t)v->leaks.graph.blocks + 1, sizeof(*t->mark));
	t->next = 1;
	return t;
}

void leaks_tree_free(struct leaks_tree *t)
{
	free(t->mark);
	free(t);
}

void leaks_tree_lines(struct leaks_tree *t, void (*line)(void *arg, const struct leaks_line *), void *arg)
{
	t->line = line;
	t->arg = arg;
}

static void list_add(struct list *l, uint32_t block)
{
	if (l->count == l->room) {
		l->room = l->room ? l->room * 2 : 16;
		l->block = memory_resize(l->block, l->room * sizeof(*l->block));
	}
	l->block[l->count++] = block;
}

static void pairs_add(struct pairs *p, uint64_t key, uint32_t block)
{
	if (p->count == p->room) {
		p->room = p->room ? p->room * 2 : 16;
		p->pair = memory_resize(p->pair, p->room * sizeof(*p->pair));
	}
	p->pair[p->count++] = (struct pair){ key, block };
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

static void note_link(struct level *l, uint32_t offset)
{
	for (uint32_t i = 0; i < l->links; i++)
		if (l->link[i] == offset)
			return;
	if (l->links < MOST_OFFSETS)
		l->link[l->links++] = offset;
}

static void note_back(struct level *l, uint32_t offset, unsigned to)
{
	for (unsigned i = 0; i < l->backs; i++)
		if (l->back[i] == ((uint64_t)offset << 32 | to))
			return;
	if (l->backs < MOST_CHILDREN)
		l->back[l->backs++] = (uint64_t)offset << 32 | to;
}

static uint32_t site_of(const struct leaks_tree *t, uint32_t block)
{
	uint32_t site = t->v->snapshot.blocks[block].site;

	return site < t->v->snapshot.site_count ? t->v->leaks.same_site[site] : 0;
}

/* Reads the references of one block: more of the set, lines to come, ways back. */
static void follow(struct leaks_tree *t, unsigned depth, uint32_t block, struct list *set, struct pairs *below)
{
	const struct leaks *l = &t->v->leaks;
	const struct snapshot *s = &t->v->snapshot;
	struct level *level = &t->path[depth];
	uint64_t first, end;

	graph_words(&l->graph, block, &first, &end);
	for (; first < end && !graph_weak(&l->graph, block); first++) {
		uint32_t to = s->edges[first].block, offset = s->edges[first].offset, site;

		if (to >= l->graph.blocks || !LEAK_IS_LOST(l->kind[to] & LEAK_KIND_MASK) ||
		    (t->ring != GRAPH_NONE && l->components.of[to] != t->ring))
			continue;
		site = site_of(t, to);
		if (t->mark[to] < t->first) {
			if (site == level->site) {
				t->mark[to] = level->set;
				list_add(set, to);
				note_link(level, offset);
			} else {
				pairs_add(below, (uint64_t)offset << 32 | site, to);
			}
		} else if (l->components.of[to] == l->components.of[block]) {
			for (unsigned up = 0; up <= depth; up++)
				if (t->path[up].set == t->mark[to])
					note_back(level, offset, up);
		}
	}
}

static char *place_text(struct leaks_tree *t, uint32_t site)
{
	const struct symbol_line *line = view_caller(t->v->symbols, site);
	char *function = place_function(line->function, true), *text;

	if (line->file)
		text = memory_printf("%s %s:%u", function, place_base(place_source(line->file, t->v->common.source_root)),
			line->line);
	else
		text = memory_string(function);
	free(function);
	return text;
}

/* One line on the screen. */
static void print_line(struct leaks_tree *t, const struct leaks_line *l)
{
	char size[UNITS_TEXT], count[UNITS_TEXT], *place = l->kind == LEAKS_LINE_SET || l->kind == LEAKS_LINE_BACK ?
		place_text(t, l->site) : NULL;
	int indent = (int)l->depth * 2;

	switch (l->kind) {
	case LEAKS_LINE_SET:
		units_bytes(size, (int64_t)l->bytes);
		if (l->blocks == 1)
			table_note(t->table, STYLE_PLAIN, "%*s+%u -> %s, %s", indent, "", l->offset, place, size);
		else
			table_note(t->table, STYLE_PLAIN, "%*s+%u -> %s x %s, %s", indent, "", l->offset,
				units_count(count, (int64_t)l->blocks), place, size);
		break;
	case LEAKS_LINE_BACK:
		table_note(t->table, STYLE_BAD, "%*s+%u -> back to %s%s", indent, "", l->offset,
			l->others ? "others of " : "", place);
		break;
	case LEAKS_LINE_NEXT:
		table_note(t->table, STYLE_DIM, "%*s+%u -> the next of these", indent, "", l->offset);
		break;
	case LEAKS_LINE_MORE:
		table_note(t->table, STYLE_DIM, "%*s...", indent, "");
		break;
	}
	free(place);
}

static void tell(struct leaks_tree *t, const struct leaks_line *line)
{
	if (t->line)
		t->line(t->arg, line);
	else
		print_line(t, line);
}

static void tell_set(struct leaks_tree *t, unsigned depth, uint32_t offset, const struct list *set)
{
	const struct snapshot *s = &t->v->snapshot;
	uint64_t bytes = 0;

	for (size_t i = 0; i < set->count; i++)
		bytes += s->blocks[set->block[i]].bytes;
	tell(t, &(struct leaks_line){ .kind = LEAKS_LINE_SET, .depth = depth, .offset = offset,
		.site = t->path[depth].site, .blocks = set->count, .bytes = bytes });
}

static void tell_more(struct leaks_tree *t, unsigned depth)
{
	tell(t, &(struct leaks_line){ .kind = LEAKS_LINE_MORE, .depth = depth });
}

static void tell_ways(struct leaks_tree *t, unsigned depth)
{
	const struct level *level = &t->path[depth];

	for (unsigned i = 0; i < level->backs; i++) {
		unsigned to = (unsigned)level->back[i];

		tell(t, &(struct leaks_line){ .kind = LEAKS_LINE_BACK, .depth = depth + 1,
			.offset = (uint32_t)(level->back[i] >> 32), .site = t->path[to].site,
			.others = to == depth && level->links });
	}
	for (unsigned i = 0; i < level->links; i++)
		tell(t, &(struct leaks_line){ .kind = LEAKS_LINE_NEXT, .depth = depth + 1, .offset = level->link[i] });
}

/* `set` is marked; depth 0 is the row itself, whose line is there. */
static void unfold(struct leaks_tree *t, unsigned depth, uint32_t offset, struct list *set)
{
	struct pairs below = { 0 };
	unsigned lines = 0;

	for (size_t i = 0; i < set->count; i++)
		follow(t, depth, set->block[i], set, &below);
	if (depth)
		tell_set(t, depth, offset, set);
	tell_ways(t, depth);
	if (below.count)
		qsort(below.pair, below.count, sizeof(*below.pair), compare_pairs);
	if (below.count && depth == DEEPEST) {
		tell_more(t, depth + 1);
		below.count = 0;
	}
	for (size_t i = 0, end; i < below.count; i = end) {
		struct list child = { 0 };

		t->path[depth + 1] = (struct level){ .set = t->next, .site = (uint32_t)below.pair[i].key };
		for (end = i; end < below.count && below.pair[end].key == below.pair[i].key; end++)
			if (t->mark[below.pair[end].block] < t->first && lines < MOST_CHILDREN) {
				t->mark[below.pair[end].block] = t->next;
				list_add(&child, below.pair[end].block);
			}
		if (child.count) {
			t->next++;
			lines++;
			unfold(t, depth + 1, (uint32_t)(below.pair[i].key >> 32), &child);
		} else if (lines == MOST_CHILDREN) {
			tell_more(t, depth + 1);
			lines++;
		}
		free(child.block);
	}
	free(below.pair);
}

void leaks_tree_show(struct leaks_tree *t, uint32_t group, bool whole)
{
	const struct leaks *l = &t->v->leaks;
	const struct leak_group *g = &l->groups[group];
	struct list set = { 0 };

	t->first = t->next;
	t->ring = whole ? GRAPH_NONE : l->components.of[g->head];
	t->path[0] = (struct level){ .set = t->next, .site = site_of(t, g->head) };
	if (!whole) {
		t->mark[g->head] = t->next;
		list_add(&set, g->head);
	}
	for (uint32_t i = 0; whole && i < l->graph.blocks; i++)
		if (l->group_of[i] == group && site_of(t, i) == t->path[0].site) {
			t->mark[i] = t->next;
			list_add(&set, i);
		}
	t->next++;
	unfold(t, 0, 0, &set);
	free(set.block);
}
