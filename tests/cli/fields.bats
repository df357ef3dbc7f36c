#!/usr/bin/env bats
# Names of fields: what holds a block, in the words of the source.

load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	cat >fields.cpp <<-'SOURCE'
		#include <memory>
		#include <stdlib.h>
		#include <string.h>
		#include <string>
		#include <unistd.h>
		#include <vector>
		namespace net {
		struct Session { virtual ~Session() {} Session *next_ = nullptr; std::vector<int> numbers; };
		struct Server { std::vector<Session *> sessions_; Session *first_ = nullptr; std::string title; };
		}
		struct node { struct node *next, *prev; int v; };
		struct cache { long n; struct { struct node *head; } list; struct node **buckets;
			union { struct node *u; long x; } w; void *any; };
		struct app { struct cache cache; net::Server *server; } app;
		struct Owner; struct Part { long size; Owner *owner; }; struct Owner { char name[16]; Part *part; };
		thread_local node *mine;
		static node *make_node() { size_t one = sizeof(node); void *p = calloc(1, one); return (node *)p; }
		__attribute__((noinline)) static void lose()
		{
		#ifdef TYPED
			void *p = new Part();
			void *o = new Owner();
		#else
			size_t of_p = sizeof(Part), of_o = sizeof(Owner);
			void *p = calloc(1, of_p);
			void *o = calloc(1, of_o);
		#endif
			((Part *)p)->owner = (Owner *)o;
			((Owner *)o)->part = (Part *)p;
		}
		static void fill()
		{
			for (int i = 0; i < 100; i++) {
				node *x = make_node();
				x->next = app.cache.list.head;
				if (x->next)
					x->next->prev = x;
				app.cache.list.head = x;
			}
			app.cache.buckets = (node **)calloc(1000, 8);
			app.cache.buckets[7] = make_node();
			app.cache.w.u = make_node();
			app.cache.any = make_node();
			mine = make_node();
			app.server = new net::Server;
			for (int i = 0; i < 50; i++) {
				auto *s = new net::Session;
				s->numbers.resize(10);
				s->next_ = app.server->first_;
				app.server->first_ = s;
				app.server->sessions_.push_back(s);
			}
		}
		__attribute__((noinline)) static void wipe_stack()
		{
			char stack[65536];
			memset(stack, 0, sizeof(stack));
			asm volatile("" : : "r"(stack) : "memory");
		}
		int main(int argc, char **)
		{
			lose();
			wipe_stack();
			fill();
			if (argc > 1)
				pause();
			quick_exit(0);
		}
	SOURCE
}

teardown() { [ -z "${child:-}" ] || kill "$child" 2>/dev/null || true; }

build() { ${CXX:-g++} "${@:2}" -o "$1" fields.cpp; }
rows() { json "$("$TIDEMARK" types --json "$1")" 'sorted((r["type"], r["blocks"], next(k for k, n in r["evidence"].items() if n)) for r in d["native"]["types"])'; }

# Fields of the words that refer to the blocks of a report, without those on stacks.
fields_of() {
	python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
print(*sorted({w["field"] for r in d["records"] if eval(sys.argv[2]) for w in r["referrers"] if w["field"]}))' "$1" "${2:-True}"
}

walk() {
	"./$1" wait >/dev/null 2>&1 3>&- &
	child=$!
	await "grep -q '^State:.S' \"/proc/$child/status\" && grep -q '^34 ' \"/proc/$child/syscall\""
	# A machine that is busy may take longer than snap waits.
	for _ in 1 2 3 4 5; do "$TIDEMARK" snap -q -o "$2" "$child" && break; done
	kill "$child"
	child=
}

@test "typed pointers type what they point to; unions and void pointers do not" {
	build app -g -O1
	"$TIDEMARK" run -q -o app.tide ./app
	run rows app.tide
	[[ $output == *"('net::Server', 1, "* && $output == *"('net::Session', 50, 'vtable')"* ]] || fail "$output"
	# 100 in the list, one in the table, one of the thread; neither the union's nor the void pointer's.
	[[ $output == *"('node', 102, 'pointer')"* && $output == *"('node*', 1, 'pointer')"* ]] || fail "$output"
}

@test "types says which fields hold the blocks of a type" {
	build app -g -O1
	"$TIDEMARK" run -q -o app.tide ./app
	held() { json "$("$TIDEMARK" types --json app.tide)" "[(h['field'], h['blocks']) for r in d['native']['types'] if r['type'] == '$1' for h in r['held_by']]"; }
	# An array's elements are one field; a block counts once for each field.
	[ "$(held net::Session)" = "[('net::Session*[]', 50), ('net::Session::next_', 49), ('net::Server::first_', 1)]" ] || fail "$(held net::Session)"
	[ "$(held node)" = "[('node::next', 99), ('node::prev', 99), ('app.cache.list.head', 1), ('mine', 1), ('node*[]', 1)]" ] || fail "$(held node)"
	# Its title, which is short, points into it.
	[ "$(held net::Server)" = "[('app.server', 1)]" ] || fail "$(held net::Server)"
	COLUMNS=80 run -0 "$TIDEMARK" types app.tide
	fits 80 <(echo "$output")
	[[ $output == *"held by node::next, node::prev"* ]] || fail "$output"
}

@test "refs names fields of variables, of blocks and of paths" {
	build app -g -O1
	"$TIDEMARK" run -q -o app.tide ./app
	run -0 "$TIDEMARK" refs app.tide net::Session
	[[ $output == *"global app.server"* && $output == *"net::Server::sessions_ -> "* ]] || fail "$output"
	[[ $output == *"net::Session::next_: 0x"* && $output == *"net::Session*[1]"* ]] || fail "$output"
	run -0 "$TIDEMARK" refs app.tide node
	[[ $output == *"global app.cache.list.head"* && $output == *"node::next -> 0x"* ]] || fail "$output"
	"$TIDEMARK" refs --dot app.tide net::Session >app.dot
	grep -q 'label="net::Session::next_"' app.dot && grep -q 'label="net::Session\\n0x' app.dot && grep -q 'label="global app.server"' app.dot || fail "$(cat app.dot)"
	"$TIDEMARK" refs --csv app.tide net::Session | python3 -c 'import csv, sys; assert {r["type"] for r in csv.DictReader(sys.stdin)} == {"net::Session"}'
	"$TIDEMARK" refs --json app.tide node >refs.json
	[ "$(fields_of refs.json)" = "app.cache.list.head mine node*[7] node::next node::prev" ] || fail "$(fields_of refs.json)"
	# Of a union its members are named, and none of them is taken for true.
	"$TIDEMARK" refs --json app.tide make_node >refs.json
	[ "$(fields_of refs.json 'r["type"] is None')" = "app.cache.any app.cache.w.u|x" ] || fail "$(fields_of refs.json)"
}

@test "a ring is drawn with the names of its fields" {
	build app -g -O0
	"$TIDEMARK" run -q -o app.tide ./app
	run -0 "$TIDEMARK" leaks app.tide
	# Nothing says what the blocks of the ring are: offsets.
	[[ $output == *"root cycle of 2"* && $output == *"+8 -> "*"+16 -> back to"* ]] || fail "$output"
	build app -g -O0 -DTYPED
	"$TIDEMARK" run -q -o typed.tide ./app
	run -0 "$TIDEMARK" leaks typed.tide
	[[ $output == *"Part::owner -> "*"Owner::part -> back to"* ]] || fail "$output"
	run -0 --separate-stderr "$TIDEMARK" leaks --json typed.tide
	json "$output" '[[(l["kind"], l["field"]) for l in g["ring"]] for g in d["groups"] if g["kind"] == "cycle"] == [[("holds", "Part::owner"), ("back", "Owner::part")]]'
}

@test "a process that nobody prepared, and its core, have types and names of fields" {
	build app -g -O1
	walk app walked.tide
	run rows walked.tide
	[[ $output == *"('net::Session', 50, 'vtable')"* && $output == *"('node', 102, 'pointer')"* ]] || fail "$output"
	[[ $output == *"('net::Server', 1, 'pointer')"* && $output == *"('net::Session*', 1, 'pointer')"* ]] || fail "$output"
	run -0 "$TIDEMARK" refs walked.tide net::Session
	[[ $output == *"global app.server"* && $output == *"net::Server::sessions_ -> "* ]] || fail "$output"
}

@test "without debug information there are offsets, as before" {
	build app -O1 -s
	"$TIDEMARK" run -q -o app.tide ./app
	run -0 "$TIDEMARK" refs app.tide net::Session
	[[ $output == *"+8 of 0x"* && $output != *next_* ]] || fail "$output"
}

@test "retained says what a block is, and by which field it holds most" {
	build app -g -O0
	"$TIDEMARK" run -q -o app.tide ./app
	run -0 --separate-stderr "$TIDEMARK" retained --by block -n 5 --json app.tide
	json "$output" '("node", "node::next") in [(r["type"], r["through"]) for r in d["records"]]'
	run -0 "$TIDEMARK" retained --by block -n all app.tide
	[[ $output == *"    node, most of it through node::next"$'\n'* && $output =~ "    net::Server"(, most of it through net::Server::sessions_)?$'\n' ]] || fail "$output"
}

# check_containers COMPILER: what containers hold is known by their fields, though they wrap it in types of their own.
check_containers() {
	cat >held.cpp <<-'SOURCE'
		#include <deque>
		#include <list>
		#include <map>
		#include <memory>
		#include <stdlib.h>
		#include <string>
		#include <unordered_map>
		#include <vector>
		namespace net {
		struct Item { long v[5]; };
		struct Session {
			std::shared_ptr<Session> peer_;
			std::string name_;
			std::unique_ptr<Item> item_;
			std::list<Item> list_;
		};
		struct Server {
			std::vector<Session *> sessions_;
			std::map<int, Item *> items_;
			std::unordered_map<int, Item *> hash_;
			std::deque<Item *> queue_;
			std::shared_ptr<Session> shared_;
		};
		}
		net::Server *volatile server;
		int main()
		{
			using namespace net;
			Server *s = new Server;
			server = s;
			for (int i = 0; i < 5; i++) {
				Session *session = new Session;
				session->name_ = std::string(100, 'x');
				session->item_.reset(new Item());
				session->list_.push_back(Item());
				s->sessions_.push_back(session);
				s->items_[i] = new Item();
				s->hash_[i] = new Item();
				s->queue_.push_back(new Item());
			}
			s->shared_ = std::make_shared<Session>();
			quick_exit(0);
		}
	SOURCE
	for level in 0 2; do
		$1 -std=c++17 -g -O$level -o held held.cpp
		rm -f held.tide
		"$TIDEMARK" run -q -o held.tide ./held
		"$TIDEMARK" types --json held.tide >types.json
		[ "$(jq -c '[.native.types[] | select(.type == "net::Item" or .type == "net::Session" or .type == "net::Server") | [.type, .blocks]] | sort' types.json)" = \
			'[["net::Item",20],["net::Server",1],["net::Session",5]]' ] || fail "-O$level: $("$TIDEMARK" types held.tide)"
		"$TIDEMARK" refs --json held.tide net::Item >refs.json
		for field in net::Session::item_ net::Server::sessions_ net::Server::items_ net::Server::hash_ net::Server::queue_; do
			grep -qF "\"$field\"" refs.json || fail "-O$level: no $field"
		done
	done
}

@test "what containers of libstdc++ hold" { check_containers g++; }

@test "what containers of libc++ hold" {
	libcxx
	check_containers "$LIBCXX"
}
