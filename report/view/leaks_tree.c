/* leaks_tree.c - what hangs below a root leak, with the offsets of the fields that hold it.
 *
 * A line stands for a set of blocks: those that blocks of the line above hold at one offset and that
 * come from one site, and all of that site that these hold in turn (a list is one line, not a million).
 * So equal trees fall together. A block is in one line only.
 */
#include <stdlib.h>
#include <string.h>
#include "base/array.h"
#include "leaks_view.h"

#define DEEPEST 12u       /* levels shown; also bounds the recursion */
#define MOST_CHILDREN 16u /* lines below one line */
#define MOST_OFFSETS 4u

struct list {
	uint32_t *block;
	size_t count, capacity;
};
struct pair {
	uint64_t key; /* offset << 32 | site */
	uint32_t block, holder;
};
struct pairs {
	struct pair *pair;
	size_t count, capacity;
};

struct level {
	uint32_t set, site;
	uint32_t link[MOST_OFFSETS], links; /* offsets at which the set holds more of itself */
	uint32_t link_holder[MOST_OFFSETS]; /* a block that does */
	uint64_t back[MOST_CHILDREN];       /* offset << 32 | level that it leads back to */
	uint32_t back_holder[MOST_CHILDREN];
	unsigned backs;
};

struct leaks_tree {
	struct leaks_view *v;
	uint32_t *mark; /* [blocks] set + 1 that a block is in; below `first`: none yet */
	uint32_t next, first;
	uint32_t cycle; /* only blocks of this component; GRAPH_NONE: all */
	struct level path[DEEPEST + 1];
	void (*line)(void *context, const struct leaks_line *line);
	void *context;
};

struct leaks_tree *leaks_tree_new(struct leaks_view *v)
{
	struct leaks_tree *t = alloc_zeroed(1, sizeof(*t));

	t->v = v;
	t->mark = alloc_zeroed((uint64_t)v->leaks.graph.blocks + 1, sizeof(*t->mark));
	t->next = 1;
	return t;
}

void leaks_tree_free(struct leaks_tree *t)
{
	free(t->mark);
	free(t);
}

static void add_block(struct list *l, uint32_t block) { *ARRAY_ADD(l->block, l->count, l->capacity) = block; }

static void add_pair(struct pairs *p, uint64_t key, uint32_t block, uint32_t holder)
{
	*ARRAY_ADD(p->pair, p->count, p->capacity) = (struct pair){ key, block, holder };
}

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

static void note_link(struct level *l, uint32_t offset, uint32_t holder)
{
	for (uint32_t i = 0; i < l->links; i++)
		if (l->link[i] == offset)
			return;
	if (l->links < MOST_OFFSETS) {
		l->link_holder[l->links] = holder;
		l->link[l->links++] = offset;
	}
}

static void note_back(struct level *l, uint32_t offset, unsigned to, uint32_t holder)
{
	for (unsigned i = 0; i < l->backs; i++)
		if (l->back[i] == ((uint64_t)offset << 32 | to))
			return;
	if (l->backs < MOST_CHILDREN) {
		l->back_holder[l->backs] = holder;
		l->back[l->backs++] = (uint64_t)offset << 32 | to;
	}
}

static uint32_t site_of(const struct leaks_tree *t, uint32_t block)
{
	uint32_t site = t->v->snapshot.blocks[block].site;

	return site < t->v->snapshot.site_count ? t->v->leaks.same_site[site] : 0;
}

/* Reads the references of one block: more of the set, lines to come, ways back. */
static void follow(
	struct leaks_tree *t, unsigned depth, uint32_t block, struct list *set, struct pairs *below)
{
	const struct leaks *l = &t->v->leaks;
	const struct snapshot *s = &t->v->snapshot;
	struct level *level = &t->path[depth];
	uint64_t first, end;

	graph_words(&l->graph, block, &first, &end);
	for (; first < end && !graph_weak(&l->graph, block); first++) {
		uint32_t to = s->edges[first].block, offset = s->edges[first].offset, site;

		if (to >= l->graph.blocks || snapshot_unused(s, first)
			|| !LEAK_IS_LOST(l->kind[to] & LEAK_KIND_MASK)
			|| (t->cycle != GRAPH_NONE && l->components.of[to] != t->cycle))
			continue;
		site = site_of(t, to);
		if (t->mark[to] < t->first) {
			if (site == level->site) {
				t->mark[to] = level->set;
				add_block(set, to);
				note_link(level, offset, block);
			} else {
				add_pair(below, (uint64_t)offset << 32 | site, to, block);
			}
		} else if (l->components.of[to] == l->components.of[block]) {
			for (unsigned up = 0; up <= depth; up++)
				if (t->path[up].set == t->mark[to])
					note_back(level, offset, up, block);
		}
	}
}

static void report_set(
	struct leaks_tree *t, unsigned depth, uint32_t offset, uint32_t holder, const struct list *set)
{
	const struct snapshot *s = &t->v->snapshot;
	uint64_t bytes = 0;

	for (size_t i = 0; i < set->count; i++)
		bytes += s->blocks[set->block[i]].bytes;
	t->line(t->context,
		&(struct leaks_line){ .kind = LEAKS_LINE_SET,
			.depth = depth,
			.offset = offset,
			.holder = holder,
			.offsets = 1,
			.site = t->path[depth].site,
			.blocks = set->count,
			.bytes = bytes });
}

static void report_more(struct leaks_tree *t, unsigned depth)
{
	t->line(t->context, &(struct leaks_line){ .kind = LEAKS_LINE_MORE, .depth = depth });
}

/* More ways back than these to one line are hardly fields: they become one line. */
#define MOST_FIELDS 3u

static void report_ways(struct leaks_tree *t, unsigned depth)
{
	const struct level *level = &t->path[depth];

	for (unsigned i = 0; i < level->backs; i++) {
		unsigned to = (unsigned)level->back[i], before = 0, all = 0;

		for (unsigned k = 0; k < level->backs; k++) {
			before += k < i && (unsigned)level->back[k] == to;
			all += (unsigned)level->back[k] == to;
		}
		if (all > MOST_FIELDS && before)
			continue;
		t->line(t->context,
			&(struct leaks_line){ .kind = LEAKS_LINE_BACK,
				.depth = depth + 1,
				.offset = (uint32_t)(level->back[i] >> 32),
				.holder = level->back_holder[i],
				.offsets = all > MOST_FIELDS ? all : 1,
				.site = t->path[to].site,
				.others = to == depth && level->links });
	}
	for (unsigned i = 0; i < level->links; i++)
		t->line(t->context,
			&(struct leaks_line){ .kind = LEAKS_LINE_NEXT,
				.depth = depth + 1,
				.offset = level->link[i],
				.holder = level->link_holder[i],
				.offsets = 1 });
}

/* `set` is marked; depth 0 is the row itself, whose line is there. */
static void unfold(struct leaks_tree *t, unsigned depth, uint32_t offset, uint32_t holder, struct list *set)
{
	struct pairs below = { 0 };
	unsigned lines = 0;

	for (size_t i = 0; i < set->count; i++)
		follow(t, depth, set->block[i], set, &below);
	if (depth)
		report_set(t, depth, offset, holder, set);
	report_ways(t, depth);
	if (below.count)
		qsort(below.pair, below.count, sizeof(*below.pair), compare_pairs);
	if (below.count && depth == DEEPEST) {
		report_more(t, depth + 1);
		below.count = 0;
	}
	for (size_t i = 0, end; i < below.count; i = end) {
		struct list child = { 0 };

		t->path[depth + 1] = (struct level){ .set = t->next, .site = (uint32_t)below.pair[i].key };
		for (end = i; end < below.count && below.pair[end].key == below.pair[i].key; end++)
			if (t->mark[below.pair[end].block] < t->first && lines < MOST_CHILDREN) {
				t->mark[below.pair[end].block] = t->next;
				add_block(&child, below.pair[end].block);
			}
		if (child.count) {
			t->next++;
			lines++;
			unfold(t, depth + 1, (uint32_t)(below.pair[i].key >> 32), below.pair[i].holder,
				&child);
		} else if (lines == MOST_CHILDREN) {
			report_more(t, depth + 1);
			lines++;
		}
		free(child.block);
	}
	free(below.pair);
}

void leaks_tree_lines(struct leaks_tree *t, uint32_t group, bool whole,
	void (*line)(void *context, const struct leaks_line *), void *context)
{
	const struct leaks *l = &t->v->leaks;
	const struct leak_group *g = &l->groups[group];
	struct list set = { 0 };

	t->line = line;
	t->context = context;
	t->first = t->next;
	t->cycle = whole ? GRAPH_NONE : l->components.of[g->head];
	t->path[0] = (struct level){ .set = t->next, .site = site_of(t, g->head) };
	if (!whole) {
		t->mark[g->head] = t->next;
		add_block(&set, g->head);
	}
	for (uint32_t i = 0; whole && i < l->graph.blocks; i++)
		if (l->group_of[i] == group && site_of(t, i) == t->path[0].site) {
			t->mark[i] = t->next;
			add_block(&set, i);
		}
	t->next++;
	unfold(t, 0, 0, 0, &set);
	free(set.block);
}
