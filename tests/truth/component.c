/* A lost ring of three that leads to a ring of four (an inner ring: something
 * outside it refers to it), which has a tail of two; and a ring that a lost
 * single block refers to.
 *
 * cases: leak fixed
 * truth[leak]: cycle blocks=3 bytes=96 site=outer
 * truth[leak]: indirect blocks=4 bytes=160 site=inner
 * truth[leak]: indirect blocks=2 bytes=48 site=tail
 * truth[leak]: unreferenced blocks=1 bytes=64 site=owner
 * truth[leak]: indirect blocks=5 bytes=360 site=owned
 * root-cycles[leak]: 1
 */
#include "truth.h"

struct node { struct node *next, *more; };

static struct node *all[32];
static int count;

static NOINLINE struct node *outer(void) { struct node *n = calloc(1, 32); HIDE(n); return n; }
static NOINLINE struct node *inner(void) { struct node *n = calloc(1, 40); HIDE(n); return n; }
static NOINLINE struct node *tail(void) { struct node *n = calloc(1, 24); HIDE(n); return n; }
static NOINLINE struct node *owner(void) { struct node *n = calloc(1, 64); HIDE(n); return n; }
static NOINLINE struct node *owned(void) { struct node *n = calloc(1, 72); HIDE(n); return n; }

static NOINLINE struct node *ring(struct node *(*make)(void), int n)
{
	struct node *first = make(), *last = first;
	all[count++] = first;
	for (int i = 1; i < n; i++) {
		last->next = make();
		last = last->next;
		all[count++] = last;
	}
	last->next = first;
	return first;
}

static void scenario(void)
{
	struct node *a = ring(outer, 3), *b = ring(inner, 4);
	a->next->more = b;
	b->next->next->more = all[count++] = tail();
	b->next->next->more->next = all[count++] = tail();
	struct node *o = all[count++] = owner();
	o->more = ring(owned, 5);
	if (is_case("fixed"))
		for (int i = 0; i < count; i++)
			free(all[i]);
	memset(all, 0, sizeof(all));
}
