/* A lost list a million deep.
 *
 * cases: leak held
 * truth[leak]: unreferenced blocks=1 bytes=24 site=make_node
 * truth[leak]: indirect blocks=999999 bytes=23999976 site=make_node
 */
#include "truth.h"

struct node { struct node *next; long a, b; };
struct node *list;

static NOINLINE struct node *make_node(void)
{
	struct node *n = malloc(sizeof(*n));
	HIDE(n);
	return n;
}

static void scenario(void)
{
	struct node *first = NULL;
	for (int i = 0; i < 1000000; i++) {
		struct node *n = make_node();
		n->next = first;
		n->a = n->b = 0;
		first = n;
	}
	if (is_case("held"))
		list = first;
}
