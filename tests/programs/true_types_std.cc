// true_types_std - a C++ program that says the true type of each block that containers of the standard library make
// for it; for libstdc++ and libc++.
//
//	true_types_std FILE [wait]
//
// Lines of FILE are as true_types_cc has them. The names of the libraries' own types are the compiler's.
#include <any>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <deque>
#include <forward_list>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <typeinfo>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>
#include <vector>

static FILE *truth;

/* The first word of what the compiler calls a type, read from a container's object. */
template <class C> static const void *word(const C &container, unsigned number)
{
	return ((const void *const *)&container)[number];
}

template <class T> static void say(const void *p)
{
	int status;
	char *name = abi::__cxa_demangle(typeid(T *).name(), nullptr, nullptr, &status);

	name[__builtin_strlen(name) - 1] = 0; // the star: no type is too incomplete for this
	fprintf(truth, "%p %s\n", p, name);
	free(name);
}

#ifdef _LIBCPP_VERSION
template <class T> using ListNode = std::__list_node<T, void *>;
template <class T> using ForwardNode = std::__forward_list_node<T, void *>;
template <class T> using SetNode = std::__tree_node<T, void *>;
template <class K, class V> using MapNode = std::__tree_node<std::__value_type<K, V>, void *>;
template <class T> using HashSetNode = std::__hash_node<T, void *>;
template <class K, class V> using HashMapNode = std::__hash_node<std::__hash_value_type<K, V>, void *>;
template <class N> using Bucket = std::__hash_node_base<N *> *;
template <class T> using Shared = std::__shared_ptr_emplace<T, std::allocator<T>>;
enum { LIST = 16, FORWARD = 8, TREE = 25, HASH = 16, SHARED = 24, MAP_OF_DEQUE = 0, DEQUE_BYTES = 4096 };
#else
template <class T> using ListNode = std::_List_node<T>;
template <class T> using ForwardNode = std::_Fwd_list_node<T>;
template <class T> using SetNode = std::_Rb_tree_node<T>;
template <class K, class V> using MapNode = std::_Rb_tree_node<std::pair<const K, V>>;
template <class T> using HashSetNode = std::__detail::_Hash_node<T, !std::__is_fast_hash<std::hash<T>>::value>;
template <class K, class V>
using HashMapNode = std::__detail::_Hash_node<std::pair<const K, V>, !std::__is_fast_hash<std::hash<K>>::value>;
template <class N> using Bucket = std::__detail::_Hash_node_base *;
#if __GNUC__ < 11
template <class T> using Shared = std::_Sp_counted_ptr_inplace<T, std::allocator<T>, __gnu_cxx::_S_atomic>;
#else
template <class T> using Shared = std::_Sp_counted_ptr_inplace<T, std::allocator<void>, __gnu_cxx::_S_atomic>;
#endif
enum { LIST = 16, FORWARD = 8, TREE = 32, HASH = 8, SHARED = 16, MAP_OF_DEQUE = 0, DEQUE_BYTES = 512 };
#endif

template <class N, class C> static void say_nodes(const C &container, unsigned offset)
{
	const unsigned align = alignof(typename C::value_type);

	for (const auto &value : container)
		say<N>((const char *)&value - (offset + align - 1) / align * align);
}

template <class N, class C> static void say_hash(const C &container)
{
	say_nodes<N>(container, HASH);
	if (word(container, 0) < (const void *)&container || word(container, 0) >= (const void *)(&container + 1))
		say<Bucket<N>>(word(container, 0));
}

static void say_text(const std::string &text)
{
	const char *object = (const char *)&text;

	if (text.data() < object || text.data() >= object + sizeof(text))
		say<char>(text.data());
}

template <class T> static void say_deque(const std::deque<T> &d)
{
	const void *last = nullptr;

	say<T *>(word(d, MAP_OF_DEQUE));
	// Of what lies in one block, the first begins it, unless something was popped.
	for (size_t i = 0; i < d.size(); i++)
		if (!last || (const char *)&d[i] != (const char *)last + sizeof(T)) {
			say<T>(&d[i]);
			last = &d[i];
		} else {
			last = &d[i];
		}
}

namespace net {
struct Plain {
	Plain *next_ = nullptr;
	long values_[4];
};
struct Base {
	virtual ~Base() {}
	long id_ = 0;
};
struct Session : Base {
	std::string name_;
	std::optional<std::string> note_;
	std::unique_ptr<Plain> plain_;
};
struct Big {
	long data_[9];
};
struct Server {
	std::vector<Plain> vector_;
	std::vector<Session *> sessions_;
	std::vector<bool> bits_;
	std::vector<std::string> names_;
	std::vector<std::vector<int>> nested_;
	std::deque<Plain> deque_;
	std::deque<int> numbers_;
	std::list<Plain> list_;
	std::forward_list<Plain> forward_;
	std::map<int, Plain> map_;
	std::map<std::string, std::unique_ptr<Big>> by_name_;
	std::set<std::string> set_;
	std::multiset<int> multiset_;
	std::unordered_map<int, Plain> hash_;
	std::unordered_map<std::string, std::shared_ptr<Big>> hash_names_;
	std::unordered_set<long> hash_set_;
	std::vector<std::shared_ptr<Plain>> shared_;
	std::vector<std::shared_ptr<Big>> counted_;
	std::unique_ptr<Plain[]> array_;
	std::unique_ptr<Base> base_;
	std::function<int()> function_;
	std::optional<std::vector<Plain>> optional_;
	std::any any_;
	std::string text_, short_;
};
}

net::Server *server; // not static: clang 11 would leave out a variable that nothing reads

template <class F> static void set_function(F f)
{
	server->function_ = f;
}

static void fill()
{
	using namespace net;
	server = new Server;
	say<Server>(server);
	server->vector_.resize(100);
	say<Plain>(server->vector_.data());
	server->bits_.resize(4000);
	say<unsigned long>(word(server->bits_, 0));
	for (int i = 0; i < 200; i++) {
		std::string name(10 + i, 'a' + i % 26);
		Session *s = new Session;
		server->sessions_.push_back(s);
		s->name_ = name;
		if (i % 2)
			s->note_ = name + "!";
		s->plain_.reset(new Plain);
		server->names_.push_back(name);
		server->nested_.push_back(std::vector<int>(i + 1));
		server->deque_.push_back(Plain());
		server->numbers_.push_back(i);
		server->list_.push_back(Plain());
		server->forward_.push_front(Plain());
		server->map_[i * 7919 % 200] = Plain();
		server->by_name_[name] = std::make_unique<Big>();
		server->set_.insert(name);
		server->multiset_.insert(i % 17);
		server->hash_[i] = Plain();
		server->hash_names_[name] = std::make_shared<Big>();
		server->hash_set_.insert(i * 1000);
		server->shared_.push_back(std::make_shared<Plain>());
		server->counted_.push_back(std::shared_ptr<Big>(new Big()));
	}
	server->array_ = std::make_unique<Plain[]>(30);
	server->base_ = std::make_unique<Session>();
	server->optional_.emplace(50);
	server->any_ = Big();
	server->text_ = std::string(3000, 'x');
	server->short_ = "short";
	Big captured = Big();
	set_function([captured] { return (int)captured.data_[3]; });
}

static void say_all()
{
	using namespace net;
	say<Session *>(server->sessions_.data());
	for (Session *s : server->sessions_) {
		say<Session>(s);
		say_text(s->name_);
		if (s->note_)
			say_text(*s->note_);
		say<Plain>(s->plain_.get());
	}
	say<std::string>(server->names_.data());
	for (auto &name : server->names_)
		say_text(name);
	say<std::vector<int>>(server->nested_.data());
	for (auto &v : server->nested_)
		say<int>(v.data());
	say_deque(server->deque_);
	say_deque(server->numbers_);
	say_nodes<ListNode<Plain>>(server->list_, LIST);
	say_nodes<ForwardNode<Plain>>(server->forward_, FORWARD);
	say_nodes<MapNode<int, Plain>>(server->map_, TREE);
	say_nodes<MapNode<std::string, std::unique_ptr<Big>>>(server->by_name_, TREE);
	for (auto &pair : server->by_name_) {
		say_text(pair.first);
		say<Big>(pair.second.get());
	}
	say_nodes<SetNode<std::string>>(server->set_, TREE);
	for (auto &text : server->set_)
		say_text(text);
	say_nodes<SetNode<int>>(server->multiset_, TREE);
	say_hash<HashMapNode<int, Plain>>(server->hash_);
	say_hash<HashMapNode<std::string, std::shared_ptr<Big>>>(server->hash_names_);
	for (auto &pair : server->hash_names_) {
		say_text(pair.first);
		say<Shared<Big>>((char *)pair.second.get() - SHARED);
	}
	say_hash<HashSetNode<long>>(server->hash_set_);
	say<std::shared_ptr<Plain>>(server->shared_.data());
	for (auto &p : server->shared_)
		say<Shared<Plain>>((char *)p.get() - SHARED);
	say<std::shared_ptr<Big>>(server->counted_.data());
	for (auto &p : server->counted_)
		say<Big>(p.get());
	say<Plain>(server->array_.get());
	say<Session>(server->base_.get());
	say<Plain>(server->optional_->data());
	say<Big>(std::any_cast<Big>(&server->any_));
	say_text(server->text_);
}

int main(int argc, char **argv)
{
	truth = argc > 1 ? fopen(argv[1], "w") : nullptr;
	if (!truth)
		return 2;
	fill();
	say_all();
	fflush(truth);
	if (argc > 2)
		pause();
	quick_exit(0);
}
