/* Two owners that share, one that does not, for the view of owners. */
#include <stdlib.h>
#include <string.h>

struct entry {
	struct entry *next;
	char text[1000];
};
struct entry *cache, *registry, *alone;

static struct entry *add(struct entry *next)
{
	struct entry *e = calloc(1, sizeof(*e));

	e->next = next;
	return e;
}

__attribute__((noinline)) static void fill(void)
{
	struct entry *both = NULL;

	for (int i = 0; i < 100; i++)
		both = add(both);
	cache = add(both);
	registry = add(both);
	for (int i = 0; i < 50; i++)
		alone = add(alone);
}

int main(void)
{
	fill();
	exit(0);
}
