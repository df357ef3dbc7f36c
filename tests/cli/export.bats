# tidemark export: each format is opened by a reader of its own, and the sums agree.
load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	export LC_ALL=C.UTF-8
}

# profile FILE PROGRAM...: without the command, as a library alone.
profile() {
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$1 "${@:2}" >/dev/null
	[ -s "$1" ]
}

# 3 blocks of 1000 bytes from fill (inlined `get`), 1 of 500 from main, 10 of 10 that are freed.
program() {
	compile "$1" <<-'EOF'
		#include <stdlib.h>
		#include <stdint.h>
		__attribute__((always_inline)) static inline void *get(size_t n) { return malloc(n); }
		void *held[4];
		__attribute__((noinline)) void fill(int i) { held[i] = get(1000); __asm__ volatile("" ::: "memory"); }
		int main(void)
		{
			/* volatile: not unrolled, one return address */
			for (volatile int i = 0; i < 3; i++)
				fill(i);
			held[3] = malloc(500);
			for (int i = 0; i < 10; i++) {
				void *p = malloc(10);
				__asm__ volatile("" : "+r"(p));
				free(p);
			}
			return 0;
		}
	EOF
}

live_of() {
	json "$("$TIDEMARK" export "$1" --to json)" 'sum(r["live_bytes"] for r in d["records"])'
}

@test "sums of all text formats agree with stat" {
	program app
	profile app.tide ./app
	want=$(json "$("$TIDEMARK" stat --json app.tide)" 'd["totals"]["live_bytes"]')
	[ "$want" -ge 3500 ]
	[ "$(live_of app.tide)" = "$want" ]
	[ "$("$TIDEMARK" export app.tide --to folded | awk '{s += $NF} END {print s}')" = "$want" ]
	[ "$("$TIDEMARK" export app.tide --to csv | /usr/bin/python3 -c '
import csv, sys
print(sum(int(r["live_bytes"]) for r in csv.DictReader(sys.stdin)))')" = "$want" ]
	[ "$(json "$("$TIDEMARK" export app.tide --to speedscope)" 'sum(d["profiles"][0]["weights"])')" = "$want" ]
	[ "$(json "$("$TIDEMARK" export app.tide --to dhat)" 'sum(p["eb"] for p in d["pps"])')" = "$want" ]
}

@test "dhat: lifetimes, where few are measured and where each is" {
	compile lives <<'END'
#include <stdlib.h>
#include <unistd.h>
static void *make(size_t n) { void *p = malloc(n); __asm__ volatile("" :: "r"(p) : "memory"); return p; }
__attribute__((noinline)) static void *often(void) { char *p = make(40); p[0] = 1; return p; }
__attribute__((noinline)) static void *rarely(void) { char *p = make(50); p[0] = 1; return p; }
static void rarely_all(void)
{
	for (int i = 0; i < 20; i++) {
		void *p = rarely();
		usleep(20000);
		free(p);
	}
}
int main(int argc, char **argv)
{
	if (argc > 1)
		rarely_all();
	for (int i = 0; i < 200000; i++)
		free(often());
	rarely_all();
	return 0;
}
END
	for turn in first last; do
		argument=$([ $turn = first ] && echo 1 || :)
		profile $turn.tide ./lives $argument
		"$TIDEMARK" export $turn.tide --to dhat >$turn.dhat
		/usr/bin/python3 - $turn.dhat <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
lived = {}
for p in d["pps"]:
    name = next(n for n in ("often", "rarely_all", "rarely") if any(n + " (" in d["ftbl"][f] for f in p["fs"]))
    blocks, micros = lived.get(name, (0, 0))
    lived[name] = blocks + p["tbk"], micros + p["tl"]
print(lived)
assert lived["often"][0] == 200000 and lived["often"][1] < 200000 * 1000, lived
for name in lived:
    if name != "often":
        assert lived[name][0] in (20, 40) and lived[name][1] > lived[name][0] * 10000, lived
END
		[ -s "$B/web/report.js" ] || continue # built without the page
		# What is measured stands for all that were freed: a fifth more or less is chance's.
		"$TIDEMARK" html $turn.tide -o $turn.html
		frees=$(grep -o '"lifetimes":\[[^]]*\]' $turn.html | tr -dc '0-9,' | awk -v RS=, '{s += $1} END {print s}')
		[ "$frees" -gt 160000 ] && [ "$frees" -lt 240000 ]
	done
	[ -s "$B/web/report.js" ] || return 0
	# Before the many blocks the thread was slow: each of the first twenty was measured (8 ms or more).
	[ "$(grep -o '"lifetimes":\[[^]]*\]' first.html | tr -dc '0-9,' | awk -F, '{for (i = 15; i < 25; i++) s += $i; print s}')" -ge 20 ]
}

@test "inlined frames are in their place in every format" {
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide --to folded | grep -q 'main;fill;get 3000$'
	json "$("$TIDEMARK" export app.tide --to speedscope)" \
		'[d["shared"]["frames"][i]["name"] for s, w in zip(d["profiles"][0]["samples"], d["profiles"][0]["weights"]) if w == 3000 for i in s][-3:]' |
		grep -qx "\['main', 'fill', 'get'\]"
}

@test "names of templates: stacks are numbers or short names, and each function is one frame" {
	cat >templates.cc <<-'EOF'
		#include <map>
		#include <string>
		#include <vector>
		typedef std::map<std::string, std::vector<std::map<std::string, std::vector<std::string>>>> deep;
		__attribute__((noinline)) void fill(std::vector<deep> &all, int n)
		{
			all.emplace_back();
			all.back()["a long key, so that it is not in the string itself"].resize(n);
			if (n > 1)
				fill(all, n - 1);
		}
		std::vector<deep> all;
		int main()
		{
			fill(all, 9);
			fill(all, 8);
			all.reserve(1000);
		}
	EOF
	g++ -g -O1 -o templates templates.cc
	profile templates.tide ./templates
	for to in json jsonl csv folded speedscope.json; do
		"$TIDEMARK" export templates.tide -o "t.$to"
		"$TIDEMARK" export templates.tide -o "t.$to.gz"
		gzip -dc "t.$to.gz" | cmp - "t.$to"
	done
	"$TIDEMARK" stat --json templates.tide >stat.json
	/usr/bin/python3 - <<-'EOF'
		import csv, json
		stat, export, scope = (json.load(open(f)) for f in ("stat.json", "t.json", "t.speedscope.json"))
		frames, name = export["frames"], lambda f: f["function"]
		by_site = {r["site"]: r for r in export["records"]}
		for r in stat["records"]:
		    assert [frames[n] for n in by_site[r["site"]]["stack"]] == r["stack"], r["site"]
		assert max(len(name(f)) for f in frames) > 300
		rows = [json.loads(l) for l in open("t.jsonl")]
		assert [r["stack"] for r in rows] == [r["stack"] for r in csv.DictReader(open("t.csv"))]
		stacks = {l.rsplit(" ", 1)[0] for l in open("t.folded")} | {r["stack"] for r in rows}
		names = {n for s in stacks for n in s.split(";")}
		assert max(map(len, names)) < 150, max(names, key=len)
		assert any(n.startswith("std::map<") and n.endswith("::operator[]") for n in names), names
		assert any(n.startswith("fill(std::vector<") or n == "fill" for n in names), names
		assert sum(int(l.rsplit(" ", 1)[1]) for l in open("t.folded")) == stat["totals"]["live_bytes"]
		assert len({(f["name"], f.get("file")) for f in scope["shared"]["frames"]}) == len(scope["shared"]["frames"])
		assert sum(f["name"] == "main" for f in scope["shared"]["frames"]) == 1
	EOF
}

@test "speedscope: sites of equal functions are one sample, beside those with the same callers" {
	cat >lines.c <<-'EOF'
		#include <stdlib.h>
		void *volatile p;
		__attribute__((noinline)) void take(int n) { p = malloc(n); }
		__attribute__((noinline)) void other(int n) { p = malloc(n); }
		int main(void)
		{
			take(1000);
			other(900);
			take(800);
			other(700);
			take(600);
		}
	EOF
	gcc -g -O0 -o lines lines.c
	profile lines.tide ./lines
	"$TIDEMARK" export lines.tide --to speedscope >lines.json
	/usr/bin/python3 - <<-'EOF'
		import json
		d = json.load(open("lines.json"))
		name = [f["name"] for f in d["shared"]["frames"]]
		for p in d["profiles"]:
		    stacks = [tuple(s) for s in p["samples"]]
		    assert len(set(stacks)) == len(stacks) == len(p["weights"]), p
		    for depth in range(1, max(map(len, stacks))):
		        runs = [s[:depth] for s in stacks if len(s) >= depth]
		        runs = [r for i, r in enumerate(runs) if not i or runs[i - 1] != r]
		        assert len(set(runs)) == len(runs), (p["name"], depth)
		weight = {name[s[-1]]: w for s, w in zip(d["profiles"][0]["samples"], d["profiles"][0]["weights"])}
		assert weight["take"] == 2400 and weight["other"] == 1600, weight
	EOF
}

@test "csv: Python reads stacks of any length" {
	# A thousand frames, each with a name of 150 bytes.
	name=$(printf 'x%.0s' {1..150})
	printf '#include <stdlib.h>\nvoid *volatile p;\n__attribute__((noinline)) void %s(int n) { if (n) %s(n - 1); else p = malloc(77); p = p; }\nint main(void) { %s(1000); }\n' \
		$name $name $name >deep.c
	gcc -g -O0 -o deep deep.c
	"$TIDEMARK" run -q --depth 1024 -o deep.tide ./deep >/dev/null 2>&1
	for of in "export --to csv" "stat --csv --by stack" "stat --csv"; do
		"$TIDEMARK" $of -q deep.tide >deep.csv
		/usr/bin/python3 - "$of" <<-'EOF'
			import csv, sys
			rows = list(csv.DictReader(open("deep.csv")))
			assert any(r["live_bytes"] == "77" for r in rows), rows
			if sys.argv[1] == "stat --csv":
			    sys.exit()
			stack, = (r["stack"] for r in rows if r["live_bytes"] == "77")
			frames = stack.split(";")
			said, = (f for f in frames if f[0] == "[")
			assert said.endswith(" bytes left out]"), said
			assert {len(f) for f in frames if f[0] == "x"} == {150}, "half a name"
			assert "main" in frames and len(stack) > 100000
		EOF
	done
	# JSON lines have all of it.
	"$TIDEMARK" export --to jsonl -q deep.tide >deep.jsonl
	[ "$(tr ';' '\n' <deep.jsonl | grep -c "^x*$name")" -ge 1000 ]
}

@test "folded: the other measures" {
	program app
	profile app.tide ./app
	[ "$("$TIDEMARK" export app.tide --to folded --measure total_blocks | grep -c ';main 11$')" = 1 ]
	[ "$("$TIDEMARK" export app.tide --to folded --measure live_blocks | grep -c 'fill;get 3$')" = 1 ]
	# a freed site has no live bytes and no line
	[ "$("$TIDEMARK" export app.tide --to folded | grep -c ';main [0-9]*$')" = 1 ]
}

@test "folded: lost bytes" {
	compile leak <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) void drop(void) { void *p = malloc(1234); __asm__ volatile("" : "+r"(p)); }
		int main(void) { drop(); for (int i = 0; i < 9; i++) drop(); return 0; }
	EOF
	profile leak.tide ./leak
	lost=$("$TIDEMARK" export leak.tide --to folded --measure lost_bytes | awk '/drop/ {s += $NF} END {print s}')
	[ "$lost" = "$(json "$("$TIDEMARK" leaks --json leak.tide)" \
		'sum(r["bytes"] for r in d["records"] if r["kind"] == "unreferenced" and any(f["function"] == "drop" for f in r["stack"]))')" ]
	[ "$lost" -ge 9000 ]
}

@test "massif: ms_print reads it" {
	command -v ms_print >/dev/null || skip "ms_print (package valgrind) is not installed"
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o massif.out.1
	run -0 --separate-stderr ms_print massif.out.1
	[[ $output == *": get ("*"app.c:3)"*": fill ("*"app.c:5)"* ]]
	[ -z "$stderr" ]
}

# Valgrind's own viewer, without a browser around it.
@test "dhat: dh_view.js builds its tree" {
	viewer=/usr/libexec/valgrind/dh_view.js
	[ -r $viewer ] || skip "dh_view.js (package valgrind) is not installed"
	command -v node >/dev/null || skip "node (package nodejs) is not installed"
	program app
	profile app.tide ./app
	profile other.tide ./app
	cat >view.js <<-'EOF'
		const fs = require("fs"), document = { title: "", body: {} };
		const source = fs.readFileSync(process.argv[2], "utf8") + `
		gData = data;
		gSelect = { childNodes: gSelectData.map(() => ({})), selectedIndex: 0 };
		buildTree();
		console.log(gRoot._totalBytes);`;
		new Function("document", "data", source)(document, JSON.parse(fs.readFileSync(process.argv[3], "utf8")));
	EOF
	"$TIDEMARK" export app.tide -o dhat.out.1
	[ "$(node view.js $viewer dhat.out.1)" = "$("$TIDEMARK" export app.tide --to folded --measure total_bytes | awk '{s += $NF} END {print s}')" ]
	"$TIDEMARK" export app.tide other.tide -o dhat.out.2
	node view.js $viewer dhat.out.2
}

@test "dot: graphviz draws it" {
	command -v dot >/dev/null || skip "dot (package graphviz) is not installed"
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide --to dot >app.dot
	run -0 --separate-stderr dot -Tplain app.dot
	[ -z "$stderr" ]
	[[ $output == *'edge'* && $output == *fill* ]]
	[ "$("$TIDEMARK" export app.tide --to dot -n 2 | grep -c fillcolor)" = 2 ]
}

@test "sqlite: sums, and the queries of SQLITE.md" {
	command -v sqlite3 >/dev/null || skip "sqlite3 is not installed"
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.sqlite
	[ "$(sqlite3 app.sqlite 'select sum(live_bytes) from site')" = "$(live_of app.tide)" ]
	[ "$(sqlite3 app.sqlite "select live_bytes from callers where function = 'get'")" = 3000 ]
	[ "$(sqlite3 app.sqlite 'select sum(bytes) from block')" = "$(live_of app.tide)" ]
	/usr/bin/python3 - "$ROOT/report/export/SQLITE.md" <<-'EOF'
		import re, sqlite3, sys
		queries = re.findall(r"```sql\n(.*?)```", open(sys.argv[1]).read(), re.S)
		assert len(queries) == 5
		db = sqlite3.connect("app.sqlite")
		for q in queries:
		    assert db.execute(q).fetchall(), q
	EOF
}

@test "pprof: go tool pprof reads it" {
	command -v go >/dev/null || skip "no Go toolchain here"
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.pb.gz
	run -0 go tool pprof -top app.pb.gz
	[[ $output == *"3000B"* || $output == *"2.93kB"* ]]
}

@test "pprof: gzip takes it, and the names are inside" {
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.pb.gz
	gzip -t app.pb.gz
	gzip -dc app.pb.gz | grep -aq cache_fill && fail "a name that is not there"
	gzip -dc app.pb.gz | grep -aq inuse_space
	gzip -dc app.pb.gz | grep -aq fill
}

@test "perfetto: heaps with the sums of stat, the timeline, and nothing that was not said before" {
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.perfetto-trace
	"$TIDEMARK" stat --json app.tide >stat.json
	"$TIDEMARK" timeline --json app.tide >timeline.json
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$ROOT/tests/viewers /usr/bin/python3 - <<-'EOF'
		import json
		from receiver import read_trace
		heaps, tracks = read_trace(open("app.perfetto-trace", "rb").read())
		want = json.load(open("stat.json"))["totals"]
		malloc, peak = heaps["malloc"], heaps["malloc at the peak"]
		assert malloc["allocated"] == want["total_bytes"] and malloc["blocks"] == want["total_blocks"], malloc
		assert malloc["allocated"] - malloc["freed"] == want["live_bytes"], malloc
		assert malloc["blocks"] - malloc["freed_blocks"] == want["live_blocks"], malloc
		assert peak["max"] == want["peak_bytes"] and want["live_bytes"] > 0, peak
		assert tracks[2] == [p["live_bytes"] for p in json.load(open("timeline.json"))["records"]], tracks
	EOF
	"$TIDEMARK" export app.tide app.tide --to perfetto >two
	[ "$(wc -c <two)" -gt 500 ]
}

@test "a fleet: several files are one" {
	program app
	for i in 1 2 3; do profile "w$i.tide" ./app; done
	[ "$("$TIDEMARK" export w?.tide --to folded | grep 'fill;get')" = "$("$TIDEMARK" export w1.tide --to folded | grep 'fill;get' | sed 's/ 3000$/ 9000/')" ]
	[ "$(json "$("$TIDEMARK" export w?.tide --to json)" 'max(r["processes"] for r in d["records"])')" = 3 ]
	[ "$(live_of "w1.tide")" -gt 0 ]
}

@test "folded: a comparison has the old number, then the new one" {
	program app
	profile app.tide ./app
	sed 's/malloc(500)/malloc(5000)/; s/i < 3/i < 0/' app.c >grown.c
	gcc -g -O1 -o grown grown.c
	profile grown.tide ./grown
	"$TIDEMARK" export grown.tide --base app.tide --to folded >both
	grep -q ';main 500 5000$' both
	grep -q ';fill;get 3000 0$' both
	[ "$(awk '{s += $(NF - 1)} END {print s}' both)" = "$(live_of app.tide)" ]
	[ "$(awk '{s += $NF} END {print s}' both)" = "$(live_of grown.tide)" ]
	run -2 "$TIDEMARK" export grown.tide --base app.tide --to speedscope
	[[ $output == *"tidemark diff"* ]]
}

@test "json lines: one row per site, with what csv has, and the process" {
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.jsonl
	"$TIDEMARK" export app.tide -o app.csv
	/usr/bin/python3 - <<-'EOF'
		import csv, json
		rows = [json.loads(l) for l in open("app.jsonl")]
		table = list(csv.DictReader(open("app.csv")))
		text = lambda v: "" if v is None else "true" if v is True else str(v)
		assert [{k: text(v) for k, v in r.items()} for r in rows] == table, (rows[0], table[0])
		r = [r for r in rows if r["function"] == "get"][0]
		assert r["live_bytes"] == 3000 and r["stack"].endswith("main;fill;get"), r
		assert r["exe"].endswith("/app") and r["pid"] > 1 and r["reason"] == "exit" and r["complete"] is True, r
		assert len(r["key"]) == 16 and len(r["build_id"]) == 40, r
	EOF
	# The key is that of another run and of another build; several processes have no one pid.
	sed 's/^#include <stdint.h>/&\n\n\nint more;/' app.c >built.c
	mkdir other
	gcc -g -O2 -o other/app built.c
	profile built.tide ./other/app
	key='[json.loads(l)["key"] for l in open(sys.argv[1]) if json.loads(l)["function"] == "get"]'
	"$TIDEMARK" export built.tide -o built.jsonl
	[ "$(/usr/bin/python3 -c "import json, sys; print($key)" app.jsonl)" = "$(/usr/bin/python3 -c "import json, sys; print($key)" built.jsonl)" ]
	"$TIDEMARK" export app.tide built.tide --to jsonl >sum.jsonl
	/usr/bin/python3 - <<-'EOF'
		import json
		rows = [json.loads(l) for l in open("sum.jsonl")]
		assert all(r["pid"] is None and r["build_id"] is None and r["exe"] is None and r["complete"] for r in rows)
		assert sum(r["live_bytes"] for r in rows if r["function"] == "get") == 6000
	EOF
}

@test "100 000 sites: each format streams" {
	! sanitized || skip "built with AddressSanitizer"
	program app
	"$TIDEMARK" run -q -f --no-references -o many.tide "$BENCH/recursive" 1 17 >/dev/null 2>&1
	for format in json csv jsonl folded pprof perfetto speedscope dot massif dhat sqlite; do
		rm -f out
		run -0 /usr/bin/python3 - $format <<-'EOF'
			import os, resource, subprocess, sys
			subprocess.run([os.environ["TIDEMARK"], "export", "-q", "many.tide", "--to", sys.argv[1], "--measure", "total_bytes", "-o", "out"],
			    check=True)
			print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
		EOF
		echo "$format: $output MB"
		[ "$output" -le 150 ]
		[ $format != csv ] || [ "$(wc -l <out)" -gt 100000 ]
	done
}

@test "filters leave out" {
	program app
	profile app.tide ./app
	[ "$("$TIDEMARK" export app.tide --to folded --filter fn:get | awk '{print $NF}')" = 3000 ]
	! "$TIDEMARK" export app.tide --to folded --exclude fn:get | grep -q 'fill;get'
}

@test "usage errors" {
	# An extension of no format: the formats are listed.
	run -2 "$TIDEMARK" export x.tide -o x.foo
	[[ $output == *"x.foo"*"pprof, speedscope, folded"*"sqlite"* ]]
	run -2 "$TIDEMARK" export --to foo x.tide
	[[ $output == *"'foo' is not one of pprof, speedscope"* ]]
	program app
	profile app.tide ./app
	run -2 "$TIDEMARK" export app.tide
	run -2 "$TIDEMARK" export app.tide --to nonsense
	run -2 "$TIDEMARK" export --to json
	run -2 "$TIDEMARK" export app.tide --to sqlite
	run -2 "$TIDEMARK" export app.tide --to massif --measure live_blocks
	run -3 "$TIDEMARK" export none.tide --to json
	run -3 "$TIDEMARK" export app.tide --to json -o /no/such/folder/x.json
	[[ $output == *"/no/such/folder/x.json"* ]]
}

@test "a write that fails leaves nothing, and is reported" {
	program app
	profile app.tide ./app
	run -3 "$TIDEMARK" export app.tide --to json -o /dev/full
	run -3 bash -c '"$TIDEMARK" export app.tide --to json >/dev/full'
	echo old >keep.json
	run -3 bash -c 'ulimit -f 1; trap "" XFSZ; "$TIDEMARK" export app.tide --to json -o keep.json'
	[ "$(cat keep.json)" = old ]
	[ "$(ls keep.json*)" = keep.json ]
}
