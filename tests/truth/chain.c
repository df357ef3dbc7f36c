/* A chain of five, and a binary tree of 31.
 *
 * cases: leak fixed held
 * truth[leak]: unreferenced blocks=1 bytes=24 site=make_link
 * truth[leak]: indirect blocks=4 bytes=96 site=make_link
 * truth[leak]: unreferenced blocks=1 bytes=40 site=make_tree
 * truth[leak]: indirect blocks=30 bytes=1200 site=make_tree
 * held[held]: make_link root=global name=kept_chain blocks=5
 * held[held]: make_tree root=global name=kept_tree blocks=31
 * found[held]: make_link roots=0..1 blocks=0..1
 */
#include "truth.h"

struct link { struct link *next; long pad[2]; };
struct tree { struct tree *left, *right; long pad[3]; };

struct link *kept_chain;
struct tree *kept_tree;

static NOINLINE struct link *make_link(struct link *next)
{
	struct link *l = calloc(1, sizeof(*l));
	HIDE(l);
	l->next = next;
	return l;
}

static NOINLINE struct tree *make_tree(int depth)
{
	struct tree *t = calloc(1, sizeof(*t));
	HIDE(t);
	if (depth > 1) {
		t->left = make_tree(depth - 1);
		t->right = make_tree(depth - 1);
	}
	return t;
}

static NOINLINE void free_tree(struct tree *t)
{
	if (!t)
		return;
	free_tree(t->left);
	free_tree(t->right);
	free(t);
}

static void scenario(void)
{
	struct link *l = NULL;
	for (int i = 0; i < 5; i++)
		l = make_link(l);
	struct tree *t = make_tree(5);
	if (is_case("fixed")) {
		while (l) {
			struct link *next = l->next;
			free(l);
			l = next;
		}
		free_tree(t);
	} else if (is_case("held")) {
		kept_chain = l;
		kept_tree = t;
	}
}
