/* Stale words where no pointer can be, by the types of what they lie in: they hold nothing. And pointers in places
 * that look like such: they do.
 *
 * cases: reserved popped deque inner text capacity padding used
 * truth[reserved]: unreferenced blocks=100 bytes=2000 site=make_lost
 * truth[popped]: unreferenced blocks=40 bytes=800 site=make_lost
 * truth[deque]: unreferenced blocks=60 bytes=1200 site=make_lost
 * truth[inner]: unreferenced blocks=40 bytes=800 site=make_lost
 * truth[text]: unreferenced blocks=1 bytes=20 site=make_lost
 * truth[capacity]: unreferenced blocks=20 bytes=400 site=make_lost
 * truth[padding]: unreferenced blocks=1 bytes=20 site=make_lost
 */
#define TRUTH_OWN_MAIN
#include "truth.h"
#include <deque>
#include <string>
#include <vector>

struct Node {
	char text[20];
};
static NOINLINE Node *make_lost(void) { Node *p = (Node *)malloc(sizeof(Node)); HIDE(p); return p; }
static NOINLINE Node *make_node(void) { Node *p = (Node *)malloc(sizeof(Node)); HIDE(p); return p; }

struct Named {
	Named *next;
	std::string name;
};
struct Padded {
	Padded *next;
	long n;
	void *a;
	alignas(16) long m;
};
struct Holder {
	std::vector<Node *> nodes;
	std::vector<std::vector<Node *>> lists;
	std::deque<Node *> queue;
	Named *named;
	Padded *padded;
};
Holder *holder;
std::vector<Node *> global;

/* What looks like unused memory, and is not. */
struct Bits {
	long n;
	unsigned long pointer : 63, mark : 1;
};
struct Any {
	char kind;
	alignas(8) char room[24];
};
struct Either {
	long kind;
	union {
		std::string text;
		Node *node[4];
	};
	Either() : kind(1), node() {}
	~Either() {}
};
struct Base {
	Base() : p(nullptr), n(1) {}
	void *p;
	int n;
};
struct Derived : Base {
	int more;
	void *last;
};
struct Open {
	char kind;
	Node *first;
};
struct Virtual {
	virtual ~Virtual() {}
	char kind = 1;
};
struct Diamond : virtual Virtual {
	Node *node = nullptr;
	char end = 1;
};
struct Tricky {
	Bits *bits;
	Any *any;
	Either *either;
	Base *base;
	Open *open;
	Diamond *diamond;
	std::vector<std::string> *texts;
	std::vector<Either> *many;
	std::vector<char> *arena;
} *tricky;

/* A freed array that was full of pointers. */
static NOINLINE void litter(int words, int first)
{
	void **a = (void **)calloc((size_t)words, 8);

	HIDE(a);
	for (int i = first; i < words; i++)
		a[i] = make_lost();
	free(a);
}

static NOINLINE void put(void *to, void *p) { memcpy(to, &p, sizeof(p)); }

static NOINLINE void use(void)
{
	tricky = new Tricky();
	tricky->bits = new Bits();
	tricky->bits->pointer = (unsigned long)make_node();
	tricky->any = new Any();
	put(tricky->any->room + 8, make_node());
	tricky->either = new Either();
	for (int i = 0; i < 4; i++)
		tricky->either->node[i] = make_node();
	Derived *d = new Derived();
	d->last = make_node();
	tricky->base = d;
	/* Four of them in size, but there is one, and pointers behind it. */
	tricky->open = (Open *)malloc(4 * sizeof(Open));
	for (int i = 0; i < 6; i++)
		put((char *)(tricky->open + 1) + 8 * i, make_node());
	tricky->diamond = new Diamond();
	tricky->diamond->node = make_node();
	tricky->texts = new std::vector<std::string>(3, std::string(100, 'x'));
	tricky->many = new std::vector<Either>(3);
	for (Either &e : *tricky->many)
		e.node[3] = make_node();
	tricky->arena = new std::vector<char>(64);
	put(tricky->arena->data() + 56, make_node());
}

static NOINLINE void scenario(void)
{
	holder = new Holder();
	if (is_case("reserved")) {
		litter(120, 20);
		holder->nodes.reserve(120);
		for (int i = 0; i < 10; i++)
			holder->nodes.push_back(make_node());
	} else if (is_case("popped")) {
		for (int i = 0; i < 50; i++)
			global.push_back(i < 10 ? make_node() : make_lost());
		global.resize(10);
	} else if (is_case("deque")) {
		for (int i = 0; i < 150; i++)
			holder->queue.push_back(i < 60 ? make_lost() : make_node());
		for (int i = 0; i < 60; i++)
			holder->queue.pop_front();
	} else if (is_case("inner")) {
		/* What is behind the end of the outer vector was a vector once, and its memory is another's now. */
		holder->lists.resize(4);
		for (auto &list : holder->lists)
			for (int i = 0; i < 20; i++)
				list.push_back(i < 10 ? make_node() : make_lost());
		for (auto &list : holder->lists)
			list.resize(10);
		holder->nodes.reserve(32);
		holder->lists.reserve(20);
		std::vector<Node *> *last = holder->lists.data() + 10;
		Node **data = holder->nodes.data();
		holder->nodes.push_back(make_node());
		for (int i = 1; i < 5; i++)
			holder->nodes.push_back(make_node());
		put((char *)last, data);
		put((char *)last + 8, data + 1);
		put((char *)last + 16, data + 32);
	} else if (is_case("text")) {
		litter(5, 4);
		holder->named = new Named;
		holder->named->next = nullptr;
	} else if (is_case("capacity")) {
		holder->named = new Named;
		holder->named->next = nullptr;
		litter(26, 6);
		holder->named->name.reserve(200);
		holder->named->name.assign(40, 'x');
	} else if (is_case("padding")) {
		static_assert(sizeof(Padded) == 48, "a word of padding");
		void **a = (void **)calloc(6, 8);
		a[3] = make_lost();
		HIDE(a);
		free(a);
		holder->padded = new Padded;
		holder->padded->next = nullptr;
		holder->padded->a = nullptr;
		holder->padded->n = holder->padded->m = 1;
	} else {
		use();
	}
}

int main(int argc, char **argv)
{
	if (argc > 1)
		truth_case = argv[1];
	scenario();
	scrub();
	CLEAR_REGISTERS();
	quick_exit(truth_status); /* no destructors: what is held stays held */
}
