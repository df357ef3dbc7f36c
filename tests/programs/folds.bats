#!/usr/bin/env bats
# Programs with more call stacks than are kept: folded, counted exactly, and said.

load ../lib/helper

# 2^DEPTH orders of calls of two functions that call themselves and each other; each order allocates once in each of
# two threads, and `left` loses its blocks.
orders() {
	compile orders -O1 -g -pthread <<-'END'
		#include <pthread.h>
		#include <stdlib.h>
		static int depth;
		__attribute__((noinline)) void right(unsigned path, int left_to_go, void ***list);
		__attribute__((noinline)) void left(unsigned path, int left_to_go, void ***list)
		{
			if (!left_to_go) {
				*(void *volatile *)malloc(40) = NULL;
			} else if (path & 1) {
				left(path >> 1, left_to_go - 1, list);
			} else {
				right(path >> 1, left_to_go - 1, list);
			}
			__asm__ volatile("");
		}
		__attribute__((noinline)) void right(unsigned path, int left_to_go, void ***list)
		{
			if (!left_to_go) {
				void **block = malloc(24);
				*block = *list;
				*list = block;
			} else if (path & 1) {
				left(path >> 1, left_to_go - 1, list);
			} else {
				right(path >> 1, left_to_go - 1, list);
			}
			__asm__ volatile("");
		}
		static void *work(void *list)
		{
			for (unsigned path = 0; path < 1u << depth; path++)
				left(path, depth, list);
			return NULL;
		}
		void **held[2];
		int main(int argc, char **argv)
		{
			pthread_t t;
			depth = atoi(argv[argc - 1]);
			if (pthread_create(&t, NULL, work, &held[1]))
				return 1;
			work(&held[0]);
			return pthread_join(t, NULL);
		}
	END
}

@test "beyond --sites stacks are folded, sums stay exact, and the snapshot says it" {
	orders
	"$TIDEMARK" run --sites 500 -o folded.tide -- ./orders 12 2>err
	"$TIDEMARK" run --sites 0 -q -o whole.tide -- ./orders 12
	[ "$(grep -c 'call stacks were folded' err)" = 1 ] || fail "not one warning: $(cat err)"
	cat >compare.py <<-'END'
		import collections, json, subprocess, sys
		def ask(*words):
		    return json.loads(subprocess.run([sys.argv[1], *words], stdout=subprocess.PIPE).stdout)
		sums = {}
		for name in "folded.tide", "whole.tide":
		    info = ask("info", "--json", name)
		    assert info["snapshot"]["complete"], name
		    assert bool(info["missed"].get("folded")) == (name == "folded.tide"), info["missed"]
		    records = ask("stat", "--by", "stack", "--json", name)["records"]
		    assert (len(records) < 1400) == (name == "folded.tide"), (name, len(records))
		    by = collections.Counter()
		    for r in records:
		        leaf = r["stack"][0]["function"]
		        for key in "live_bytes", "live_blocks", "total_bytes", "total_blocks":
		            by[leaf, key] += r[key]
		        frames = [(f["function"], f["address"]) for f in r["stack"]]
		        if name == "folded.tide":
		            by["long"] += len(frames) > len(set(frames))
		    if name == "folded.tide":
		        assert by["long"] <= 500, by["long"]    # those from before the bound
		    del by["long"]
		    leaks = ask("leaks", "--json", name)["totals"]
		    by["lost"] = leaks["unreferenced"]["blocks"]
		    sums[name] = dict(by)
		assert sums["folded.tide"] == sums["whole.tide"], sums
		assert sums["whole.tide"]["left", "total_blocks"] == 4096, sums
		assert 4090 <= sums["whole.tide"]["lost"] <= 4096, sums
	END
	python3 compare.py "$TIDEMARK" || fail "the two snapshots do not agree"
	"$TIDEMARK" stat folded.tide | grep -q 'call stacks were folded' || fail "the screen does not say it"
	"$TIDEMARK" diff --fail folded.tide folded.tide >diff.txt || fail "$(cat diff.txt)"
}

@test "--sites: the variable without run, no folding by default, and a number that is wrong" {
	orders
	LD_PRELOAD=$SHIM TIDEMARK_SITES=300 TIDEMARK_OUTPUT=alone.tide ./orders 11
	"$TIDEMARK" info --json alone.tide | grep -q '"folded": *[1-9]' || fail "$("$TIDEMARK" info alone.tide)"
	"$TIDEMARK" run -o plain.tide -- ./orders 11 2>err
	! grep -q folded err || fail "$(cat err)"
	run "$TIDEMARK" run --sites many -- true
	[ "$status" = 2 ] || [ "$status" = 125 ] || fail "$status: $output"
}
