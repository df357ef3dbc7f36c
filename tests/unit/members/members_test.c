/* Unit tests of report/members/ on programs compiled here. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "report/members/members.h"
#include "tests/lib/symbol_make.h"

static const char c_source[] =
	"#include <stdlib.h>\n"
	"struct item; struct opaque;\n"
	"typedef struct { struct item *item; unsigned flag : 3; int more; } slot_t;\n"
	"struct cell { struct item *it; };\n"
	"struct base { int kind; struct item *owner; };\n"
	"struct derived { struct base base; struct item *a, *b; };\n"
	"struct holder { char name[8]; const slot_t slots[3]; struct { struct item *inner; long n; };\n"
	"	union { struct item *one; struct cell *other; long number; } u; union { struct item *x; long y; };\n"
	"	void *any; char *text; struct opaque *hidden; struct item **list; struct item *grid[2][2]; void (*call)(void); };\n"
	"struct tail { int n; struct item *items[]; };\n"
	"struct holder table[4]; struct item *head; __thread struct holder *mine;\n"
	"struct derived d; struct tail *t; slot_t *s;\n"
	"struct one { long n; union { struct item *__value_; }; union { struct item *alone; }; } one;\n"
	"extern struct item *make(void);\n"
	"int main(void) { static struct cell local; head = make(); mine = &table[1]; local.it = head;\n"
	"	return mine && t && s && &d && &one && local.it ? 0 : 1; }\n";

static const char item_source[] = "#include <stdlib.h>\n"
				  "struct item { struct item *next, *previous; double value; };\n"
				  "struct item *make(void) { return calloc(1, sizeof(struct item)); }\n";

static const char cxx_source_of_members[] =
	"#include <string>\n#include <vector>\n#include <memory>\n"
	"namespace net { template <class T, int N> struct Pool { T *free_; T *used_[N]; };\n"
	"struct Empty {}; struct Link { Link *next_; };\n"
	"struct Session : Empty, Link { virtual ~Session(); std::vector<Session *> peers_; std::string name_;\n"
	"	struct Part { Session *whole_; }; Part *part_; static Session *all_; Pool<Part, 3> pool_; };\n"
	"struct Virtual : virtual Link { int n; Session *s_; };\n"
	"Session::~Session() {} Session *Session::all_; }\n"
	"struct Plain { long a_[3]; }; std::unique_ptr<Plain> plain; std::unique_ptr<Plain[]> plains;\n"
	"namespace { struct Hidden { net::Session *s_; }; }\n"
	"template <class T, int N> struct Element { T value_; }; template <class T> struct Element<T, 1> : T {};\n"
	"struct Owner { struct Pair : Element<net::Session *, 0>, Element<net::Empty, 1> {} pair_; } owner;\n"
	"net::Session *one; net::Session::Part part; net::Virtual v; Hidden h; std::unique_ptr<net::Session> owned;\n"
	"int main(int n, char **) { struct Local { net::Session *s_; }; static Local local;\n"
	"	return n > 5 && one && part.whole_ && v.n && h.s_ && owned && plain && plains && local.s_ && owner.pair_.value_; }\n";

/* A program's members, without a snapshot file. */
struct opened {
	struct snapshot s;
	struct tide_process process;
	struct tide_module modules[2];
	char strings[512];
	struct symbols *symbols;
	struct members *m;
};

#define BIAS 0x555500000000u

static void open_members(struct opened *o, const char *program)
{
	memset(o, 0, sizeof(*o));
	strcpy(o->strings + 1, path_of(program));
	o->modules[1] = (struct tide_module){ .bias = BIAS, .path = 1 };
	o->s = (struct snapshot){ .process = &o->process,
		.strings = o->strings,
		.strings_bytes = sizeof(o->strings),
		.modules = o->modules,
		.module_count = 2 };
	o->symbols = symbols_new(&o->s);
	o->m = members_new(&o->s, o->symbols);
}

static void close_members(struct opened *o)
{
	members_free(o->m);
	symbols_free(o->symbols);
}

static uint32_t named(struct opened *o, const char *name, uint64_t bytes)
{
	return members_named(o->m, name, (struct members_size){ bytes, false });
}

static void expect_path(struct opened *o, uint32_t type, uint64_t offset, const char *path)
{
	char *found = members_path(o->m, type, NULL, offset);

	if (!path)
		assert_null(found);
	else
		assert_string_equal(found ? found : "(none)", path);
	free(found);
}

static void expect_target(struct opened *o, uint32_t type, uint64_t offset, const char *target)
{
	uint32_t found = members_target(o->m, type, offset);

	assert_string_equal(members_type_name(o->m, found), target);
}

static uint64_t address_of(const char *program, const char *variable)
{
	char command[256], line[256];
	unsigned long long at = 0;
	FILE *f;

	snprintf(command, sizeof(command), "nm %s | grep ' %s$'", path_of(program), variable);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	sscanf(line, "%llx", &at);
	pclose(f);
	return at + BIAS;
}

static void check_c(const char *program)
{
	struct opened o;
	uint32_t holder, type;
	uint64_t offset = 99;
	char *path;

	open_members(&o, program);
	holder = named(&o, "holder", 160);
	assert_int_not_equal(holder, 0);
	assert_int_equal(members_type_kind(o.m, holder), MEMBERS_STRUCT);
	assert_string_equal(members_type_language(o.m, holder), "c");
	expect_path(&o, holder, 0, "holder::name[0]");
	expect_path(&o, holder, 8, "holder::slots[0].item");
	expect_path(&o, holder, 24, "holder::slots[1].item");
	expect_target(&o, holder, 24, "item");
	/* Members of an anonymous struct are the holder's own. */
	expect_path(&o, holder, 56, "holder::inner");
	expect_target(&o, holder, 56, "item");
	/* Which member of a union a word is nobody knows. */
	expect_path(&o, holder, 72, "holder::u.one|other|number");
	expect_target(&o, holder, 72, "");
	expect_path(&o, holder, 80, "holder::x|y");
	expect_target(&o, holder, 80, "");
	/* What a node of libc++ has in a union of one member is its value; another such union may be empty. */
	expect_path(&o, named(&o, "one", 24), 8, "one::__value_");
	expect_target(&o, named(&o, "one", 24), 8, "item");
	expect_path(&o, named(&o, "one", 24), 16, "one::alone");
	expect_target(&o, named(&o, "one", 24), 16, "");
	/* void, char, functions, what is declared only, half of a pointer: nothing. */
	assert_int_equal(members_target(o.m, holder, 88), 0);
	assert_int_equal(members_type_kind(o.m, members_target(o.m, holder, 96)), MEMBERS_BYTE);
	assert_int_equal(members_target(o.m, holder, 104), 0);
	expect_path(&o, holder, 104, "holder::hidden");
	expect_target(&o, holder, 112, "item*");
	assert_int_equal(members_target(o.m, holder, 116), 0);
	expect_path(&o, holder, 144, "holder::grid[3]");
	expect_target(&o, holder, 144, "item");
	assert_int_equal(members_target(o.m, holder, 152), 0);
	/* An array of holders; sizes that no array has. */
	expect_path(&o, named(&o, "holder", 320), 160 + 56, "holder[1]::inner");
	assert_int_equal(named(&o, "holder", 164), 0);
	assert_int_equal(named(&o, "holder", 100), 0);
	assert_int_not_equal(members_named(o.m, "holder", (struct members_size){ 168, true }), 0);
	assert_int_equal(members_named(o.m, "holder", (struct members_size){ 200, true }), 0);
	/* What has an array without bounds has any size above its own. */
	type = named(&o, "tail", 8 + 5 * 8);
	expect_path(&o, type, 8 + 4 * 8, "tail::items[4]");
	expect_target(&o, type, 8 + 4 * 8, "item");
	expect_path(&o, named(&o, "slot_t", 16), 0, "slot_t::item");
	/* A type that another one begins with. */
	type = named(&o, "base", 16);
	assert_false(members_is_ambiguous(o.m, type, (struct members_size){ 16, false }));
	assert_true(members_is_ambiguous(o.m, type, (struct members_size){ 32, false }));
	assert_true(members_begins_with(o.m, named(&o, "derived", 32), type));
	assert_false(members_begins_with(o.m, type, named(&o, "derived", 32)));
	/* An array of pointers may be a cell, which begins with one. */
	type = named(&o, "item*", 8);
	assert_int_equal(members_type_kind(o.m, type), MEMBERS_POINTER);
	assert_true(members_is_ambiguous(o.m, type, (struct members_size){ 8, false }));
	assert_false(members_is_ambiguous(o.m, type, (struct members_size){ 800, false }));
	expect_path(&o, type, 16, "item*[2]");

	type = members_variable(o.m, 1, address_of(program, "table") + 160 + 24, &offset);
	assert_int_equal(offset, 160 + 24);
	path = members_path(o.m, type, "table", offset);
	assert_string_equal(path, "table[1].slots[1].item");
	free(path);
	expect_target(&o, type, offset, "item");
	type = members_variable(o.m, 1, address_of(program, "head"), &offset);
	path = members_path(o.m, type, "head", offset);
	assert_string_equal(path, "head");
	free(path);
	expect_target(&o, type, 0, "item");
	expect_target(&o, members_thread_local(o.m, 1, "mine"), 0, "holder");
	assert_int_equal(members_variable(o.m, 1, 0, &offset), 0);
	assert_int_equal(members_thread_local(o.m, 1, "nobody"), 0);
	assert_int_equal(named(&o, "nobody", 8), 0);
	close_members(&o);
}

static void types_of_c_by_every_compilation(void **state)
{
	static const char *const flags[] = { "-O0", "-O2", "-gdwarf-4", "-gdwarf-3", "-gsplit-dwarf",
		"-gdwarf-4 -gsplit-dwarf", "-gz", "-fdebug-types-section", "-gdwarf-4 -fdebug-types-section",
		"-flto", "-no-pie -fno-pie" };

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		print_message("gcc %s\n", flags[i]);
		assert_int_equal(run("gcc -g %s -o c c.c item.c", flags[i]), 0);
		check_c("c");
	}
	assert_int_equal(
		run("gcc -g -o c c.c item.c && objcopy --only-keep-debug c c.debug && strip c -o s && "
		    "objcopy --add-gnu-debuglink=c.debug s && objcopy --only-keep-debug c s.debug"),
		0);
	if (run("command -v dwz") == 0) {
		assert_int_equal(run("dwz c"), 0);
		check_c("c");
	}
	if (run("command -v clang") != 0)
		return;
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(run("clang -g %s -o c c.c item.c", flags[i]), 0);
		check_c("c");
	}
}

static void expect_owned(
	struct opened *o, uint32_t type, uint64_t offset, enum members_owned owned, uint64_t size, bool sure)
{
	enum members_owned found;
	uint32_t target = members_target_owned(o->m, type, offset, &found);

	assert_int_equal(found, owned);
	assert_int_equal(members_is_owned(o->m, target, found, (struct members_size){ size, false }), sure);
}

static void check_cxx(const char *program)
{
	struct opened o;
	uint32_t session, type;
	uint64_t offset;

	open_members(&o, program);
	session = named(&o, "net::Session", members_type_bytes(o.m, members_defined(o.m, "net::Session")));
	assert_int_not_equal(session, 0);
	assert_string_equal(members_type_language(o.m, session), "c++");
	/* A member is named by the class that declares it; one of the library by what holds it. */
	expect_path(&o, session, 8, "net::Link::next_");
	expect_target(&o, session, 8, "net::Link");
	expect_path(&o, session, 16, "net::Session::peers_");
	expect_target(&o, session, 16, "net::Session*");
	expect_path(&o, session, 40, "net::Session::name_");
	expect_path(&o, session, 72, "net::Session::part_");
	expect_target(&o, session, 72, "net::Session::Part");
	expect_path(&o, session, 96, "net::Session::pool_.used_[1]");
	expect_target(&o, session, 96, "net::Session::Part");
	type = named(&o, "net::Pool<net::Session::Part, 3>", 32);
	assert_int_not_equal(type, 0);
	expect_path(&o, type, 8, "net::Pool<net::Session::Part, 3>::used_[0]");
	/* Where a virtual base lies each object knows for itself. */
	type = named(&o, "net::Virtual", members_type_bytes(o.m, members_defined(o.m, "net::Virtual")));
	expect_path(&o, type, 24, NULL);
	assert_int_equal(members_target(o.m, type, 24), 0);
	type = named(&o, "(anonymous namespace)::Hidden", 8);
	expect_path(&o, type, 0, "(anonymous namespace)::Hidden::s_");
	assert_int_not_equal(named(&o, "main::Local", 8), 0);
	type = members_variable(o.m, 1, address_of(program, "owned"), &offset);
	expect_target(&o, type, 0, "net::Session");
	/* What has virtual functions may be deleted as one of its bases; what a pointer is declared with may be anything. */
	expect_owned(&o, type, 0, MEMBERS_OWNED_ONE, members_type_bytes(o.m, session), false);
	expect_owned(&o, session, 16, MEMBERS_OWNED_MANY, 80, true);
	expect_owned(&o, session, 16, MEMBERS_OWNED_MANY, 81, false);
	expect_owned(&o, session, 8, MEMBERS_NOT_OWNED, 8, false);
	type = members_variable(o.m, 1, address_of(program, "plain"), &offset);
	expect_owned(&o, type, 0, MEMBERS_OWNED_ONE, 24, true);
	expect_owned(&o, type, 0, MEMBERS_OWNED_ONE, 48, false);
	type = members_variable(o.m, 1, address_of(program, "plains"), &offset);
	expect_owned(&o, type, 0, MEMBERS_OWNED_MANY, 48, true);
	/* As libc++ has it: the deleter is an empty base behind the one with the pointer. */
	type = members_variable(o.m, 1, address_of(program, "owner"), &offset);
	expect_target(&o, type, 0, "net::Session");
	expect_path(&o, type, 0, "Owner::pair_.value_");
	type = members_variable(o.m, 1, address_of(program, "_ZN3net7Session4all_E"), &offset);
	expect_target(&o, type, 0, "net::Session");
	assert_true(members_is_ambiguous(o.m, named(&o, "net::Link", 8),
			    (struct members_size){
				    members_type_bytes(o.m, members_defined(o.m, "net::Virtual")), false })
		== false);
	close_members(&o);
}

static void types_of_cxx(void **state)
{
	static const char *const flags[] = { "-O0", "-O2", "-gdwarf-4", "-gsplit-dwarf",
		"-fdebug-types-section" };

	(void)state;
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		print_message("g++ %s\n", flags[i]);
		assert_int_equal(run("g++ -g %s -o cxx cxx_members.cc", flags[i]), 0);
		check_cxx("cxx");
	}
}

/* A program whose DWARF is read in many parts, by as many threads as there are processors, which may be one. */
static void types_of_many_units(void **state)
{
	cpu_set_t all, one;

	(void)state;
	write_file("much.cc",
		"#include <functional>\n#include <map>\n#include <regex>\n#include <unordered_map>\n"
		"std::map<int, std::string> a; std::unordered_map<long, std::string> b; std::function<void()> c;\n"
		"std::regex d; struct Local { int n; } local;\n");
	write_file("last.cc",
		"namespace last { struct First { int *p; }; struct Whole : First { First *more; }; }\n"
		"last::Whole whole; int main() { return whole.p != nullptr; }\n");
	assert_int_equal(run("g++ -g -O0 -c much.cc && g++ -g -c last.cc"), 0);
	assert_int_equal(run("g++ -Wl,-z,muldefs -o many $(yes much.o | head -n 24) last.o"), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	one = all;
	for (int cpu = 0, kept = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &one) && kept++)
			CPU_CLR(cpu, &one);
	for (unsigned i = 0; i < 2; i++) {
		struct opened o;
		uint32_t whole;
		uint64_t offset;

		assert_int_equal(sched_setaffinity(0, sizeof(all), i ? &one : &all), 0);
		open_members(&o, "many");
		whole = named(&o, "last::Whole", 16);
		assert_int_not_equal(whole, 0);
		expect_path(&o, whole, 8, "last::Whole::more");
		assert_int_equal(
			members_larger(o.m, named(&o, "last::First", 8), (struct members_size){ 16, false }),
			whole);
		assert_int_equal(members_variable(o.m, 1, address_of("many", "whole"), &offset), whole);
		assert_int_not_equal(named(&o, "Local", 4), 0);
		close_members(&o);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void enums_of_rust(void **state)
{
	struct opened o;
	uint32_t node;

	(void)state;
	if (run("rustc --version") != 0)
		skip();
	write_file("t.rs",
		"pub struct Node { next: Option<Box<Node>>, either: Result<Box<u64>, Box<Node>>, name: String }\n"
		"fn main() { let n = Node { next: None, either: Ok(Box::new(1)), name: String::new() };\n"
		"	println!(\"{}\", std::hint::black_box(&n).name.len()); }\n");
	assert_int_equal(run("rustc -g -o rust t.rs"), 0);
	open_members(&o, "rust");
	node = named(&o, "t::Node", members_type_bytes(o.m, members_defined(o.m, "t::Node")));
	assert_int_not_equal(node, 0);
	assert_string_equal(members_type_language(o.m, node), "rust");
	for (uint64_t at = 0, next = 0; at <= 48; at += 8) {
		char *path = members_path(o.m, node, NULL, at);
		const char *target = members_type_name(o.m, members_target(o.m, node, at));

		/* Some(Box) is there when the word is a pointer; Ok or Err another word says. */
		if (path && strstr(path, "Node::next")) {
			assert_string_equal(target, "t::Node");
			next++;
		} else if (path && strstr(path, "either")) {
			assert_string_equal(target, "");
		}
		free(path);
		assert_true(at < 48 || next == 1);
	}
	close_members(&o);
}

/* Whatever a damaged file says, reading it ends. */
static void damaged_debug_information(void **state)
{
	char *bytes;
	size_t size;
	FILE *f;

	(void)state;
	assert_int_equal(run("gcc -g -o c c.c item.c"), 0);
	f = fopen(path_of("c"), "rb");
	assert_non_null(f);
	bytes = malloc(1 << 20);
	size = fread(bytes, 1, 1 << 20, f);
	fclose(f);
	for (unsigned seed = 1; seed <= 300; seed++) {
		struct opened o;
		uint64_t offset, step = size / 3;
		uint32_t type;
		char *copy = malloc(size);

		memcpy(copy, bytes, size);
		srandom(seed);
		/* The second half has the sections of DWARF. */
		for (unsigned i = 0; i < 1 + seed % 40; i++)
			copy[step + (uint64_t)random() % (size - step)] = (char)random();
		f = fopen(path_of("damaged"), "wb");
		assert_non_null(f);
		fwrite(copy, 1, size, f);
		fclose(f);
		free(copy);
		open_members(&o, "damaged");
		type = named(&o, "holder", 160);
		for (uint64_t at = 0; at < 160; at += 8) {
			char *path = members_path(o.m, type, NULL, at);

			members_type_name(o.m, members_target(o.m, type, at));
			free(path);
		}
		members_is_ambiguous(o.m, type, (struct members_size){ 176, true });
		type = members_variable(o.m, 1, BIAS + 0x4040 + seed * 8, &offset);
		members_target(o.m, type, 0);
		members_begins_with(o.m, type, named(&o, "base", 16));
		close_members(&o);
	}
	free(bytes);
}

static int write_sources(void **state)
{
	if (set_up(state))
		return -1;
	write_file("c.c", c_source);
	write_file("item.c", item_source);
	write_file("cxx_members.cc", cxx_source_of_members);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_c_by_every_compilation),
		cmocka_unit_test(types_of_cxx),
		cmocka_unit_test(types_of_many_units),
		cmocka_unit_test(enums_of_rust),
		cmocka_unit_test(damaged_debug_information),
	};

	return cmocka_run_group_tests(tests, write_sources, tear_down);
}
