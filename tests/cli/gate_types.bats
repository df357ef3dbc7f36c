# What is lost has a type, in every output of a gate.
load ../lib/helper

setup() {
	cat >types.cc <<-'SOURCE'
		#include <cstdlib>
		#include <cstring>
		#include <string>
		namespace net { struct Session { Session *next_ = nullptr; long id_ = 0; virtual ~Session() {} }; }
		struct node { struct node *next; long value[5]; };
		__attribute__((noinline)) static void lose_sessions() { for (int i = 0; i < 3; i++) { auto *volatile s = new net::Session; s = nullptr; } }
		__attribute__((noinline)) static void lose_ring() {
			node *n = (node *)malloc(sizeof *n);
			node *other = (node *)malloc(sizeof *other);
			n->next = other;
			other->next = n;
			n = other = nullptr;
		}
		__attribute__((noinline)) static void lose_bytes(size_t n) { void *volatile p = malloc(n); memset(p, 1, n); p = nullptr; }
		__attribute__((noinline)) static void lose_two() {
			void *volatile p;
			for (int i = 0; i < 2; i++) {
				p = i ? (void *)new net::Session : malloc(24); p = nullptr;
			}
		}
		int main() {
			lose_sessions();
			lose_ring();
			lose_bytes(333);
			lose_two();
			for (volatile int i = 0; i < 3; i++) { char wipe[4096]; memset(wipe, 0, sizeof(wipe)); __asm__ volatile("" : : "r"(wipe)); }
		}
	SOURCE
	g++ -g -O0 -o types types.cc
}

@test "a finding names the type of what is lost, in every output, and only where all of it has one" {
	export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=$PWD/summary.md
	status=0
	"$TIDEMARK" gate --json --junit j.xml --sarif s.json --gitlab g.json --markdown m.md --html h.html -- ./types \
		>out.json 2>github || status=$?
	[ "$status" = 1 ]
	unset GITHUB_ACTIONS
	[ "$(json "$(cat out.json)" 'sorted([f["function"], f["type"]] for s in d["scenarios"] for f in s["findings"] if f["fails"])')" = \
		"[['lose_bytes', None], ['lose_ring', 'node'], ['lose_ring', 'node'], ['lose_sessions', 'net::Session'], ['lose_two', None]]" ]
	grep -q 'lost, of type net::Session in lose_sessions' s.json
	grep -q 'lost, of type net::Session in lose_sessions' g.json
	grep -q '^::error .*lost in a cycle, of type node in lose_ring' github
	grep -q '3 blocks, 72 bytes lost<br>of type `net::Session`' m.md
	cmp m.md summary.md
	grep -q '^type: net::Session$' j.xml
	grep -q 'type <code>net::Session</code>' h.html
	"$TIDEMARK" gate -- ./types >text || true
	[ "$(grep -c 'of type' text)" = 3 ]
	grep -q '^      of type net::Session$' text
	# Read from files: the same types; from stored ones, too.
	snapshot=$(ls tidemark-gate/types/types.*.tide | head -1)
	mv "$snapshot" one.tide
	"$TIDEMARK" symbolize -q one.tide
	mv types types.gone
	"$TIDEMARK" gate --snapshots one.tide >text || true
	grep -q '^      of type net::Session$' text
}
