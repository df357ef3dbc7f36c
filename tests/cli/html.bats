# tidemark html: one file, whole, with the numbers of the other verbs. tests/web looks at it in a browser.
load ../lib/helper
bats_require_minimum_version 1.5.0

# Compiled and profiled once; each test has a copy.
setup_file() {
	cd "$BATS_FILE_TMPDIR"
	[ -s "$B/web/report.js" ] || return 0
	compile app -O0 <<-'SOURCE'
		#include <stdlib.h>
		void *kept;
		void lose(void) { void *volatile p = malloc(777); p = NULL; }
		void keep(void) { kept = malloc(1000); }
		int main(int argc, char **argv) { lose(); keep(); if (argc > 1) lose(); (void)argv; return 0; }
	SOURCE
	"$TIDEMARK" run -q -o app.tide ./app 2>/dev/null
}

setup() {
	[ -s "$B/web/report.js" ] || skip "this build has no page: no node"
	cp -a "$BATS_FILE_TMPDIR"/* .
}

# page FILE EXPRESSION...: of `data` and `head` in the page
page() {
	/usr/bin/python3 -c '
import json, re, sys
text = open(sys.argv[1], encoding="utf-8").read()
data, head = (json.loads(re.search(r"id=\"%s\">(.*?)</script>" % i, text, re.S).group(1)) for i in ("data", "head"))
for e in sys.argv[2:]:
    print(eval(e))' "$@"
}

@test "the report is one file, and the sums are those of stat" {
	run -0 --separate-stderr "$TIDEMARK" html app.tide -o report.html
	[ -z "$output" ]
	[[ "$stderr" == *"wrote report.html"* ]]
	live=$(json "$("$TIDEMARK" stat --json app.tide)" 'd["totals"]["live_bytes"]')
	[ "$(page report.html 'sum(data["live_bytes"])' 'head["totals"]["live_bytes"]' | sort -u)" = "$live" ]
	[ "$(page report.html 'sum(data["lost_bytes"])')" = 777 ]
	run -1 grep -E '(src|href)="?https?:|@import|url\(["'\'']?http' report.html
	[ -z "$(ls .tidemark-*.part 2>/dev/null)" ]
}

@test "without -o the report lies beside the snapshot; - is standard output" {
	"$TIDEMARK" html -q app.tide
	[ -s app.html ]
	"$TIDEMARK" html -q app.tide -o - >out.html
	cmp app.html out.html
}

@test "with an older snapshot the differences are in it" {
	"$TIDEMARK" run -q -o more.tide ./app more 2>/dev/null
	"$TIDEMARK" html -q more.tide app.tide -o report.html
	[ "$(page report.html 'sum(r[4] - r[2] for r in data["diff"]["rows"])')" = 777 ]
}

@test "a selection is that of stat" {
	"$TIDEMARK" html -q --filter function:keep app.tide -o report.html
	[ "$(page report.html 'sum(data["live_bytes"])' 'head["leaks"]["lost"]["bytes"]' 'head["selection"]')" = "$(printf "1000\n0\n['--filter function:keep']")" ]
}

@test "no text of the program ends the page" {
	mkdir '<b>'
	cp app '<b>/app<!--<script>'
	"$TIDEMARK" run -q -o hostile.tide './<b>/app<!--<script>' '</script><script>' 2>/dev/null
	"$TIDEMARK" html -q hostile.tide -o report.html
	[ "$(grep -c '</script>' report.html)" = 3 ]
	page report.html 'head["command"]' | grep -q '</script><script>'
}

@test "what cannot be: no file, --json, no place to write" {
	run -3 "$TIDEMARK" html nothing.tide
	run -2 "$TIDEMARK" html --json app.tide
	run -3 "$TIDEMARK" html app.tide -o nowhere/report.html
	[[ "$output" == *"cannot write nowhere/report.html"* ]]
}

@test "a damaged snapshot gives a report of what is whole, and status 3" {
	head -c "$(($(stat -c %s app.tide) * 3 / 4))" app.tide >cut.tide
	run -3 "$TIDEMARK" html cut.tide -o report.html
	[ -s report.html ]
	page report.html 'head["warnings"]' | grep -q damaged
}
