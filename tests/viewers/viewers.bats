# What `tidemark export` writes, opened by the programs it is written for: speedscope, go tool pprof,
# a column store, a server that takes profiles. Sums are compared with `export --to json`.
load ../lib/helper
bats_require_minimum_version 1.5.0

HERE=$BATS_TEST_DIRNAME

# program NAME: 3 blocks of 1000 bytes from fill (inlined `get`), 1 of 500, 10 of 10 that are freed at once,
# one that grows and is lost.
program() {
	compile "$1" <<-'EOF'
		#include <stdlib.h>
		__attribute__((always_inline)) static inline void *get(size_t n) { return malloc(n); }
		void *held[4];
		__attribute__((noinline)) void fill(int i) { held[i] = get(1000); __asm__ volatile("" ::: "memory"); }
		__attribute__((noinline)) void *drop(void) { return realloc(malloc(77), 99); }
		int main(void)
		{
			for (volatile int i = 0; i < 3; i++)
				fill(i);
			held[3] = malloc(500);
			for (int i = 0; i < 10; i++) {
				void *p = malloc(10);
				__asm__ volatile("" : "+r"(p));
				free(p);
			}
			void *p = drop();
			__asm__ volatile("" : "+r"(p));
			p = NULL;
			__asm__ volatile("" : "+r"(p));
			return 0;
		}
	EOF
}

# profile FILE PROGRAM...
profile() {
	"$TIDEMARK" run -q -f -o "$1" "${@:2}" >/dev/null 2>&1
	[ -s "$1" ]
}

# The package, and node, and chromium where a browser is needed.
needs() {
	local why
	why=$("$ROOT/scripts/npm-packages" tests/viewers) || skip "$why"
	[ "$1" = browser ] || return 0
	CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome)} ||
		skip "no chromium (scripts/setup web)"
	[ -d "$ROOT/report/html/web/node_modules/playwright-core" ] || skip "no playwright-core: npm ci in report/html/web"
	export CHROMIUM
}

# what speedscope understood of FILE, against the sites of JSON: every measure is a profile with its name, unit, and
# weights that add up to the total; each stack has the weight of its sites.
compare_speedscope() {
	/usr/bin/python3 - "$1" "$2" <<-'EOF'
		import json, sys
		seen, sites = (json.load(open(f)) for f in sys.argv[1:])
		totals = sites["totals"]
		assert seen[0]["name"] == "live_bytes", seen[0]["name"]
		assert {p["name"] for p in seen} == {m for m in totals if totals[m]}, [p["name"] for p in seen]
		def frame(f):
		    place = f["file"] or (f["module"] or "").split("/")[-1]
		    return f["function"] + (" (%s)" % place if place else "")
		for p in seen:
		    assert p["unit"] == ("bytes" if p["name"].endswith("_bytes") else "none"), p["name"]
		    assert p["total"] == totals[p["name"]] == sum(p["stacks"].values()), p["name"]
		    want = {}
		    for r in sites["records"]:
		        key = ";".join(frame(f) for f in (sites["frames"][n] for n in reversed(r["stack"])))
		        want[key] = want.get(key, 0) + r[p["name"]]
		    want = {k: v for k, v in want.items() if v}
		    assert p["stacks"] == want, (p["name"], set(p["stacks"].items()) ^ set(want.items()))
		print("profiles", len(seen))
	EOF
}

@test "speedscope: every measure is a profile, and each stack has its weight" {
	needs browser
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.speedscope.json
	"$TIDEMARK" export app.tide -o app.json
	node "$HERE/speedscope.mjs" app.speedscope.json >seen.json
	run -0 compare_speedscope seen.json app.json
	[ "$output" = "profiles 10" ]
	# Inlined frames are under what they are inlined into.
	json "$(cat seen.json)" '[k for k in d[0]["stacks"] if d[0]["stacks"][k] == 3000]' |
		grep -Eq 'main \([^;]*app.c\);fill \([^;]*app.c\);get \([^;]*app.c\)'
}

@test "speedscope: a snapshot of python3" {
	needs browser
	profile py.tide /usr/bin/python3 -c 'import json, re; x = [json.loads("[1,2,{}]") for i in range(2000)]'
	# It unpacks what is compressed.
	"$TIDEMARK" export py.tide -o py.speedscope.json.gz
	"$TIDEMARK" export py.tide -o py.json
	node "$HERE/speedscope.mjs" py.speedscope.json.gz >seen.json
	compare_speedscope seen.json py.json
}

@test "speedscope: its readers of pprof and of folded stacks take ours" {
	needs browser
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.pb.gz
	"$TIDEMARK" export app.tide -o app.folded
	total=$(json "$("$TIDEMARK" export app.tide --to json)" 'd["totals"]["live_bytes"]')
	for file in app.pb.gz app.folded; do
		node "$HERE/speedscope.mjs" $file >seen.json
		[ "$(json "$(cat seen.json)" 'd[0]["total"]')" = "$total" ]
		json "$(cat seen.json)" '[k for k in d[0]["stacks"] if d[0]["stacks"][k] == 3000]' >stack
		# Of a location of pprof, speedscope shows the outermost line alone: fill, into which get is inlined.
		case $file in
		*.gz) grep -Eq "main[^;]*;fill[^;]*'" stack ;;
		*) grep -Eq "main[^;]*;fill[^;]*;get'" stack ;;
		esac
	done
	[ "$(json "$(node "$HERE/speedscope.mjs" app.pb.gz)" 'd[0]["unit"]')" = bytes ]
}

# grown: as `program`, with 5000 instead of 500 and two blocks of 1000 instead of three.
grown() {
	program app
	sed 's/malloc(500)/malloc(5000)/; s/i < 3/i < 2/' app.c >grown.c
	gcc -g -O1 -o grown grown.c
	profile app.tide ./app
	profile grown.tide ./grown
}

# flat FILE [OPTION...]: "function bytes" of pprof's table, sorted, without zeros.
flat() {
	go tool pprof -top -nodecount=0 -nodefraction=0 -unit=B "${@:2}" "$1" 2>/dev/null |
		awk '/flat%/ { on = 1; next } on && $1 + 0 { print $6, $1 + 0 }' | sort
}

@test "pprof: all measures are sample types, and their sums are those of JSON" {
	command -v go >/dev/null || skip "no Go toolchain (package golang-go)"
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.pb.gz
	"$TIDEMARK" export app.tide -o app.json
	run -0 --separate-stderr go tool pprof -raw app.pb.gz
	[ -z "$stderr" ]
	echo "$output" >raw
	/usr/bin/python3 - <<-'EOF'
		import json, re
		totals = json.load(open("app.json"))["totals"]
		lines = open("raw").read().split("\n")
		at = lines.index("Samples:")
		types = lines[at + 1].split()
		sums = [0] * len(types)
		for l in lines[at + 2:lines.index("Locations")]:
		    for i, v in enumerate(l.split(":")[0].split()):
		        sums[i] += int(v)
		names = {"alloc_objects/count": "total_blocks", "alloc_space/bytes": "total_bytes", "inuse_objects/count": "live_blocks",
		    "inuse_space/bytes[dflt]": "live_bytes", "peak_objects/count": "peak_blocks", "peak_space/bytes": "peak_bytes",
		    "temporary_objects/count": "temporary", "reallocations/count": "reallocations", "lost_objects/count": "lost_blocks",
		    "lost_space/bytes": "lost_bytes"}
		assert {names[t]: s for t, s in zip(types, sums)} == totals, (types, sums, totals)
		assert set(names.values()) == set(totals) and all(totals.values()), totals
	EOF
	"$TIDEMARK" export app.tide -o peak.pb.gz --measure peak_bytes
	go tool pprof -raw peak.pb.gz | grep -Fq 'peak_space/bytes[dflt]'
}

@test "pprof: inlined frames innermost first, build ids in the mappings" {
	command -v go >/dev/null || skip "no Go toolchain (package golang-go)"
	program app
	profile app.tide ./app
	"$TIDEMARK" export app.tide -o app.pb.gz
	go tool pprof -traces app.pb.gz | tr -s ' ' >traces
	grep -A 3 'get (inline)' traces | tr -d '\n' | grep -q 'get (inline) fill main __libc_start_call_main'
	# One location of two lines: get, inlined into fill.
	go tool pprof -raw app.pb.gz | grep -A 1 -E '^ +1: 0x[0-9a-f]+ M=1 get .*app.c:2' | tail -n 1 | grep -Eq '^ +fill .*app.c:4'
	build_id=$(readelf -n app | awk '/Build ID/ { print $3 }')
	go tool pprof -raw app.pb.gz | grep -Eq "^1: 0x[0-9a-f]+/0x[0-9a-f]+/0x0 .*/app $build_id \[FN\]\[FL\]\[LN\]\[IN\]"
}

@test "pprof: -base of two profiles, and --base of one, tell the same difference" {
	command -v go >/dev/null || skip "no Go toolchain (package golang-go)"
	grown
	for name in app grown; do "$TIDEMARK" export $name.tide -o $name.pb.gz; done
	"$TIDEMARK" export grown.tide --base app.tide -o both.pb.gz
	flat both.pb.gz >one
	flat grown.pb.gz -diff_base app.pb.gz >two
	diff one two
	grep -qx 'main 4500' one
	grep -qx 'get -1000' one
	go tool pprof -top both.pb.gz | grep -q 'Total samples = 3599B'
	go tool pprof -raw both.pb.gz | grep -A 1 -E ' -3 +-3000 ' | grep -Fq 'pprof::base:[true]'
	# Another run of the same program, at other addresses, differs in nothing.
	profile again.tide ./app
	"$TIDEMARK" export again.tide -o again.pb.gz
	[ -z "$(flat again.pb.gz -base app.pb.gz)" ]
	"$TIDEMARK" export again.tide --base app.tide -o none.pb.gz
	[ -z "$(flat none.pb.gz)" ]
}

@test "pprof: several processes, against several, are summed" {
	command -v go >/dev/null || skip "no Go toolchain (package golang-go)"
	grown
	"$TIDEMARK" export grown.tide app.tide --base app.tide --base app.tide -o sums.pb.gz
	"$TIDEMARK" export grown.tide --base app.tide -o both.pb.gz
	flat sums.pb.gz >one
	flat both.pb.gz >two
	diff one two
	[ -s one ]
}

@test "pprof: the table names who called operator new, and not operator new" {
	command -v go >/dev/null || skip "no go"
	cat >wrapped.cpp <<-'END'
		#include <cstdlib>
		struct Cache {
			__attribute__((noinline)) char *add(int bytes) { return new char[bytes]; }
		};
		char *volatile kept[40];
		int main()
		{
			Cache c;
			for (int i = 0; i < 40; i++)
				kept[i] = c.add(1000);
			std::_Exit(0);
		}
	END
	g++ -g -O0 -o wrapped wrapped.cpp
	"$TIDEMARK" run -q -o wrapped.tide ./wrapped
	"$TIDEMARK" export -o wrapped.pb.gz wrapped.tide
	flat wrapped.pb.gz -sample_index=alloc_space >rows
	grep -q 'Cache::add.* 40000' rows
	! grep -q 'operator new' rows
}

@test "pprof: the table names containers, and not what they get memory by" {
	command -v go >/dev/null || skip "no go"
	cat >contained.cpp <<-'END'
		#include <cstdlib>
		#include <list>
		#include <memory>
		#include <string>
		#include <vector>
		std::vector<std::list<std::shared_ptr<std::string>>> all;
		int main()
		{
			for (int i = 0; i < 40; i++) {
				all.emplace_back();
				all.back().push_back(std::make_shared<std::string>(1000, 'x'));
			}
			std::_Exit(0);
		}
	END
	for optimise in -O0 -O2; do
		g++ -g $optimise -o contained contained.cpp
		"$TIDEMARK" run -q -f -o contained.tide ./contained
		"$TIDEMARK" export -o contained.pb.gz contained.tide
		flat contained.pb.gz -sample_index=inuse_space >rows
		cat rows
		grep -q 'std::' rows
		! grep -Eq '(::allocate|_M_allocate|_M_get_node|_M_create|__allocate_guarded) [0-9]+$' rows
		[ "$(awk '{s += $NF} END {print s}' rows)" = "$(json "$("$TIDEMARK" stat --json contained.tide)" 'd["totals"]["live_bytes"]')" ]
	done
}
