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
	[ "$output" = "$want" ] || fail "$output"
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
	for _ in $(seq 400); do [ "$(cat /proc/$child/wchan 2>/dev/null)" = do_sys_pause ] || grep -q '^State:.S' /proc/$child/status && break; sleep 0.05; done
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
	[[ $output == *"in native blocks have a known type"* && $output == *"line of source"*node* ]] || fail "$output"
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
