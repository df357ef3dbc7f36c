// stack_types_cc - a C++ program that says the true type of each block that its stacks hold.
//
//	stack_types_cc FILE [wait]
//
// Lines of FILE are as true_types_c has them; "?" before the type: nothing sure leads to the block.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unistd.h>
#include <unordered_map>
#include <vector>

static FILE *truth;
static bool waits;

// Memory comes from one wrapper, so that no line of source tells types.
__attribute__((noinline)) static void *make(size_t bytes) { return calloc(1, bytes); }

template <class T> __attribute__((noinline)) static T *say(T *p, const char *type)
{
	fprintf(truth, "%p %s\n", (void *)p, type);
	return p;
}
template <class T> static T *make_of(const char *type, size_t count = 1)
{
	return say((T *)make(count * sizeof(T)), type);
}
#define IN_MEMORY(v) __asm__ volatile("" : : "r"(&(v)) : "memory")

namespace net {
struct Part { long a, b, c; };
struct Plain { Plain *next_; Part *part_; long values_[4]; };
struct Base { int kind_; Base *next_; };
struct Derived : Base { Part *part_; double weight_[9]; };
struct Header { long length_; std::vector<Part> parts_; };
struct Trap { char bytes_[6 * sizeof(Part)]; };
template <class K, class V> struct Pair { K key_; V *value_; Pair *next_; double more_[8]; };
struct Server {
	std::vector<Plain *> list_;
	Plain *first_ = nullptr;
	std::array<Part *, 3> parts_{};
	__attribute__((noinline)) void serve(int argc);
};
}
using namespace net;

__attribute__((noinline)) static void stop()
{
	fflush(truth);
	if (waits)
		pause();
	quick_exit(0);
}

// What is thrown and caught, in a block that is not over.
__attribute__((noinline)) static void caught(Part &given)
{
	try {
		throw make_of<Plain>("net::Plain");
	} catch (Plain *what) {
		Part *of_catch = make_of<Part>("net::Part");

		what->part_ = &given;
		IN_MEMORY(what);
		IN_MEMORY(of_catch);
		stop();
		IN_MEMORY(of_catch);
	}
}

template <class T> __attribute__((noinline)) static void templated(T *given)
{
	std::unique_ptr<T, void (*)(void *)> owned((T *)given, free);
	Part *array = make_of<Part>("net::Part", 20);
	Part &part = array[0];

	IN_MEMORY(owned);
	IN_MEMORY(array);
	IN_MEMORY(part);
	caught(part);
	IN_MEMORY(owned);
}

// Its slots hold pointers to a trap before it writes to them.
__attribute__((noinline)) static void stale(const std::function<void()> &go_on)
{
	go_on();
	Part *later = make_of<Part>("net::Part");
	IN_MEMORY(later);
	std::vector<Part> filled_later(3);
	IN_MEMORY(filled_later);
	std::unique_ptr<Part> owned_later(make_of<Part>("net::Part"));
	IN_MEMORY(owned_later);
	go_on();
}

__attribute__((noinline)) static void soil(void *with)
{
	void *volatile words[160];

	for (auto &w : words)
		w = with;
	IN_MEMORY(words);
}

__attribute__((noinline)) static void soiled()
{
	void *trap = make_of<Trap>("?net::Trap");
	auto *pair = make_of<Pair<int, Part>>("net::Pair<int, net::Part>");

	IN_MEMORY(trap);
	pair->value_ = make_of<Part>("net::Part");
	soil(trap);
	stale([=] { templated(pair); });
	IN_MEMORY(trap);
}

void Server::serve(int argc)
{
	std::optional<Plain *> maybe = (Plain *)make_of<Trap>("?net::Trap");
	// Of its size there may also be six of what it begins with.
	Base *base = make_of<Derived>("?net::Derived");
	std::map<int, Plain> map;
	std::string text(100, 'x');

	((Derived *)base)->part_ = make_of<Part>("?net::Part");
	for (int i = 0; i < 10; i++)
		map[i].part_ = make_of<Part>("?net::Part"); // nodes have bytes where their values are
	say(text.data(), "char");
	IN_MEMORY(maybe);
	IN_MEMORY(base);
	IN_MEMORY(map);
	IN_MEMORY(text);
	if (argc)
		soiled();
	IN_MEMORY(base);
}

static void work(int *ready)
{
	std::unordered_map<int, Plain> table;
	std::deque<Plain> deque(20);
	Header header{ 5, std::vector<Part>(5) };

	say(header.parts_.data(), "net::Part");
	for (auto &plain : deque)
		plain.part_ = make_of<Part>("net::Part");
	for (int i = 0; i < 10; i++)
		table[i].part_ = make_of<Part>("?net::Part");
	IN_MEMORY(table);
	IN_MEMORY(deque);
	IN_MEMORY(header);
	__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	truth = argc > 1 ? fopen(argv[1], "w") : nullptr;
	if (!truth)
		return 2;
	waits = argc > 2;
	int ready = 0;
	std::thread thread(work, &ready);
	while (!__atomic_load_n(&ready, __ATOMIC_ACQUIRE))
		usleep(1000);
	std::vector<Plain> body(30);
	std::vector<std::vector<Part>> nested(4);
	Server server;

	say(body.data(), "net::Plain");
	for (auto &plain : body)
		plain.part_ = make_of<Part>("net::Part");
	for (auto &inner : nested) {
		inner.resize(6);
		say(inner.data(), "net::Part");
	}
	for (int i = 0; i < 10; i++)
		server.list_.push_back(make_of<Plain>("net::Plain"));
	say(server.list_.data(), "net::Plain*");
	for (auto &part : server.parts_)
		part = make_of<Part>("net::Part");
	IN_MEMORY(body);
	IN_MEMORY(nested);
	IN_MEMORY(server);
	server.serve(argc);
	IN_MEMORY(server);
	thread.join();
}
