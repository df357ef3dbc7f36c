# tidemark refs: references to a block, and what holds it.
load ../lib/helper
bats_require_minimum_version 1.5.0

# Compiled and profiled once; each test has a copy.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	compile list <<-'EOF2'
		#include <stdlib.h>
		#include <stdio.h>
		#include <stdint.h>
		struct node { long pad; struct node *next; char *text; };
		struct node *head;
		static void *hide(void *p) { __asm__ volatile("" : "+r"(p) :: "memory"); return p; }
		__attribute__((noinline, noipa)) struct node *make_node(void) { return hide(calloc(1, sizeof(struct node))); }
		__attribute__((noinline, noipa)) char *make_text(void) { return hide(calloc(1, 900)); }
		char *second;
		int main(void)
		{
			struct node *a = make_node(), *b = make_node();
			a->next = b;
			b->text = make_text();
			second = b->text + 50;
			printf("%p %p\n", (void *)a, (void *)b->text);
			head = a;
			a = b = hide(NULL);
			return 0;
		}
	EOF2
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=list.tide ./list >addresses
}

setup() {
	cp -a "$BATS_FILE_TMPDIR"/* .
	read -r node text <addresses
}

@test "found counts, referrers, referents, path" {
	run -0 "$TIDEMARK" refs --json list.tide "$text"
	json "$output" 'len(d["records"])' 'd["records"][0]["state"]' 'd["records"][0]["bytes"]' \
		'[(p["kind"], p.get("name"), p.get("offset")) for p in d["records"][0]["path"]]' \
		'[r["offset"] for r in d["records"][0]["referrers"] if r["kind"] == "block"]' \
		'"second" in [r["name"] for r in d["records"][0]["referrers"] if r["kind"] == "root"]' \
		'd["records"][0]["found"]["blocks"]' 'd["records"][0]["stored"]' 'd["records"][0]["retained_bytes"]' >got
	cat >want <<-EOF
		1
		reachable
		900
		[('root', 'head', None), ('block', None, 8), ('block', None, 16), ('block', None, None)]
		[16]
		True
		1
		None
		900
	EOF
	diff want got
	run -0 "$TIDEMARK" refs --json list.tide "$node"
	json "$output" '[(r["offset"], r["stack"][0]["function"]) for r in d["records"][0]["referents"]]' |
		grep -qx "\[(8, 'make_node')\]"
}

@test "a site is all its blocks; an address may lie inside" {
	run -0 "$TIDEMARK" refs --json list.tide make_node
	json "$output" 'len(d["records"])' | grep -qx 2
	run -0 "$TIDEMARK" refs --json list.tide "$(printf '0x%x' $((text + 899)))"
	json "$output" "d['records'][0]['address']" | grep -qx "$text"
	run -2 --separate-stderr "$TIDEMARK" refs list.tide 0x10
	[[ $stderr == *"no live block"* ]]
	run -2 "$TIDEMARK" refs list.tide no_such_function
	run -2 "$TIDEMARK" refs list.tide
}

@test "the screen: who holds it, and by which field" {
	COLUMNS=80 "$TIDEMARK" refs list.tide make_text >out
	fits 80 out
	grep -q 'global head' out
	grep -q 'node::next -> ' out
	grep -q 'node::text: 0x' out
	grep -q 'retains 900 B in 1 block' out
}

@test "a site: what its blocks are, and the one that retains most first" {
	run -0 "$TIDEMARK" refs -n 1 list.tide make_node
	[[ $output == *"2 blocks of make_node: 2 reachable"* && $output == *"retains 48 B in 2 blocks"* ]] || fail "$output"
	run -2 "$TIDEMARK" refs make_node list.tide
	[[ $output == *"the snapshot comes first: \`tidemark refs list.tide make_node\`"* ]] || fail "$output"
}

@test "--dot is a graph" {
	"$TIDEMARK" refs --dot list.tide make_text >out.dot
	head -1 out.dot | grep -q '^digraph'
	grep -q 'label="node::text"' out.dot
	grep -q 'global head' out.dot
	if command -v dot >/dev/null; then dot -Tsvg out.dot >/dev/null; fi
}

@test "the ways to the blocks of a long list do not grow with its square" {
	compile long <<-'EOF2'
		#include <stdlib.h>
		struct node { struct node *next; } *head;
		__attribute__((noinline, noipa)) struct node *make_link(void) { return calloc(1, sizeof(struct node)); }
		int main(void)
		{
			for (int i = 0; i < 300; i++) {
				struct node *n = make_link();
				n->next = head;
				head = n;
			}
			return 0;
		}
	EOF2
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=long.tide ./long
	"$TIDEMARK" refs --json long.tide make_link >many
	python3 - many >got <<-'EOF2'
		import json, sys
		records = json.load(open(sys.argv[1]))["records"]
		longest = max(records, key=lambda r: sum(p.get("hops", 1) for p in r["path"]))
		print(len(longest["path"]), max(p.get("hops", 0) for p in longest["path"]), longest["address"])
	EOF2
	read -r hops more address <got
	[ "$hops $more" = "34 268" ]
	"$TIDEMARK" refs --json long.tide "$address" >one
	[ "$(python3 -c 'import json; print(len(json.load(open("one"))["records"][0]["path"]))')" = 301 ]
}

@test "SITE is a number with or without #, a name, or the end of one; else the nearest names are offered" {
	cat >app.cc <<-'SOURCE'
		#include <cstdlib>
		namespace kv {
		struct PageCache { [[gnu::noinline]] void *get() { return malloc(100); } };
		struct PageTable { [[gnu::noinline]] void *fill() { return malloc(300); } };
		}
		void *held[2];
		[[gnu::noinline]] void *gone() { return malloc(7); }
		int main() { kv::PageCache c; kv::PageTable t; held[0] = c.get(); held[1] = t.fill(); free(gone()); }
	SOURCE
	g++ -g -O1 -fno-inline -o app app.cc
	"$TIDEMARK" run -q -f -o app.tide ./app
	number=$(json "$("$TIDEMARK" stat --json app.tide)" '[r["site"] for r in d["records"] if any("PageCache::get" in f["function"] for f in r["stack"])][0]')
	for site in "#$number" "$number" 'kv::PageCache::get' 'PageCache::get' 'get'; do
		run -0 "$TIDEMARK" refs app.tide "$site"
		[[ $output == *"100 B"*PageCache::get* ]] || fail "$site: $output"
		[[ $output != *PageTable* ]]
	done
	number=$(json "$("$TIDEMARK" stat --json app.tide)" '[r["site"] for r in d["records"] if r["stack"][0]["function"].startswith("gone")][0]')
	run -0 "$TIDEMARK" refs app.tide "$number"
	[[ $output == *"No block of site #$number is live."* ]]
	run -0 "$TIDEMARK" retained --drop "#$number" app.tide
	[[ $output == *"Without site #$number, 0 B in 0 blocks would be freed"* ]]
	# A part of a component is not its end.
	run -2 "$TIDEMARK" refs app.tide 'Cache::get'
	[[ $output == *"did you mean kv::PageCache::get?"* ]]
	run -2 "$TIDEMARK" refs app.tide 'kv::PageCache::gett'
	[[ $output == *"did you mean kv::PageCache::get?"* ]]
	for near in PageCache::gett gett PageCash::get; do
		run -2 "$TIDEMARK" refs app.tide $near
		[[ $output == *"did you mean kv::PageCache::get?"* ]] || fail "$near: $output"
	done
	run -2 "$TIDEMARK" refs app.tide nothing_like_it
	[[ $output == *"lists sites and their numbers"* ]]
	run -2 "$TIDEMARK" refs app.tide 4711
	[[ $output == *"the snapshot has sites 1 to "* ]]
}

@test "objects held in a thousand ways: the commonest first, and the rest in one line" {
	[ -x /usr/bin/python3 ] || skip "no python3"
	cat >ways.py <<-'EOF'
		class Session: pass
		for i in range(1200):
		    globals()["v%d" % i] = Session()
		several = [Session() for _ in range(7)]
		named = {"list of %d" % i: Session() for i in range(6)}
	EOF
	"$TIDEMARK" run -q -o w.tide -- /usr/bin/python3 ways.py
	run -0 "$TIDEMARK" refs w.tide Session
	[[ $output == *'7  dict of module __main__, key "several" > element of list'* ]] || fail "$output"
	[[ $output == *'6  dict of module __main__, key "named" > key of dict'$'\n'* ]] || fail "$output"
	# Five rows: the two above, and three variables.
	[[ $output == *" 1,197  in other ways"* ]] || fail "$output"
}
