#!/usr/bin/env bats
# The calls of tidemark.h leave a snapshot that is whole, and every verb reads it.
bats_require_minimum_version 1.5.0
load ../lib/helper

# after CALL: a program that makes the call and then ends; x.tide is its exit snapshot
after() {
	compile caller -I"$ROOT/shim" <<-EOF2
		#include <stdlib.h>
		#include "tidemark.h"
		static void each(void *c, const void *p, size_t n, int g) { (void)c, (void)p, (void)n, (void)g; }
		void *volatile held;
		int main(void)
		{
			struct tide_collected found;
			void *out[8];
			held = malloc(1337);
			(void)found, (void)out, (void)each;
			$1;
			return 0;
		}
	EOF2
	"$TIDEMARK" run -q -f -o x.tide ./caller
}

@test "after each call the snapshot is complete" {
	for call in 'tide_stop(); tide_start()' 'tide_is_tracing()' 'tide_clear()' 'tide_snapshot("own")' 'tide_mark("m")' \
		'tide_freeze()' 'tide_reset_peak()' 'tide_overhead()' 'tide_depth()' 'tide_stack_of(held, out, 8)' \
		'tide_size_of(held)' 'tide_track(7, out, 100); tide_untrack(7, out)' 'tide_count(0)' \
		'tide_scope_begin("s"); tide_scope_end("s")' 'tide_weak(held)' 'tide_ignore(held)' 'tide_collect(&found)' \
		'tide_refcount(held)' 'tide_referrers(held, out, 8)' 'tide_referents(held, out, 8)'; do
		after "$call"
		[ "$(json "$("$TIDEMARK" info --json x.tide)" 'd["snapshot"]["complete"]')" = True ] ||
			fail "$call: $("$TIDEMARK" info x.tide)"
	done
}

@test "after a question every verb reads the snapshot" {
	after 'tide_collect(&found)'
	for verb in info stat tree timeline leaks retained 'export --to folded -o out'; do
		run -0 "$TIDEMARK" $verb x.tide
	done
	run -0 "$TIDEMARK" diff x.tide x.tide
	run -0 "$TIDEMARK" refs x.tide main
}
