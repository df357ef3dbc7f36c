// true_types_lines_cc - a C++ program whose types are known by the lines that make them: names in scopes.
//
//	true_types_lines_cc FILE        as true_types_c has it
#include <cstdio>
#include <cstdlib>
#include <unistd.h>
static FILE *truth;
template <class T> T *say(T *p, const char *type) { fprintf(truth, "%p %s\n", (void *)p, type); return p; }
namespace net {
struct Node { long a, b, c; };
struct List {
	struct Node { Node *next; long x[4]; };
	Node *head;
	void add();
	void fill();
};
struct Server { void *all[300]; int used; void serve(); template <class T> void hold(T *p) { all[used++] = p; } };
void List::add() {
	Node *n = new Node;
	n->next = head; head = n; say(n, "net::List::Node");
}
void Server::serve() {
	for (int i = 0; i < 100; i++) {
		Node *n = new Node();
		hold(say(n, "net::Node"));
	}
}
}
struct Global { double d[7]; };
namespace net {
void lose()
{
	for (int i = 0; i < 50; i++) {
		Global *g = new Global;
		say(g, "Global");
	}
}
}
int main(int, char **argv)
{
	truth = fopen(argv[1], "w");
	auto *s = new net::Server; say(s, "net::Server");
	static net::Server *keep; keep = s;
	auto *l = new net::List; say(l, "net::List");
	static net::List *list; list = l;
	for (int i = 0; i < 100; i++) l->add();
	s->serve(); net::lose();
	fclose(truth);
	quick_exit(list && keep ? 0 : 1);
}
