/* tree.h - the stacks of a view as one tree, for `tree` and the exports that draw it.
 *
 * Nodes are functions, not addresses: two calls of g from f are one node, shown
 * with the line of the heavier one. Allocator wrappers are folded.
 *
 * TR1  Node 0 is the root: the whole process. A child's number is greater than
 *     its parent's.
 * TR2  inclusive[] of a node is its self[] plus inclusive[] of its children.
 * TR3  With a focus, only stacks that it is in count, from its outermost call on: the
 *     children of the root are functions of the focus; below them is what they called,
 *     or, in a tree from the bottom up, who called them.
 */
#ifndef TIDEMARK_TREE_H
#define TIDEMARK_TREE_H

#include "view.h"

struct tree_node {
	const struct symbol_line *line;             /* NULL for the root */
	uint32_t parent, first_child, next_sibling; /* 0 = none */
	uint32_t depth;
	int64_t self[2], inclusive[2]; /* of measure[0], measure[1] of the tree */
	int64_t heaviest;              /* of measure[0]: of the site that `line` is from */
};

struct tree {
	enum view_measure measure[2]; /* the one asked for, and the blocks that go with it */
	struct tree_node *node;
	uint32_t count;
	bool bottom_up;
};

/* Children are linked largest inclusive[0] first. `focus`: NULL for whole stacks. */
void tree_build(struct tree *t, const struct view *v, enum view_measure measure, bool bottom_up,
	struct view_focus *focus);
void tree_free(struct tree *t);

#endif
