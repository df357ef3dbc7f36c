#!/usr/bin/env bats
# What a program defines for LeakSanitizer holds for us: suppressions of its own, and leak checks turned off.

load ../lib/helper

setup() {
	compile leaky <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		static __attribute__((noinline)) void wipe(void) { volatile char s[8192]; memset((char *)s, 0, sizeof s); }
		__attribute__((noinline)) void known(void) { char *volatile p = malloc(100); p = NULL; }
		__attribute__((noinline)) void fresh(void) { char *volatile p = malloc(30); p = NULL; }
		#ifdef SUPPRESS
		const char *__lsan_default_suppressions(void) { return "# ours\nleak:known\nleak:never_called\n"; }
		#endif
		#ifdef OFF
		int __lsan_is_turned_off(void) { return OFF; }
		#endif
		int main(int c, char **v) { (void)v; known(); if (c > 1) fresh(); wipe(); return 0; }
	SOURCE
}

again() {
	${CC:-gcc} -g -O1 -o leaky leaky.c "$@"
}

lost() {
	json "$("$TIDEMARK" leaks --json x.tide 2>notes)" '(d["totals"]["lost"]["blocks"], d["totals"]["suppressed"]["blocks"])'
}

@test "suppressions of the program reach the snapshot, leaks, run and gate" {
	"$TIDEMARK" run -q -f -o x.tide -- ./leaky more
	[ "$(lost)" = "(2, 0)" ]
	for flags in "-DSUPPRESS" "-DSUPPRESS -rdynamic" "-DSUPPRESS -no-pie"; do
		again $flags
		"$TIDEMARK" run -q -f -o x.tide -- ./leaky more
		[ "$(lost)" = "(1, 1)" ] || fail "$flags: $(lost)"
		[ ! -s notes ]
	done
	[ "$(json "$("$TIDEMARK" info --json x.tide)" '"leak:known" in d["options"]["lsan_suppressions"]')" = True ]
	run "$TIDEMARK" run -q -f -o x.tide --leak-exit 23 -- ./leaky
	[ "$status" = 0 ]
	run "$TIDEMARK" run -q -f -o x.tide --leak-exit 23 -- ./leaky more
	[ "$status" = 23 ]
	run "$TIDEMARK" gate -- ./leaky
	[ "$status" = 0 ]
	[[ "$output" == *"suppressed: the program says so to LeakSanitizer"* ]]
}

@test "leak checks that the program turns off find nothing" {
	again -DOFF=1
	run "$TIDEMARK" run -q -f -o x.tide --leak-exit 23 -- ./leaky more
	[ "$status" = 0 ]
	[ "$(lost)" = "(0, 2)" ]
	run "$TIDEMARK" gate -- ./leaky more
	[ "$status" = 0 ]
	again -DOFF=0
	run "$TIDEMARK" run -q -f -o x.tide --leak-exit 23 -- ./leaky more
	[ "$status" = 23 ]
}
