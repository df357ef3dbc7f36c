/* Seeds of dwarf_fuzz.c: what C has. Compiled as a library, never run. */
struct item {
	struct item *next, *previous;
	double value;
};
struct opaque;
typedef struct {
	struct item *item;
	unsigned flag : 3;
	int more;
} slot_t;
struct cell {
	struct item *it;
};
struct base {
	int kind;
	struct item *owner;
};
struct derived {
	struct base base;
	struct item *a, *b;
};
struct holder {
	char name[8];
	const slot_t slots[3];
	struct {
		struct item *inner;
		long n;
	};
	union {
		struct item *one;
		struct cell *other;
		long number;
	} u;
	void *any;
	volatile char *text;
	struct opaque *hidden;
	struct item **list;
	struct item *grid[2][2];
	void (*call)(void);
	enum { RED, GREEN } colour;
};
struct tail {
	int n;
	struct item *items[];
};

void *calloc(unsigned long count, unsigned long bytes);
struct holder table[4];
struct item *head;
__thread struct holder *mine;
struct derived d;
struct tail *t;

static inline struct item *make(struct item *next)
{
	struct item *made = calloc(1, sizeof(struct item));

	if (made)
		made->next = next;
	return made;
}

int build(int n)
{
	static struct cell local;

	for (int i = 0; i < n; i++)
		head = make(head);
	{
		struct base inner = { n, head };

		d.base = inner;
	}
	mine = &table[1];
	local.it = head;
	return local.it && t && t->n;
}
