#!/usr/bin/env bats
# Types of native blocks: what each piece of evidence proves, and what none of them may claim.

load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	cat >types.cpp <<-'SOURCE'
		#include <list>
		#include <map>
		#include <memory>
		#include <new>
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		#include <vector>
		namespace net {
		struct Session { virtual ~Session() {} int a; };
		struct Secure : Session { double r; };
		}
		struct Plain { int x[5]; };
		struct node { struct node *next; int v; };
		static void *volatile keep[4000];
		static unsigned kept;
		static auto &map_of = *new std::map<int, Plain>;
		static auto &list_of = *new std::list<Plain>;
		static auto &shared = *new std::vector<std::shared_ptr<Plain>>;
		int main(int argc, char **argv)
		{
			for (int i = 0; i < 100; i++) {
				map_of[i] = Plain();
				list_of.push_back(Plain());
				shared.push_back(std::make_shared<Plain>());
				keep[kept++] = new net::Secure;
				if (i % 2)
					keep[kept++] = new net::Session;
			}
			for (int i = 0; i < 30; i++)
				keep[kept++] = malloc(sizeof(struct node));
			keep[kept++] = new Plain[10];
			/* What an object left in memory that malloc gives again does not make an object. */
			net::Secure gone;
			for (int i = 0; i < 20; i++) {
				keep[kept] = malloc(200);
				memcpy(keep[kept++], (void *)&gone, sizeof(void *));
			}
			if (argc > 1)
				pause();
			quick_exit(0);
			(void)argv;
		}
	SOURCE
}

teardown() { [ -z "${child:-}" ] || kill "$child" 2>/dev/null || true; }

build() { ${CXX:-g++} -fno-exceptions -o "$1" "${@:2}" types.cpp; }
rows() { json "$("$TIDEMARK" types --json "$1")" 'sorted((r["type"], r["blocks"], next(k for k, n in r["evidence"].items() if n)) for r in d["native"]["types"] if r["blocks"] > 1)'; }

@test "allocators' frames, vtables and lines of source name types; memory from malloc keeps none" {
	build app -g -O1
	"$TIDEMARK" run -q -o app.tide ./app
	run rows app.tide
	want="[('net::Secure', 100, 'vtable'), ('net::Session', 50, 'vtable'), ('node', 30, 'call_site'),"
	want+=" ('std::_List_node<Plain>', 100, 'allocator_frame'), ('std::_Rb_tree_node<std::pair<int const, Plain> >', 100, 'allocator_frame'),"
	want+=" ('std::_Sp_counted_ptr_inplace<Plain, std::allocator<void>, (__gnu_cxx::_Lock_policy)2>', 100, 'allocator_frame')]"
	# Up to gcc 11 make_shared's allocator is that of the object.
	[ "${output/allocator<Plain>, (/allocator<void>, (}" = "$want" ] || fail "$output"
	[ "$(json "$("$TIDEMARK" types --json app.tide)" 'd["python"]')" = None ]
	# Sums: rows make up what is typed, evidence the rows, and all blocks are covered.
	[ "$(json "$("$TIDEMARK" types --json app.tide)" \
		'[sum(r["blocks"] for r in d["native"]["types"]) == d["native"]["coverage"]["typed_blocks"], sum(r["bytes"] for r in d["native"]["types"]) == d["native"]["coverage"]["typed_bytes"], all(sum(r["evidence"].values()) == r["blocks"] for r in d["native"]["types"])]')" = "[True, True, True]" ]
	"$TIDEMARK" export --to sqlite -o app.db app.tide
	[ "$(json "$("$TIDEMARK" types --json app.tide)" 'd["native"]["coverage"]["blocks"]')" = "$(sqlite3 app.db 'SELECT COUNT(*) FROM block')" ]
	[ "$(sqlite3 app.db "SELECT COUNT(*), MIN(evidence) FROM block WHERE type = 'net::Secure'")" = "100|vtable" ]
}

@test "a stripped program has its classes by their vtables, and so has one that nobody prepared" {
	build app -O1 -s
	"$TIDEMARK" run -q -o app.tide ./app
	run rows app.tide
	[[ $output == *"('net::Secure', 100, 'vtable'), ('net::Session', 50, 'vtable')"* && $output != *malloc* ]] || fail "$output"
	./app wait >/dev/null 2>&1 3>&- &
	child=$!
	await "[ \"\$(cat /proc/$child/wchan 2>/dev/null)\" = do_sys_pause ] || grep -q '^State:.S' /proc/$child/status"
	"$TIDEMARK" snap -o walked.tide $child
	kill $child
	run rows walked.tide
	[[ $output == *"'net::Secure', "* && $output == *"'net::Session', 50, 'vtable'"* ]] || fail "$output"
}

@test "types group stat and diff, and are in leaks and refs" {
	build app -g -O1
	"$TIDEMARK" run -q -o app.tide ./app
	[ "$(json "$("$TIDEMARK" stat --json --by type app.tide)" '[(r["key"], r["live_blocks"]) for r in d["records"] if r["key"].startswith("net")]')" = \
		"[('net::Secure', 100), ('net::Session', 50)]" ]
	COLUMNS=100 run -0 "$TIDEMARK" stat --by type app.tide
	fits 100 <(echo "$output")
	[[ $output == *"(type unknown)"* && $output == *net::Secure* ]] || fail "$output"
	[ "$(json "$("$TIDEMARK" diff --json --by type app.tide app.tide)" 'd["totals"]["kinds"]["grown"]')" = 0 ]
	[ "$(json "$("$TIDEMARK" refs --json app.tide types.cpp:31)" 'sorted({(r["type"], r["evidence"]) for r in d["records"]})')" = "[('node', 'call_site')]" ]
	run -0 "$TIDEMARK" types app.tide
	[[ $output == *"in native blocks have a known type"* && $output == *" call "*node* ]] || fail "$output"
}

@test "a compiler that says what a call allocates is believed" {
	cat >said.c <<-'SOURCE'
		#include <stdlib.h>
		struct Session { long a[6]; };
		struct Session one;
		void *volatile keep;
		int main(void)
		{
			keep = malloc(48);
			return 0;
		}
	SOURCE
	gcc -O1 -gdwarf-5 -dA -S said.c
	"$TIDEMARK" run -q -o none.tide -- "$(gcc -o unsaid said.s && realpath unsaid)"
	[ "$(json "$("$TIDEMARK" types --json none.tide)" 'd["native"]["coverage"]["typed_blocks"]')" = 0 ]
	# As clang 23 writes it: the attribute of the call with the offset of the type, in place of the function's.
	type=$(sed -n 's/.*(DIE (\(0x[0-9a-f]*\)) DW_TAG_structure_type).*/\1/p' said.s | head -1)
	sed -i -e '/(DW_AT_call_origin)/s/0x7f/0x3e0e/' -e "/# DW_AT_call_origin/s/0x[0-9a-f]*/$type/" said.s
	gcc -o said said.s
	"$TIDEMARK" run -q -o said.tide ./said
	json "$("$TIDEMARK" types --json said.tide)" \
		'[(r["type"], r["blocks"], r["evidence"]["call_site"]) for r in d["native"]["types"]]' >types
	[ "$(cat types)" = "[('Session', 1, 1)]" ]
}

# The program's own containers of each kind, and what only looks like one. It prints how many blocks of each type
# it has, and goes without an end.
containers_cc() {
	cat <<-'SOURCE'
		#include <list>
		#include <map>
		#include <set>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <string>
		#include <unistd.h>
		#include <unordered_map>
		#include <unordered_set>
		struct Held {
			long first;
			std::map<int, std::map<long, char>> nested;
			std::list<long> list;
			std::unordered_multimap<long, int> hash;
		};
		static std::map<int, int> global;
		static std::multiset<std::string> words;
		static std::unordered_set<int> numbers;
		static std::list<int> ring;
		static std::string text(60, 'x'), *used;
		/* A list of C: the same ring and the same count. */
		struct link { struct link *next, *prev; long value; };
		static struct { struct link *next, *prev; size_t count; } own;
		/* A tree whose count is wrong. */
		struct node { int colour; struct node *parent, *left, *right; };
		static struct { long compare; struct node header; size_t count; } wrong;
		static Held *held;
		int main(int argc, char **argv)
		{
			long trees = 0, lists = 0, hashes = 0, buckets = 0, texts = 1;
			held = new Held();
			for (int i = 0; i < 70; i++)
				for (int k = 0; k < i % 4; k++, trees++)
					held->nested[i][k] = 'a';
			trees += held->nested.size();
			for (int i = 0; i < 500; i++)
				global[i * 7919 % 1000] = i;
			for (int i = 0; i < 100; i++)
				global.erase(i * 7919 % 1000);
			trees += global.size();
			for (size_t n : { 3, 15, 16, 17, 31, 100, 5000 }) {
				words.insert(std::string(n, 'w'));
				texts += n > std::string().capacity();
			}
			words.insert(std::string(40, 0)); /* NULs within */
			texts++;
			/* A pointer that was there before, whose first byte the NUL behind the text is. */
			static char *large = (char *)malloc(1000);
			char *volatile *before = (char *volatile *)malloc(56);
			before[5] = (char *)((size_t)(large + 255) & ~(size_t)255);
			free((void *)before);
			static std::string after(40, 'a');
			used = &after;
			texts++;
			trees += words.size();
			auto *one = new std::set<int>;
			one->insert(1);
			held->list.push_back(0);
			lists += held->list.size();
			trees += one->size();
			for (int i = 0; i < 300; i++) {
				held->hash.emplace(i % 50, i);
				numbers.insert(i);
				ring.push_front(3); /* as many as the ring would have, from somewhere */
			}
			hashes += held->hash.size() + numbers.size();
			buckets += 2;
			lists += ring.size();
			auto *alone = new std::list<int>;
			alone->push_back(9);
			alone->push_back(9);
			lists += alone->size();
			own.next = own.prev = (struct link *)&own;
			for (int i = 0; i < 20; i++) {
				struct link *l = (struct link *)malloc(sizeof(*l));
				*l = (struct link){ own.next, (struct link *)&own, i };
				own.next->prev = l;
				own.next = l;
				own.count++;
			}
			struct node *root = new node(), *left = new node(), *right = new node();
			*root = (struct node){ 1, &wrong.header, left, right };
			left->parent = right->parent = root;
			wrong.header = (struct node){ 0, root, left, right };
			wrong.count = 2;
			printf("%ld %ld %ld %ld %ld\n", trees, lists, hashes, buckets, texts);
			fflush(stdout);
			volatile void *hold[] = { one, alone };
			if (argc > 1)
				pause();
			_exit(hold[0] == NULL);
		}
	SOURCE
}

# How many blocks have a type by their shape: trees, lists, hashes, buckets, texts.
count_shapes() {
	"$TIDEMARK" types --json "$1" >"$1.json" 2>/dev/null || :
	/usr/bin/python3 - "$1.json" <<-'END'
		import json, sys
		rows = json.load(open(sys.argv[1]))["native"]["types"]
		def of(*names):
		    return sum(r["evidence"]["shape"] for r in rows if r["type"] in names)
		print(of("std::_Rb_tree_node", "std::__1::__tree_node"), of("std::_List_node", "std::__1::__list_node"),
		      of("std::__detail::_Hash_node", "std::__1::__hash_node"),
		      of("std::__detail::_Hash_node_base*", "std::__1::__hash_node_base*"), of("char"))
	END
}

# check_shapes COMPILER TREE: all of each container in the stripped program, whose trees have nodes of this name.
check_shapes() {
	containers_cc >containers.cpp
	$1 -O1 -o containers containers.cpp
	strip containers
	"$TIDEMARK" run -q -o shapes.tide ./containers >counted
	# The texts of strings are known by the allocator that the library has.
	[ "$(count_shapes shapes.tide | cut -d' ' -f1-4)" = "$(cut -d' ' -f1-4 counted)" ] ||
		fail "$(cat counted): $(count_shapes shapes.tide)"
	"$TIDEMARK" types shapes.tide | grep -q "shape *$2"
	# Without stacks a list may be the program's own.
	./containers wait >waiting 3>&- &
	process=$!
	until [ -s waiting ]; do sleep 0.1; done
	run -0 "$TIDEMARK" snap -q -o walked.tide "$process"
	kill "$process"
	read -r trees lists hashes buckets texts <waiting
	[ "$lists" -gt 300 ]
	[ "$(count_shapes walked.tide)" = "$trees 0 $hashes $buckets $texts" ] ||
		fail "$(cat waiting): $(count_shapes walked.tide)"
}

@test "containers of a stripped program have types by their shape, all of each, and what is like them has none" {
	check_shapes g++ std::_Rb_tree_node
}

@test "containers of libc++ have types by their shape, too" {
	libcxx
	check_shapes "$LIBCXX" std::__tree_node
}

@test "strings of libc++ in the layout that other platforms have are known, too" {
	libcxx
	check_shapes "$LIBCXX -D_LIBCPP_ABI_ALTERNATE_STRING_LAYOUT -D_LIBCPP_DISABLE_EXTERN_TEMPLATE" std::__tree_node
}

@test "names of libc++ are shown as the source has them, and are found so" {
	libcxx
	cat >shown.cpp <<-'SOURCE'
		#include <map>
		#include <stdlib.h>
		#include <vector>
		static std::map<int, std::vector<int>> *rows;
		int main()
		{
			rows = new std::map<int, std::vector<int>>;
			for (int i = 0; i < 50; i++)
				(*rows)[i].resize(i + 1);
			quick_exit(0);
		}
	SOURCE
	for level in 0 2; do
		"$LIBCXX" -g -O$level -o shown shown.cpp
		rm -f shown.tide
		"$TIDEMARK" run -q -o shown.tide ./shown
		for verb in stat types tree "leaks --tree" waste; do
			"$TIDEMARK" $verb shown.tide >screen || :
			! grep -F __1 screen || fail "-O$level: $verb: $(cat screen)"
		done
		run -0 "$TIDEMARK" stat shown.tide
		[[ $output == *"main "*"shown.cpp:9 · std::map<>::operator[]"* && $output == *"shown.cpp:9 · std::vector<>::resize"* ]] || fail "$output"
		run -0 "$TIDEMARK" refs shown.tide "std::__tree_node<std::__value_type<int, std::vector<int, std::allocator<int> > >, void*>"
		[[ $output == *"50 blocks of "* ]] || fail "$output"
		[ "$(json "$("$TIDEMARK" stat --json --all-frames --filter 'fn:std::vector*::resize' shown.tide)" 'sum(r["live_blocks"] for r in d["records"])')" = 50 ]
		# What a program reads has the whole name.
		[[ $(json "$("$TIDEMARK" types --json shown.tide)" '[r["type"] for r in d["native"]["types"]]') == *"'std::__1::__tree_node<"* ]]
	done
}

@test "containers of a libc++ that is in the program itself have types" {
	libcxx
	containers_cc >containers.cpp
	"$LIBCXX" -O1 -c -o containers.o containers.cpp 2>/dev/null
	archives=$(dirname "$("$ROOT/scripts/libcxx")")/../../lib
	[ -e "$archives/libc++.a" ]
	clang++ -nostdlib++ -o containers containers.o "$archives/libc++.a" -l:libc++abi.so.1
	strip containers
	"$TIDEMARK" run -q -o shapes.tide ./containers >counted
	[ "$(count_shapes shapes.tide | cut -d' ' -f1-4)" = "$(cut -d' ' -f1-4 counted)" ] ||
		fail "$(cat counted): $(count_shapes shapes.tide)"
}

@test "without references there are no types, and the exit status says so" {
	"$TIDEMARK" run -q --no-references -o none.tide true
	run -3 "$TIDEMARK" types none.tide
	run -3 "$TIDEMARK" types --json none.tide
}

@test "a source file that is a FIFO is not even opened" {
	compile fifo <<-'SOURCE'
		#include <stdlib.h>
		void *kept;
		#line 1 "pipe"
		int main(void) { kept = malloc(sizeof(struct { int a; })); return 0; }
	SOURCE
	"$TIDEMARK" run -q -o fifo.tide ./fifo
	mkfifo pipe
	timeout 60 strace -f -qq -e trace=open,openat,openat2 -o trace "$TIDEMARK" types fifo.tide >/dev/null
	grep -q 'pipe", O_.*O_PATH' trace
	! grep -E '/pipe", O' trace | grep -v O_PATH
}
