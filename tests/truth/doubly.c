/* Doubly linked lists: an open one of ten, a closed one of ten with its head
 * inside the ring, and one whose head is a global: held.
 *
 * cases: leak fixed
 * truth[leak]: cycle blocks=10 bytes=240 site=make_open
 * truth[leak]: cycle blocks=10 bytes=320 site=make_closed
 * root-cycles[leak]: 2
 * held[leak]: make_held root=global name=head blocks=10
 */
#include "truth.h"

struct node { struct node *next, *previous; long value; };
struct node head = { &head, &head, 0 };

static NOINLINE struct node *make_open(void) { struct node *n = calloc(1, 24); HIDE(n); return n; }
static NOINLINE struct node *make_closed(void) { struct node *n = calloc(1, 32); HIDE(n); return n; }
static NOINLINE struct node *make_held(void) { struct node *n = calloc(1, 40); HIDE(n); return n; }

static void insert(struct node *after, struct node *n)
{
	n->next = after->next;
	n->previous = after;
	if (after->next)
		after->next->previous = n;
	after->next = n;
}

static void scenario(void)
{
	struct node *open = make_open(), *closed = make_closed();
	closed->next = closed->previous = closed;
	for (int i = 1; i < 10; i++) {
		insert(open, make_open());
		insert(closed, make_closed());
	}
	for (int i = 0; i < 10; i++)
		insert(&head, make_held());
	if (!is_case("fixed"))
		return;
	for (struct node *n = open, *next; n; n = next) {
		next = n->next;
		free(n);
	}
	closed->previous->next = NULL;
	for (struct node *n = closed, *next; n; n = next) {
		next = n->next;
		free(n);
	}
	for (struct node *n = head.next, *next; n != &head; n = next) {
		next = n->next;
		free(n);
	}
	head.next = head.previous = &head;
}
