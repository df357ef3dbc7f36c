# tidemark tree: shares of callers and callees, joined chains.
load ../lib/helper
bats_require_minimum_version 1.5.0

# Compiled and profiled once; each test has a copy.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	compile app -O0 <<-'SOURCE'
		#include <stdlib.h>
		void *kept[100];
		int n;
		void *leaf(int size) { return kept[n++] = malloc(size); }
		void pass_one(int size) { leaf(size); }
		void pass_two(int size) { pass_one(size); }
		void left(void) { pass_two(3000); }
		void right(void) { leaf(1000); kept[n++] = malloc(6000); }
		int main(void) { left(); right(); return 0; }
	SOURCE
	"$TIDEMARK" run -o app.tide ./app 2>/dev/null
}

setup() {
	cp -a "$BATS_FILE_TMPDIR"/* .
}

@test "JSON: inclusive is self plus the children, all the way" {
	"$TIDEMARK" tree --json app.tide >out.json
	/usr/bin/python3 - <<-'EOF'
		import json
		d = json.load(open("out.json"))
		def check(n):
		    assert n["inclusive"]["live_bytes"] == n["self"]["live_bytes"] + sum(check(c) for c in n["children"]), n
		    return n["inclusive"]["live_bytes"]
		assert check(d["tree"]) >= 10000
		found = {}
		def walk(n):
		    found.setdefault(n.get("function"), []).append(n)
		    for c in n["children"]: walk(c)
		walk(d["tree"])
		assert found["main"][0]["inclusive"]["live_bytes"] == 10000
		assert found["right"][0]["inclusive"]["live_bytes"] == 7000
		assert found["right"][0]["self"]["live_bytes"] == 6000
		assert found["left"][0]["inclusive"]["live_blocks"] == 1
	EOF
}

@test "bottom-up: a function has all its callers below it" {
	"$TIDEMARK" tree --bottom-up --json app.tide >out.json
	/usr/bin/python3 - <<-'EOF'
		import json
		d = json.load(open("out.json"))
		top = {n["function"]: n for n in d["tree"]["children"]}
		assert top["right"]["inclusive"]["live_bytes"] == 6000, top.keys()
		assert top["leaf"]["inclusive"]["live_bytes"] == 4000
		callers = {n["function"]: n["inclusive"]["live_bytes"] for n in top["leaf"]["children"]}
		assert callers == {"pass_one": 3000, "right": 1000}, callers
	EOF
}

@test "--focus: the callers and the callees of one function, from its outermost call" {
	run -0 "$TIDEMARK" tree --focus leaf app.tide
	[[ $output == *"Stacks through leaf: 3.91 KiB, 40.0% of the whole"* ]]
	[[ $output == *" callers"*"pass_one"*"right"*" callees"* ]]
	"$TIDEMARK" tree --json --focus right app.tide >callees.json
	"$TIDEMARK" tree --json --bottom-up --focus pass_one app.tide >callers.json
	"$TIDEMARK" tree --csv --focus pass_two app.tide >callees.csv
	/usr/bin/python3 - <<-'EOF'
		import csv, json
		def tree(n):
		    return (n["function"], n["inclusive"]["live_bytes"], n["self"]["live_bytes"], [tree(c) for c in n["children"]])
		callees, = json.load(open("callees.json"))["tree"]["children"]
		assert tree(callees) == ("right", 7000, 6000, [("leaf", 1000, 1000, [])]), tree(callees)
		callers, = json.load(open("callers.json"))["tree"]["children"]
		name = []
		while callers:
		    assert callers["inclusive"]["live_bytes"] == 3000 and callers["self"]["live_bytes"] == 0, callers
		    name.append(callers["function"])
		    callers = callers["children"][0] if callers["children"] else None
		assert name[:4] == ["pass_one", "pass_two", "left", "main"], name
		rows = [(r["function"], r["inclusive_live_bytes"]) for r in csv.DictReader(open("callees.csv"))][1:]
		assert rows == [("pass_two", "3000"), ("pass_one", "3000"), ("leaf", "3000")], rows
	EOF
	# The number of a site is its function; what is missing is a usage error that names neighbours.
	site=$(json "$("$TIDEMARK" stat --json app.tide)" '[r["site"] for r in d["records"] if r["live_bytes"] == 6000][0]')
	for of in "$site" "#$site" 'ri*t' app.c:8; do
		[ "$(json "$("$TIDEMARK" tree --json --focus "$of" app.tide)" 'd["tree"]["inclusive"]["live_bytes"]')" = 7000 ]
	done
	run -2 "$TIDEMARK" tree --focus pass_tow app.tide
	[[ $output == *"did you mean pass_two"* ]]
	run -2 "$TIDEMARK" tree --focus 9999 app.tide
}

@test "--focus: of a recursive function the outermost call counts, once" {
	compile again -O0 <<-'SOURCE'
		#include <stdlib.h>
		void *kept[9];
		void again(int n)
		{
			kept[n] = malloc(100);
			if (n)
				again(n - 1);
		}
		int main(void) { again(4); return 0; }
	SOURCE
	"$TIDEMARK" run -q -o again.tide ./again 2>/dev/null
	"$TIDEMARK" tree --json --focus again again.tide >out.json
	/usr/bin/python3 - <<-'EOF'
		import json
		n, sums = json.load(open("out.json"))["tree"], []
		assert n["inclusive"]["live_bytes"] == 500
		while n["children"]:
		    n, = n["children"]
		    assert n["function"] == "again" and n["self"]["live_bytes"] == 100, n
		    sums.append(n["inclusive"]["live_bytes"])
		assert sums == [500, 400, 300, 200, 100], sums
	EOF
}

@test "chains that only pass on are one line; -v shows each call" {
	COLUMNS=140 LC_ALL=C run -0 "$TIDEMARK" tree --min 0.1% --filter fn:main --all-frames app.tide
	[[ $output == *"left > pass_two > pass_one > leaf "* ]] || fail "$output"
	# With little room only those next to the end are named.
	COLUMNS=80 LC_ALL=C run -0 "$TIDEMARK" tree --min 0.1% --filter fn:main --all-frames app.tide
	[[ $output == *" calls) > leaf "* && $output != *pass_one* ]] || fail "$output"
	COLUMNS=140 LC_ALL=C run -0 "$TIDEMARK" tree -v --filter fn:main --all-frames app.tide
	[[ $output == *pass_two* ]]
	[[ $output == *pass_one* ]]
}

@test "small branches are summed up" {
	run -0 "$TIDEMARK" tree --min 20% --filter fn:main --all-frames app.tide
	[[ $output == *right* ]]
	[[ $output != *"1000 B"*leaf* ]]
}

@test "nothing is wider than the screen" {
	for columns in 60 80 140; do
		for locale in C C.UTF-8; do
			for how in "" --bottom-up "-v --min 0%"; do
				COLUMNS=$columns LC_ALL=$locale "$TIDEMARK" tree -q $how app.tide >out
				fits $columns out
			done
		done
	done
}

@test "usage errors" {
	run -2 "$TIDEMARK" tree --min 200% app.tide
	run -2 "$TIDEMARK" tree --csv --json app.tide
	run -2 "$TIDEMARK" tree
}

@test "--csv: the nodes of --json, a row each" {
	"$TIDEMARK" run -q -o csv.tide perl -e 'my %h; $h{$_} = "x" x $_ for 1 .. 300' >/dev/null 2>&1 || skip "no perl"
	for more in "" "--bottom-up" "--min 5%" "--sort total"; do
		"$TIDEMARK" tree --json $more csv.tide >tree.json
		"$TIDEMARK" tree --csv $more csv.tide >tree.csv
		/usr/bin/python3 - <<-'EOF'
			import csv, json
			want = []
			def walk(n, depth, parent):
			    me = len(want)
			    want.append((depth, parent, n.get("function") or "", n.get("file") or "", str(n.get("line", "")),
			        n["inclusive"], n["self"]))
			    for c in n["children"]:
			        walk(c, depth + 1, me)
			import sys
			sys.setrecursionlimit(10000)
			walk(json.load(open("tree.json"))["tree"], 0, None)
			rows = list(csv.DictReader(open("tree.csv")))
			place = {r["node"]: i for i, r in enumerate(rows)}
			have = [(int(r["depth"]), place.get(r["parent"]), r["function"], r["file"], r["line"],
			    *({k.split("_", 1)[1]: int(v) for k, v in r.items() if k.startswith(s)} for s in ("inclusive_", "self_"))) for r in rows]
			assert len(have) > 5 and have == want, (len(have), len(want), [x for x in zip(have, want) if x[0] != x[1]][:2])
		EOF
	done
}

@test "what was nearly all freed is shown at its peak, as stat shows it" {
	compile peak <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) void *rise(void) { return malloc(500000); }
		__attribute__((noinline)) void *rest(void) { return malloc(10); }
		int main(void) { char *volatile p = rise(); free(p); return rest() == 0; }
	EOF
	"$TIDEMARK" run -q -o peak.tide ./peak
	COLUMNS=100 run -0 "$TIDEMARK" tree peak.tide
	[[ $output == *"     peak  share"* && $output == *rise*peak.c:2* && $output == *"--sort live"* ]] || fail "$output"
	COLUMNS=100 run -0 "$TIDEMARK" tree --sort live peak.tide
	[[ $output == *"     live  share"* && $output != *rise* && $output != *"--sort live"* ]] || fail "$output"
	# What programs read keeps its measure.
	[ "$(json "$("$TIDEMARK" tree --json peak.tide)" 'd["tree"]["inclusive"]["live_bytes"]')" = 10 ]
}
