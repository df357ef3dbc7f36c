/* Seeds of dwarf_fuzz.c: what C++ adds. Compiled as a library, never run. */
namespace net
{
template <class T, int N> struct Pool {
	T *free_;
	T *used_[N];
};
struct Empty {
};
struct Link {
	Link *next_;
};
struct Session : Empty, Link {
	virtual ~Session();
	struct Part {
		Session *whole_;
	};
	Part *part_;
	static Session *all_;
	Pool<Part, 3> pool_;
	Session &self_;
	void (Session::*call_)(int);
	Session(Session &self) : self_(self) {}
};
struct Virtual : virtual Link {
	int n;
	Session *s_;
};
Session::~Session() {}
Session *Session::all_;
} // namespace net
namespace
{
struct Hidden {
	net::Session *s_;
};
} // namespace

net::Session *one;
net::Session::Part part;
net::Virtual v;
Hidden h;
thread_local Hidden *mine;

template <class F> static int apply(F f) { return f(3); }

int build(int n)
{
	struct Local {
		net::Session *s_;
	};
	static Local local;

	mine = &h;
	local.s_ = new net::Session(*one);
	return apply([n](int m) { return n + m; }) + (local.s_ == one);
}
