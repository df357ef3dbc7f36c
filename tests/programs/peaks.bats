#!/usr/bin/env bats
# The peak of a process: the sum of its sites' values at the peak, always; the truth with one thread,
# and within the bound that `info` names with more. Live blocks of the timeline, too.

load ../lib/helper

# A program that fills and empties with THREADS threads. Its peak is known: it is reached while all threads wait.
setup() {
	compile filled -D_GNU_SOURCE <<-'SOURCE'
		#include <dlfcn.h>
		#include <pthread.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		enum { THREADS = 4, EACH = 20000 };
		static void *kept[THREADS][EACH];
		static pthread_barrier_t gate;
		static void *fill(void *argument)
		{
			long me = (long)argument;
			for (int i = 0; i < EACH; i++)
				kept[me][i] = malloc(100 + me);
			pthread_barrier_wait(&gate);
			pthread_barrier_wait(&gate);
			for (int i = 0; i < EACH; i++)		/* another thread's */
				free(kept[(me + 1) % THREADS][i]);
			return NULL;
		}
		int main(int argc, char **argv)
		{
			void (*mark)(const char *) = (void (*)(const char *))dlsym(RTLD_DEFAULT, "tide_mark");
			pthread_t thread[THREADS];
			pthread_barrier_init(&gate, NULL, THREADS + 1);
			for (long i = 0; i < THREADS; i++)
				pthread_create(&thread[i], NULL, fill, (void *)i);
			pthread_barrier_wait(&gate);
			if (argc > 1 && mark)
				mark("full");
			pthread_barrier_wait(&gate);
			for (int i = 0; i < THREADS; i++)
				pthread_join(thread[i], NULL);
			return 0;
		}
	SOURCE
	KNOWN=$((20000 * (100 + 101 + 102 + 103)))
}

profile() { "$TIDEMARK" run -q -f --no-references -o app.tide -- "$@" >/dev/null 2>&1 </dev/null; }

# What `info` and `stat` say of the peak, and whether they agree: peak, bound, live bytes at the end.
peak() {
	"$TIDEMARK" info --json app.tide >info.json
	"$TIDEMARK" stat --json -n all app.tide >stat.json
	/usr/bin/python3 -c '
import json
p, s = json.load(open("info.json"))["snapshot"], json.load(open("stat.json"))
assert p["peak_bytes"] == s["totals"]["peak_bytes"] == sum(r["peak_bytes"] for r in s["records"]), (p["peak_bytes"], s["totals"])
assert p["live_bytes"] == s["totals"]["live_bytes"] == sum(r["live_bytes"] for r in s["records"])
assert p["peak_bytes"] >= p["live_bytes"]
print(p["peak_bytes"], p["peak_uncertain_bytes"], p["live_bytes"])'
}

@test "one thread: the sum of the sites, in real programs" {
	local of
	for of in "/usr/bin/python3 -c print(sum(range(9)))" "sqlite3 :memory: select(1)" "git --version" "perl -e 1"; do
		profile $of
		of=$(peak) || fail "$of"
		[ "$(cut -d' ' -f2 <<<"$of")" = 0 ]
	done
	"$TIDEMARK" info app.tide | grep -q '^  peak .*, exact$'
}

@test "threads that hand on their blocks, and thousands of threads: the sum of the sites" {
	profile ./filled
	peak
	profile "$BENCH/threads"
	peak
	compile many <<-'SOURCE'
		#include <pthread.h>
		#include <stdlib.h>
		static void *kept[3000];
		static void *one(void *p) { *(void **)p = malloc(1000); return NULL; }
		int main(void)
		{
			for (int i = 0; i < 3000; i++) {
				pthread_t t;
				pthread_create(&t, NULL, one, &kept[i]);
				pthread_join(t, NULL);
			}
			return 0;
		}
	SOURCE
	profile ./many
	read -r peak bound live <<<"$(peak)"
	[ "$live" -ge 3000000 ] && [ "$peak" -ge "$live" ]
	# What dead threads held back is not forgotten when their memory serves others.
	"$TIDEMARK" timeline --json app.tide | /usr/bin/python3 -c '
import json, sys
last = json.load(sys.stdin)["records"][-1]
assert last["live_bytes"] == int(sys.argv[1]), (last, sys.argv[1])
assert last["live_blocks"] == json.load(open("stat.json"))["totals"]["live_blocks"], last' "$live"
}

@test "threads: the truth where a mark looks at it, and within the bound where not" {
	local peak bound live
	profile ./filled
	read -r peak bound live <<<"$(peak)"
	[ "$bound" = $((5 * 2 * 65536)) ]
	[ "$peak" -le $((KNOWN + live)) ] && [ "$peak" -ge $((KNOWN + live - bound)) ] || fail "$peak, not $((KNOWN + live))"
	"$TIDEMARK" info app.tide | grep -q '^  peak .*, or up to 640 KiB more (5 threads)$'
	profile ./filled mark
	read -r peak bound live <<<"$(peak)"
	[ "$peak" = $((KNOWN + live)) ] || fail "$peak, not $((KNOWN + live))"
	"$TIDEMARK" timeline --json app.tide | /usr/bin/python3 -c '
import json, sys
d = json.load(sys.stdin)
s = json.load(open("stat.json"))["totals"]
assert d["marks"][0]["live_bytes"] == int(sys.argv[1]), d["marks"]
assert d["marks"][0]["live_blocks"] == 80000 + s["live_blocks"], d["marks"]
assert d["records"][-1]["live_blocks"] == s["live_blocks"], (d["records"][-1], s)' "$peak"
}

@test "a forked child of a threaded program, and a snapshot while it lives" {
	compile forking <<-'SOURCE'
		#include <pthread.h>
		#include <stdlib.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static void *kept[1000];
		static void *fill(void *p) { for (int i = 0; i < 1000; i++) kept[i] = malloc(3000); return p; }
		int main(void)
		{
			pthread_t t;
			pthread_create(&t, NULL, fill, NULL);
			pthread_join(t, NULL);
			if (!fork()) {
				for (int i = 0; i < 500; i++)
					free(kept[i]);
				exit(0);
			}
			wait(NULL);
			return 0;
		}
	SOURCE
	"$TIDEMARK" run -q -f --children all --no-references -o 'app.%n.%p.tide' -- ./forking 2>/dev/null
	[ "$(ls app.*.tide | wc -l)" = 2 ]
	for f in app.*.tide; do
		mv "$f" app.tide
		peak
	done
}
