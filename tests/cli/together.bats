#!/usr/bin/env bats
# `leaks` of several processes of one run: rows are summed by place, and the heading names the files.

bats_require_minimum_version 1.5.0
load ../lib/helper

setup() {
	compile leaky <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		static __attribute__((noinline)) void wipe(void) { volatile char s[8192]; memset((char *)s, 0, sizeof s); }
		__attribute__((noinline)) void lose(int n) { for (int i = 0; i < n; i++) { char *volatile p = malloc(100); p = NULL; } }
		int main(int c, char **v) { lose(c > 1 ? atoi(v[1]) : 0); wipe(); return 0; }
	SOURCE
	"$TIDEMARK" run -q -o 'p.%p.tide' -- sh -c './leaky 3; ./leaky 4; ./leaky; true'
}

@test "three files and more are processes: rows are summed, files are named" {
	run "$TIDEMARK" leaks p.*.tide
	[ "$status" = 0 ]
	[[ "$output" == *"2 of "*" processes lost 7 blocks, 700 B"* ]]
	[ "$(grep -c "7 root leaks.*lose .*leaky.c:4" <<<"$output")" = 1 ]
	for f in p.*.tide; do
		[[ "$output" == *"$f"* ]]
	done
	[ "$(json "$("$TIDEMARK" leaks --json p.*.tide)" '[(g["roots"], g["bytes"], g["processes"], g["stack"][0]["function"]) for g in d["groups"]]')" = "[(7, 700, 2, 'lose')]" ]
	[[ "$("$TIDEMARK" leaks --csv p.*.tide | tail -1)" == "unreferenced,7,7,700,7,700,2,lose,"*"leaky.c,4,"* ]]
	run -1 "$TIDEMARK" leaks --fail p.*.tide
}

@test "two files are new and old, or with --together two processes" {
	set -- $(for f in p.*.tide; do "$TIDEMARK" leaks --fail "$f" >/dev/null || echo "$f"; done)
	[ $# = 2 ]
	run "$TIDEMARK" leaks --together "$1" "$2"
	[[ "$output" == *"2 of 2 processes lost 7 blocks"* ]]
	run "$TIDEMARK" leaks "$2" "$1"
	[[ "$output" == *"more than in the older snapshot"* ]]
	run -2 "$TIDEMARK" leaks --together --tree "$1" "$2"
	run -3 "$TIDEMARK" leaks --together "$1" nothing.tide
}
