/* true_types_c - a C program that says the true type of each block that it has.
 *
 *	true_types_c FILE [wait]
 *
 * Lines of FILE are "ADDRESS TYPE"; of an array the type is its element's. "?" before the type: only pointers
 * that prove nothing lead to the block. All memory comes from one wrapper, so that no
 * line of source tells types; only what points to the blocks does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *truth;

__attribute__((noinline)) static void *make(size_t bytes, const char *type)
{
	void *p = calloc(1, bytes);

	fprintf(truth, "%p %s\n", p, type);
	return p;
}
#define MAKE(type) make(sizeof(struct type), #type)

struct entry {
	struct entry *next;
	char *key;
	void *value;
	unsigned hash;
};
struct table {
	struct entry **buckets;
	size_t size, used;
};
typedef struct {
	double x, y, z;
} point_t;
struct shape { /* a base */
	int kind;
	struct shape *next;
};
struct circle {
	struct shape shape;
	point_t *centre;
	double radius, area, from, to;
};
struct polygon {
	struct shape shape;
	point_t *corner;
	int corners;
	double *weight;
};
struct message { /* with what follows it */
	size_t length;
	struct entry *about;
	char text[];
};
struct batch {
	int count;
	struct message *messages[];
};
struct node {
	struct node *child[2], *parent;
	union {
		struct circle *circle;
		struct polygon *polygon;
		long number;
	} value;
	int is_polygon;
};
struct same_size { /* as large as a node */
	long a[5];
};
struct handle;
struct client {
	struct handle *handle;
	struct client **friends;
	struct batch *batch;
	struct same_size *stale, *other;
	int *numbers;
};
struct handle {
	struct client *of;
	char name[40];
};
struct link { /* in the middle of what it links */
	struct link *next, *previous;
};
struct task {
	long id;
	struct link link;
	struct client *client;
};

static struct table table;
static struct {
	struct shape *shapes;
	struct node *root;
	struct link tasks;
} state;
static __thread struct client *mine;
static void *anything[200];

static char *make_text(const char *text) { return strcpy(make(strlen(text) + 1, "?char"), text); }

static void fill_table(void)
{
	table.size = 512;
	table.buckets = make(table.size * sizeof(*table.buckets), "entry*");
	for (int i = 0; i < 600; i++) {
		struct entry *e = MAKE(entry);

		e->hash = (unsigned)i * 2654435761u % 512;
		e->key = make_text("key");
		/* Some values are entries, too, which only a void pointer knows. */
		e->value = i % 10 ? NULL : make(sizeof(struct entry), "?entry");
		e->next = table.buckets[e->hash];
		table.buckets[e->hash] = e;
	}
}

static void fill_shapes(void)
{
	for (int i = 0; i < 200; i++) {
		struct circle *c = MAKE(circle);
		struct polygon *p = MAKE(polygon);

		c->centre = make(sizeof(point_t), "point_t");
		p->corners = 3 + i % 9;
		p->corner = make(sizeof(point_t) * (size_t)p->corners, "point_t");
		p->weight = make(sizeof(double) * (size_t)p->corners, "double");
		c->shape.next = state.shapes;
		p->shape.next = &c->shape;
		state.shapes = &p->shape;
	}
}

static struct node *make_tree(struct node *parent, int depth)
{
	struct node *n = MAKE(node);

	n->parent = parent;
	n->is_polygon = depth % 2;
	if (n->is_polygon)
		n->value.polygon = make(sizeof(struct polygon), "?polygon");
	else
		n->value.circle = make(sizeof(struct circle), "?circle");
	for (int i = 0; i < 2 && depth; i++)
		n->child[i] = make_tree(n, depth - 1);
	return n;
}

/* The program reads all it has, so that no compiler leaves anything out. */
__attribute__((noinline)) static void use(void)
{
	printf("%p %p %p %p %p %p\n", (void *)table.buckets, (void *)state.shapes, (void *)state.root,
		(void *)state.tasks.next, (void *)mine, anything[3]);
}

static struct client *make_client(int i)
{
	struct client *c = MAKE(client);

	c->handle = MAKE(handle);
	c->handle->of = c;
	c->friends = make(8 * sizeof(*c->friends), "client*");
	c->numbers = make(100 * sizeof(int), "int");
	c->batch = make(sizeof(struct batch) + 5 * sizeof(struct message *), "batch");
	c->batch->count = 5;
	for (int k = 0; k < 5; k++) {
		size_t length = (size_t)(i * 7 + k * 13) % 200;
		struct message *m = make(sizeof(*m) + length, "message");

		m->length = length;
		m->about = table.buckets[k];
		c->batch->messages[k] = m;
	}
	return c;
}

static void fill_clients(void)
{
	struct client *last = NULL;
	struct node *leaf = state.root;

	while (leaf->child[1])
		leaf = leaf->child[1];
	for (int i = 0; i < 100; i++) {
		struct client *c = make_client(i);
		struct task *t = make(sizeof(*t), "?task");

		c->friends[0] = last;
		last = c;
		t->client = c;
		t->link.next = state.tasks.next;
		state.tasks.next = &t->link;
		/* A pointer into memory that now is something else, and one that is right. */
		if (i % 3 == 0)
			c->stale = (struct same_size *)leaf;
		else
			c->other = MAKE(same_size);
		anything[i] = i % 2 ? make(sizeof(struct node), "?node") : make(sizeof(struct circle), "?circle");
	}
	mine = last;
}

int main(int argc, char **argv)
{
	truth = argc > 1 ? fopen(argv[1], "w") : NULL;
	if (!truth)
		return 2;
	fill_table();
	fill_shapes();
	state.root = make_tree(NULL, 7);
	fill_clients();
	fflush(truth);
	if (argc > 3)
		use();
	if (argc > 2)
		pause();
	quick_exit(0);
}
