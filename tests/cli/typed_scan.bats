#!/usr/bin/env bats
# Words that no pointer can be in, by the type of what they lie in, hold nothing: all verbs agree on what is lost.

load ../lib/helper
bats_require_minimum_version 1.5.0

setup_file() {
	export B
	cd "$BATS_FILE_TMPDIR"
	cat >spare.cpp <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		#include <vector>
		struct Job { long number; Job *next; };
		struct Pool { std::vector<Job *> jobs; } *pool;
		static __attribute__((noinline)) Job *make_job() { return new Job(); }
		static __attribute__((noinline)) Job *make_lost() 
		{
			Job *j = new Job();
			j->next = new Job();
			return j;
		}
		static __attribute__((noinline)) void fill()
		{
			pool = new Pool;
			for (int i = 0; i < 40; i++)
				pool->jobs.push_back(i < 30 ? make_job() : make_lost());
			pool->jobs.resize(30);
		}
		static __attribute__((noinline)) void wipe() { char s[65536]; memset(s, 0, sizeof s); asm volatile("" : : "r"(s) : "memory"); }
		int main(int argc, char **) { fill(); wipe(); if (argc > 1) pause(); quick_exit(0); }
	SOURCE
	g++ -g -O1 -o spare spare.cpp
	"$TIDEMARK" run -q -o spare.tide ./spare
}

lost() { jq .totals.lost.blocks; }

setup() { cp "$BATS_FILE_TMPDIR"/spare* .; }

@test "what only the spare part of a vector refers to is lost, in every verb" {
	[ "$("$TIDEMARK" leaks --json spare.tide | lost)" = 20 ]
	run -1 "$TIDEMARK" leaks --fail spare.tide
	[[ "$output" == *"10 root leaks lose 20 blocks"* ]]
	"$TIDEMARK" refs --json spare.tide Job >refs.json
	[ "$(jq '[.records[] | select(.state == "reachable")] | length' refs.json)" = 30 ]
	[ "$(jq '[.records[] | select(.state == "unreferenced" or .state == "indirect")] | length' refs.json)" = 20 ]
	"$TIDEMARK" types --json spare.tide >types.json
	[ "$(jq '.native.types[] | select(.type == "Job").lost_blocks' types.json)" = 20 ]
	# 30 jobs, the pool and its memory; what is lost is not the pool's.
	[ "$("$TIDEMARK" retained --json spare.tide |
		jq '[.records[] | select(.name == "pool").retained_blocks] | max')" = 32 ]
	"$TIDEMARK" export --to sqlite -o spare.db spare.tide
	[ "$(sqlite3 spare.db "select sum(lost_blocks) from site")" = 20 ]
	run -1 "$TIDEMARK" gate --limit leaked=0 -- ./spare
	[[ "$output" == *make_lost* ]]
	# So do the last lines of run, its verdict, and the heading of stat.
	run -23 --separate-stderr "$TIDEMARK" run --leak-exit 23 -o again.tide ./spare
	[[ "$stderr" == *"10 root leaks lose 20 blocks"* ]]
	run -0 --separate-stderr "$TIDEMARK" run -o again.tide ./spare
	[[ "$stderr" == *"10 root leaks lose 20 blocks"* && "$stderr" == *"next: tidemark leaks"* ]]
	run -0 "$TIDEMARK" stat spare.tide
	[[ "$output" =~ lost\ +320\ B\ in\ 20\ blocks ]]
	[ -s "$B/web/report.js" ] || return 0 # built without the page
	# There, the only references to lost blocks are those of the lost blocks themselves.
	"$TIDEMARK" html -q -o spare.html spare.tide
	[ "$(/usr/bin/python3 - spare.html <<-'EOF'
		import json, re, sys
		text = open(sys.argv[1], encoding="utf-8").read()
		d = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S).group(1))
		names = lambda row: {d["text"][d["line_function"][l]] for l in lines(row)}
		def lines(row):
		    n = d["row_node"][row] + 1
		    while n:
		        yield d["node_line"][n - 1]
		        up = d["node_up"][n - 1]
		        n = n - up if up else 0
		lost = lambda row: any("make_lost" in n for n in names(row))
		print(sorted((r[1], all(lost(x[0]) for x in r[3:])) for r in d["referrers"] if lost(r[0])))
	EOF
	)" = "[(10, True)]" ]
}

@test "refs names the word and why it holds nothing; --scan plain counts it" {
	address=$("$TIDEMARK" refs --json spare.tide Job |
		jq -r '[.records[] | select(.state == "unreferenced").address][0]')
	run -0 "$TIDEMARK" refs spare.tide "$address"
	[[ "$output" == *"(spare: holds nothing)"* ]]
	run -0 "$TIDEMARK" refs --json spare.tide "$address"
	[ "$(jq -r '.records[0].referrers[0] | "\(.unused) \(.counted)"' <<<"$output")" = "spare false" ]
	[ "$(jq '.records[0].found.blocks' <<<"$output")" = 0 ]
	run -0 "$TIDEMARK" refs --json --scan plain spare.tide "$address"
	[ "$(jq -r '.records[0].state, .records[0].referrers[0].unused' <<<"$output")" = "reachable
null" ]
	[ "$("$TIDEMARK" leaks --scan plain --json spare.tide | lost)" = 0 ]
	run -2 "$TIDEMARK" leaks --scan sometimes spare.tide
	[[ "$output" == *"is not one of typed, plain"* ]]
}

@test "libc++: spare parts of vectors and of the maps of deques, and what a short string has left" {
	libcxx
	"$LIBCXX" -g -O1 -o spare spare.cpp
	"$TIDEMARK" run -q -o llvm.tide ./spare
	[ "$("$TIDEMARK" leaks --json llvm.tide | lost)" = 20 ]
	cat >left.cpp <<-'SOURCE'
		#include <deque>
		#include <new>
		#include <stdlib.h>
		#include <string.h>
		#include <string>
		struct Job { long number; Job *next; };
		struct Named { std::string name; Job *job; };
		Named *named; // not static: clang 11 would leave out what nothing reads
		std::deque<Job> *queue;
		static __attribute__((noinline)) Job *make_job() { return new Job(); }
		static __attribute__((noinline)) Job *make_lost() { return new Job(); }
		/* Memory as it was before the string, of which an empty one writes its first bytes. */
		static __attribute__((noinline)) void leave_in_string()
		{
			Job *lost = make_lost();
			auto **words = (Job **)::operator new(sizeof(Named));
			named = new (words) Named();
			words[1] = lost;
			named->job = make_job();
		}
		static __attribute__((noinline)) void leave_in_map()
		{
			queue = new std::deque<Job>;
			for (int i = 0; i < 3000; i++)
				queue->push_back(Job());
			for (int i = 0; i < 2000; i++)
				queue->pop_front();
			**(Job ***)queue = make_lost(); /* the first entry of the map */
		}
		static __attribute__((noinline)) void wipe() { char s[65536]; memset(s, 0, sizeof s); asm volatile("" : : "r"(s) : "memory"); }
		int main() { leave_in_string(); leave_in_map(); wipe(); quick_exit(0); }
	SOURCE
	for level in 0 2; do
		"$LIBCXX" -fpermissive -w -g -O$level -o left left.cpp
		rm -f left.tide
		"$TIDEMARK" run -q -o left.tide ./left
		[ "$("$TIDEMARK" leaks --json left.tide | lost)" = 2 ] || fail "-O$level: $("$TIDEMARK" leaks -v left.tide)"
		[ "$("$TIDEMARK" leaks --scan plain --json left.tide | lost)" = 0 ]
		run -0 "$TIDEMARK" refs left.tide Job
		[[ "$output" == *"+8 (text end: holds nothing)"* && "$output" == *"+0 (spare: holds nothing)"* ]] || fail "-O$level: $output"
	done
}

@test "without debug information nothing is proved, and the words count" {
	strip -o bare spare
	"$TIDEMARK" run -q -o bare.tide ./bare
	[ "$("$TIDEMARK" leaks --json bare.tide | lost)" = 0 ]
}

@test "what hangs on words that may be stale is said, with the way to be sure, and only where it matters" {
	cat >reused.c <<-'SOURCE'
		#include <stdlib.h>
		#include <string.h>
		#include <unistd.h>
		void *kept, *young;
		static __attribute__((noinline)) void *make(void) { return malloc(20); }
		static __attribute__((noinline)) void litter(int n)
		{
			void *volatile *a = calloc(100, 8);
			for (int i = 100 - n; i < 100; i++)
				a[i] = make();
			usleep(2000); /* births are a clock */
			free((void *)a);
		}
		static __attribute__((noinline)) void wipe(void) { volatile char s[8192]; memset((char *)s, 0, sizeof s); }
		int main(int argc, char **argv)
		{
			litter(atoi(argv[1]));
			kept = malloc(800);
			usleep(2000);
			young = malloc(400);
			memset(young, 0, 400);
			for (int i = 0; i < 20; i++)
				((void **)young)[i] = malloc(30);
			wipe();
			return 0;
		}
	SOURCE
	gcc -g -O1 -o reused reused.c
	"$TIDEMARK" run -q -o reused.tide ./reused 50
	[ "$("$TIDEMARK" leaks --json reused.tide | jq -c '[.totals.lost.blocks, .totals.unsure.blocks, .totals.unsure.bytes]')" = "[0,50,1000]" ]
	run -0 "$TIDEMARK" leaks reused.tide
	[[ "$(tr '\n' ' ' <<<"$output")" == *"1000 B in 50 blocks are held only by words that may be older than the block they lie in"*"main"*"tidemark run --wipe"* ]]
	run -0 "$TIDEMARK" retained reused.tide
	[[ "$(tr '\n' ' ' <<<"$output")" == *"1000 B in 50 blocks are held only by"* ]]
	"$TIDEMARK" run -q --wipe -o wiped.tide ./reused 50
	[ "$("$TIDEMARK" leaks --json wiped.tide | jq -c '[.totals.lost.blocks, .totals.unsure.blocks]')" = "[50,0]" ]
	run -0 "$TIDEMARK" leaks wiped.tide
	[[ "$output" != *"--wipe"* ]]
	"$TIDEMARK" run -q -o clean.tide ./reused 0
	run -0 "$TIDEMARK" leaks clean.tide
	[[ "$output" != *"--wipe"* ]]
	run -0 "$TIDEMARK" retained clean.tide
	[[ "$output" != *"--wipe"* ]]
}
