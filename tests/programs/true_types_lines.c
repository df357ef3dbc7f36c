/* true_types_lines - a C program whose types are known by what its lines assign to.
 *
 *	true_types_lines FILE        as true_types_c has it */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static FILE *truth;
#define SAY(p, type) fprintf(truth, "%p %s\n", (void *)(p), type)
struct item { struct item *next; char *name; void *any; long more[3]; };
struct box { int count; struct item *items; struct { double *weights; }; struct item **sorted; };
static struct box *boxes[100];
static void *any[1000]; static int used;
static struct item *make_item(const char *name)
{
	struct item *it = malloc(sizeof *it);
	SAY(it, "item");
	memset(it, 0, sizeof *it);
	it->name = malloc(strlen(name) + 1);
	SAY(it->name, "char");
	strcpy(it->name, name);
	return it;
}
static inline struct box *make_box(int n)
{
	struct box *b = (struct box *)calloc(1, sizeof(*b));
	SAY(b, "box");
	b->items = malloc((size_t)n * sizeof *b->items);
	SAY(b->items, "item");
	memset(b->items, 0, n * sizeof(*b->items));
	b->weights = calloc(n, sizeof(b->weights[0]));
	SAY(b->weights, "double");
	b->sorted = calloc((size_t)n, sizeof(*b->sorted));
	SAY(b->sorted, "item*");
	return b;
}
int main(int argc, char **argv)
{
	truth = argc > 1 ? fopen(argv[1], "w") : NULL;
	if (!truth)
		return 2;
	for (int i = 0; i < 100; i++) {
		boxes[i] = make_box(3 + i % 5);
		for (int k = 0; k < 3; k++) boxes[i]->sorted[k] = make_item("some name that is long");
		any[used++] = make_item("only void pointers have it");
		make_item("nobody has it");
		void *p = malloc(40); SAY(p, "?raw"); any[used++] = p;
	}
	fclose(truth);
	quick_exit(boxes[3] && any[2] ? 0 : 1);
}
