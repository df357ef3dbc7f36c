/* A block that refers to itself, a ring of two, a ring of a thousand.
 *
 * cases: leak fixed held
 * truth[leak]: unreferenced blocks=1 bytes=16 site=make_self
 * truth[leak]: cycle blocks=2 bytes=48 site=make_two
 * truth[leak]: cycle blocks=1000 bytes=32000 site=make_thousand
 * root-cycles[leak]: 2
 * held[held]: make_two root=global name=kept_two blocks=2
 * held[held]: make_thousand root=global name=kept_thousand blocks=1000
 * found[held]: make_thousand roots=0..1 blocks=1
 */
#include "truth.h"

struct link { struct link *next; };
struct link *kept_self, *kept_two, *kept_thousand;

static NOINLINE struct link *make_self(void)
{
	struct link *l = calloc(1, 16);
	HIDE(l);
	l->next = l;
	return l;
}

static NOINLINE struct link *make_two(void)
{
	struct link *l = calloc(1, 24);
	HIDE(l);
	return l;
}

static NOINLINE struct link *make_thousand(void)
{
	struct link *l = calloc(1, 32);
	HIDE(l);
	return l;
}

static NOINLINE struct link *ring(struct link *(*make)(void), int n)
{
	struct link *first = make(), *last = first;
	for (int i = 1; i < n; i++) {
		last->next = make();
		last = last->next;
	}
	last->next = first;
	return first;
}

static void unring(struct link *first)
{
	for (struct link *l = first->next, *next; l != first; l = next) {
		next = l->next;
		free(l);
	}
	free(first);
}

static void scenario(void)
{
	struct link *self = make_self(), *two = ring(make_two, 2), *thousand = ring(make_thousand, 1000);
	if (is_case("fixed")) {
		unring(self);
		unring(two);
		unring(thousand);
	} else if (is_case("held")) {
		kept_self = self;
		kept_two = two;
		kept_thousand = thousand;
	}
}
