# tidemark diff: tracemalloc's compare_to, for any program.
load ../lib/helper
bats_require_minimum_version 1.5.0

# profile FILE PROGRAM...
profile() {
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=$1 "${@:2}" >/dev/null
	[ -s "$1" ]
}

# NAME [FLAGS]: grows by argv[1] blocks in `grow`, shrinks by argv[2] in `shrink`.
program() {
	compile "$@" <<-'EOF'
		#include <stdlib.h>
		#ifndef GROW
		#define GROW grow
		#endif
		void *held[1000];
		int n;
		__attribute__((noinline)) void GROW(size_t bytes) { held[n++] = malloc(bytes); }
		__attribute__((noinline)) void shrink(size_t bytes) { held[n++] = malloc(bytes); __asm__ volatile(""); }
		__attribute__((noinline)) void once(void) { held[n++] = malloc(700); __asm__ volatile("nop"); }
		int main(int c, char **v)
		{
			for (int i = atoi(v[1]); i > 0; i--)
				GROW(100);
			for (int i = 100 - atoi(v[2]); i > 0; i--)
				shrink(50);
			if (c > 3)
				once();
			return 0;
		}
	EOF
}

# "size size_diff count count_diff function" of each record
records() {
	json "$1" '"\n".join(" ".join(map(str, (r["size"], r["size_diff"], r["count"], r["count_diff"], r["stack"][0]["function"]))) for r in d["records"])'
}

@test "two runs of one program differ in nothing" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 10 0
	run -0 "$TIDEMARK" diff --json --fail a.tide b.tide
	[ "$(json "$output" 'len(d["records"])')" = 0 ]
	run -0 "$TIDEMARK" diff a.tide b.tide
	[[ $output == *"no differences"* ]]
}

@test "python3, sqlite3, git: two runs differ in nothing" {
	export PYTHONHASHSEED=0
	git init -q repo && git -C repo -c user.name=a -c user.email=a@b commit -q --allow-empty -m x
	echo 'import json, re' >import.py
	# Without address randomisation: which names Python's method cache keeps depends on their addresses. The
	# snapshots lie elsewhere, since the importer keeps the names of the files beside a program.
	mkdir snapshots
	cp import.py repo
	for program in "/usr/bin/python3 repo/import.py" "sqlite3 :memory: select(1)" "git -C repo log"; do
		command -v ${program%% *} >/dev/null || continue
		profile snapshots/a.tide setarch -R $program
		profile snapshots/b.tide setarch -R $program
		run -0 "$TIDEMARK" diff --json snapshots/a.tide snapshots/b.tide
		[ "$(json "$output" 'len(d["records"])')" = 0 ] || fail "$program: $(records "$output")"
	done
}

@test "grown, shrunk, new, gone: numbers to the byte" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 25 40 x
	run -0 "$TIDEMARK" diff --json a.tide b.tide
	[ "$(records "$output")" = "3000 -2000 60 -40 shrink
2500 1500 25 15 grow
700 700 1 1 once" ]
	[ "$(json "$output" '[r["kind"] for r in d["records"]]')" = "['shrunk', 'grown', 'new']" ]
	run -0 "$TIDEMARK" diff --json b.tide a.tide
	[ "$(json "$output" '[r["kind"] for r in d["records"]]')" = "['grown', 'shrunk', 'gone']" ]
	[ "$(json "$output" 'd["records"][2]["size"], d["records"][2]["size_diff"]')" = "(0, -700)" ]
}

@test "--show same adds what did not change" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 11 0
	[ "$(json "$("$TIDEMARK" diff --json a.tide b.tide)" 'len(d["records"])')" = 1 ]
	[ "$(json "$("$TIDEMARK" diff --json --show same a.tide b.tide)" \
		'[r["size_diff"] for r in d["records"] if r["stack"][0]["function"] == "shrink"]')" = "[0]" ]
}

@test "--fail: 1 when something grew, 0 when it only shrank" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 11 0
	run -1 "$TIDEMARK" diff --fail a.tide b.tide
	run -0 "$TIDEMARK" diff a.tide b.tide
	run -0 "$TIDEMARK" diff --fail b.tide a.tide
	run -0 "$TIDEMARK" diff --fail --exclude fn:grow a.tide b.tide
}

@test "a rebuilt program: lines and optimisation do not matter" {
	program app
	mkdir old && mv app old/
	sed -i '1i // a line more' app.c && gcc -g -O2 -o app app.c
	profile a.tide old/app 10 0
	profile b.tide ./app 10 0
	[ "$(json "$("$TIDEMARK" diff --json a.tide b.tide)" 'len(d["records"])')" = 0 ]
}

@test "a function that was renamed has moved" {
	program app
	mkdir old && mv app old/
	program app -DGROW=expand
	profile a.tide old/app 10 0
	profile b.tide ./app 10 0
	run -0 "$TIDEMARK" diff --fail --json a.tide b.tide
	[ "$(json "$output" 'len(d["records"]), d["totals"]["kinds"]["moved"]')" = "(0, 1)" ]
	run -0 "$TIDEMARK" diff --json --show moved a.tide b.tide
	[ "$(json "$output" '[(r["stack"][0]["function"], r["moved_from"][0]["function"]) for r in d["records"]]')" = "[('expand', 'grow')]" ]
}

@test "other keys" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 25 40 x
	[ "$(json "$("$TIDEMARK" diff --json --by function a.tide b.tide)" '[(r["key"], r["size_diff"]) for r in d["records"]]')" = \
		"[('shrink', -2000), ('grow', 1500), ('once', 700)]" ]
	[ "$(json "$("$TIDEMARK" diff --json --by module a.tide b.tide)" '[r["size_diff"] for r in d["records"]]')" = "[200]" ]
	for key in file line stack size; do
		[ "$(json "$("$TIDEMARK" diff --json --by $key a.tide b.tide)" 'sum(r["size_diff"] for r in d["records"])')" = 200 ]
	done
}

@test "marks: what was born between them and is alive" {
	compile marks -I"$ROOT" <<-'EOF'
		#include <stdlib.h>
		#include "shim/tidemark.h"
		void *a, *b, *c;
		__attribute__((noinline)) void early(void) { a = malloc(100); }
		__attribute__((noinline)) void middle(void) { b = malloc(2000); __asm__ volatile(""); }
		__attribute__((noinline)) void late(void) { c = malloc(30000); __asm__ volatile("nop"); }
		int main(void)
		{
			early();
			tide_mark("warm");
			middle();
			tide_mark("done");
			late();
			return 0;
		}
	EOF
	profile m.tide ./marks
	[ "$(records "$("$TIDEMARK" diff --json --since warm --until done m.tide)" | grep -c middle)" = 1 ]
	records "$("$TIDEMARK" diff --json --since warm --until done m.tide)" | grep -q '^2000 2000 1 1 middle$'
	! records "$("$TIDEMARK" diff --json --since warm --until done m.tide)" | grep -q 'late\|early'
	records "$("$TIDEMARK" diff --json --since done m.tide)" | grep -q '^30000 30000 1 1 late$'
	run -2 "$TIDEMARK" diff --since nowhere m.tide
}

@test "csv has the names of the fields" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 25 0
	run -0 "$TIDEMARK" diff --csv a.tide b.tide
	[ "${lines[0]}" = "size,size_diff,count,count_diff,kind,function,file,line,module" ]
	[[ ${lines[1]} == "2500,1500,25,15,grown,grow,"* ]]
}

@test "usage errors, missing and damaged files" {
	program app
	profile a.tide ./app 10 0
	run -2 "$TIDEMARK" diff a.tide
	run -2 "$TIDEMARK" diff a.tide a.tide a.tide
	run -2 "$TIDEMARK" diff --by nonsense a.tide a.tide
	run -3 "$TIDEMARK" diff a.tide none.tide
	head -c $(($(stat -c %s a.tide) * 2 / 3)) a.tide >cut.tide
	run -3 "$TIDEMARK" diff --fail cut.tide a.tide
}

@test "--fail gives no verdict on a process that was killed" {
	compile killed <<<'#include <stdlib.h>
#include <signal.h>
void *held; int main(void) { held = malloc(99); raise(SIGKILL); }'
	run -137 "$TIDEMARK" run -o k.tide ./killed
	run -0 "$TIDEMARK" diff k.tide k.tide
	run -3 "$TIDEMARK" diff --fail k.tide k.tide
	[[ $output == *"no verdict: k.tide is incomplete"* ]]
}

@test "the screen: which two, the change, bars" {
	program app
	profile a.tide ./app 10 0
	profile b.tide ./app 25 0
	COLUMNS=100 "$TIDEMARK" diff a.tide b.tide >out
	fits 100 out
	grep -q '^old  *./app 10 0, .*at exit' out
	grep -q '^new  *./app 25 0, .*at exit' out
	grep -q '^change  *+1.46 KiB live, from .* +15 blocks' out
	grep -q ' grown grow ' out
	LC_ALL=C "$TIDEMARK" diff a.tide b.tide | grep -q '##.* grown grow '
}

@test "--sort compares by any measure, and equal ends of unequal work are noticed" {
	compile work -O1 -fno-builtin-malloc <<-'EOF'
		#include <stdlib.h>
		__attribute__((noinline)) void one(void) { void *volatile p = malloc(100); free(p); }
		__attribute__((noinline)) void two(void) { void *volatile p = malloc(50); void *volatile q = malloc(7); free(p); free(q); }
		int main(int c, char **v) { for (int i = 0; i < atoi(v[1]); i++) { one(); two(); } return c > 2; }
	EOF
	profile a.tide ./work 100
	profile b.tide ./work 400
	run -0 "$TIDEMARK" diff a.tide b.tide
	[[ $output == *"no differences in live bytes"*"--sort total"* ]] || fail "$output"
	run -0 "$TIDEMARK" diff a.tide a.tide
	[[ $output == *"no differences in live bytes"* && $output != *"--sort"* ]] || fail "$output"
	rows() { json "$("$TIDEMARK" diff --json "$@" a.tide b.tide)" '[(r["size"], r["size_diff"], r["count"], r["count_diff"], r["stack"][0]["function"]) for r in d["records"]], d["measure"]'; }
	[ "$(rows --sort total)" = "([(40000, 30000, 400, 300, 'one'), (22800, 17100, 800, 600, 'two')], 'total_bytes')" ] || fail "$(rows --sort total)"
	[[ $(rows --sort temporary) == "([(0, 0, 400, 300, 'one'), "*"], 'temporary')" ]] || fail "$(rows --sort temporary)"
	[ "$(rows --sort peak)" = "([], 'peak_bytes')" ] || fail "$(rows --sort peak)"
	[ "$("$TIDEMARK" diff --csv --sort total a.tide b.tide | sed -n 2p | cut -d, -f1-5)" = 40000,30000,400,300,grown ]
	COLUMNS=100 run -0 "$TIDEMARK" diff --sort temporary a.tide b.tide
	fits 100 <(echo "$output")
	[[ $output == *"temporary allocations, from"* && $output != *" size "* ]] || fail "$output"
	run -2 "$TIDEMARK" diff --sort nonsense a.tide b.tide
	run -2 "$TIDEMARK" diff --sort peak --filter 'thread:*' a.tide b.tide
	[[ $output == *"cannot compare by peak_bytes"* ]]
}

@test "rows of Python's library and of packages have the nearest line of the program, too" {
	mkdir site-packages
	cat >site-packages/pack.py <<-'EOF'
		def make(n):
		    made = []
		    for i in range(n): made.append(str(i) * 20)
		    return made
		def left(n): return make(n)
		def right(n): return make(n)
		def either(n): return left(n) if n % 2 else right(n)
	EOF
	cat >rows.py <<-'EOF'
		import ctypes, os, sys
		sys.path.insert(0, "site-packages")
		import pack
		def load(n): return pack.make(n)
		def first(): return load(3000)
		def second(): return load(4000)
		def mine(n): return [str(i) * 20 for i in range(n)]
		snapshot = ctypes.CDLL(None).tide_snapshot
		snapshot(b"old.tide")
		kept = [pack.make(1000)]
		kept.append(first())
		kept.append(second())
		for n in 1501, 2000: kept.append(pack.either(n))
		kept.append(mine(2500))
		snapshot(b"new.tide")
		os._exit(0)
	EOF
	"$TIDEMARK" run -q -f -o end.tide -- /usr/bin/python3 rows.py
	for show in "diff -q -n 6 old.tide new.tide" "stat -q -n 20 new.tide"; do
		COLUMNS=200 "$TIDEMARK" $show >out
		# Callers that distinguish rows come beyond the line of the program, or before it.
		grep -Eq 'make .*pack.py:3 ← load rows.py:4 ← first rows.py:5$' out || fail "$(cat out)"
		grep -Eq 'make .*pack.py:3 ← load rows.py:4 ← second rows.py:6$' out || fail "$(cat out)"
		grep -Eq 'make .*pack.py:3 ← left pack.py:5 ← … ← <module> rows.py:13$' out || fail "$(cat out)"
		grep -Eq 'make .*pack.py:3 ← right pack.py:6 ← … ← <module> rows.py:13$' out || fail "$(cat out)"
		grep -Eq 'make .*pack.py:3 ← <module> rows.py:10$' out || fail "$(cat out)"
		# A line of the program itself says it all.
		grep -Eq 'rows.py:7$' out || fail "$(cat out)"
		fits 200 out
	done
}
