// true_types_cc - a C++ program that says the true type of each block that it makes itself.
//
//	true_types_cc FILE [wait]
//
// Lines of FILE are "ADDRESS TYPE"; of an array the type is its element's. "?" before the type: only pointers that
// prove nothing lead to the block.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <unistd.h>
#include <vector>

static FILE *truth;

template <class T> static T *say(T *p, const char *type)
{
	fprintf(truth, "%p %s\n", (void *)p, type);
	return p;
}

namespace net {
struct Base {
	virtual ~Base() {}
	Base *next_ = nullptr;
};
struct Session : Base {
	std::string name_;
	int *numbers_ = nullptr;
};
struct Secure : Session {
	double key_[4];
};
struct Other {
	virtual ~Other() {}
	long a = 0;
};
struct Both : Base, Other {
	Both *twin_ = nullptr;
};
struct Wrapped { // begins with an object that has a vtable
	Session first_;
	long more_[3];
};
struct Plain {
	Plain *next_;
	Base *base_;
	long values_[6];
};
template <class K, class V> struct Pair {
	K key_;
	V *value_;
	Pair *next_;
};
struct Server {
	Base *sessions_ = nullptr;
	Wrapped *wrapped_ = nullptr;
	Plain *plain_ = nullptr;
	Pair<int, Plain> *pairs_ = nullptr;
	std::vector<Plain *> list_;
	std::unique_ptr<Plain[]> array_;
	std::map<int, Plain *> map_;
	struct Private;
	Private *private_ = nullptr;
	void *any_[64];
	unsigned char *raw_ = nullptr;
};
struct Server::Private {
	Server *server_;
	Other *other_;
	Both *both_;
	struct Part {
		long a, b, c;
	} *parts_;
};
}

net::Server *server; // not static: clang 11 would leave out a variable that nothing reads

static void fill()
{
	using namespace net;
	server = say(new Server, "net::Server");
	for (int i = 0; i < 100; i++) {
		Session *s = i % 2 ? say(new Secure, "net::Secure") : say(new Session, "net::Session");
		s->numbers_ = say(new int[50], "int");
		s->next_ = server->sessions_;
		server->sessions_ = s;
		Plain *p = say(new Plain(), "net::Plain");
		p->next_ = server->plain_;
		p->base_ = s;
		server->plain_ = p;
		server->list_.push_back(p);
		server->map_[i] = p;
		auto *pair = say(new Pair<int, Plain>(), "net::Pair<int, net::Plain>");
		pair->value_ = p;
		pair->next_ = server->pairs_;
		server->pairs_ = pair;
	}
	server->wrapped_ = say(new Wrapped, "net::Wrapped");
	server->array_.reset(say(new Plain[30](), "net::Plain"));
	server->private_ = say(new Server::Private(), "net::Server::Private");
	server->private_->server_ = server;
	server->private_->both_ = say(new Both, "net::Both");
	server->private_->other_ = say(new Other, "net::Other");
	server->private_->parts_ = say(new Server::Private::Part[40](), "net::Server::Private::Part");
	server->raw_ = say(new unsigned char[1000](), "?unsigned char");
	// What an object left in memory that is something else now; what only a void pointer knows.
	for (int i = 0; i < 64; i++) {
		if (i % 2) {
			char *c = say((char *)malloc(300), "?char");
			Other *old = new (c) Other;
			old->~Other();
			server->any_[i] = c;
		} else {
			server->any_[i] = say((long *)malloc(24), "?long");
		}
	}
}

int main(int argc, char **argv)
{
	truth = argc > 1 ? fopen(argv[1], "w") : nullptr;
	if (!truth)
		return 2;
	fill();
	fflush(truth);
	if (argc > 2)
		pause();
	quick_exit(0);
}
