#!/usr/bin/env bats
# Names of variables on stacks: what a function that runs holds, in a process that nobody prepared.

load ../lib/helper
bats_require_minimum_version 1.5.0

setup() {
	cat >locals.cpp <<-'SOURCE'
		#include <semaphore.h>
		#include <stdlib.h>
		#include <string>
		#include <thread>
		#include <unistd.h>
		#include <vector>
		struct Part { long a, b, c; };
		struct Job { Job *next; Part *part; long values[3]; };
		struct Queue { long n; Job *head_; };
		struct Tagged { char tag; Job *job; };
		#define IN_MEMORY(v) __asm__ volatile("" : : "r"(&(v)) : "memory")
		// A thread that sleeps has what calls have left in these registers, too: with glibc 2.31 a pointer to a job.
		#define CLEAR(r) "xorl %%" r "d, %%" r "d\n\t"
		#define FORGET() __asm__ volatile(CLEAR("r8") CLEAR("r9") CLEAR("r10") : : : "r8", "r9", "r10", "cc")
		static sem_t ready;
		static Job *make_job(Job *next)
		{
			size_t bytes = sizeof(Job);
			Job *job = (Job *)calloc(1, bytes);
			job->next = next;
			return job;
		}
		__attribute__((noinline)) static void recurse(int depth)
		{
			Part *mine = (Part *)calloc(1, depth ? sizeof(Part) : 5 * sizeof(Part));
			IN_MEMORY(mine);
			if (depth)
				recurse(depth - 1);
			else
				pause();
			IN_MEMORY(mine);
		}
		static inline __attribute__((always_inline)) void inlined()
		{
			Queue inner = { 1, make_job(nullptr) };
			IN_MEMORY(inner);
			recurse(3);
			IN_MEMORY(inner);
		}
		namespace net {
		void worker(Tagged given)
		{
			Queue queue = { 0, nullptr };
			for (int i = 0; i < 7; i++)
				queue.head_ = make_job(queue.head_);
			IN_MEMORY(queue);
			IN_MEMORY(given);
			sem_post(&ready);
			for (;;) {
				FORGET();
				pause();
			}
		}
		}
		int main()
		{
			sem_init(&ready, 0, 0);
			std::vector<Job *> jobs;
			Tagged tagged[3] = {};
			for (int i = 0; i < 9; i++)
				jobs.push_back(make_job(nullptr));
			for (Tagged &t : tagged)
				t.job = make_job(nullptr);
			IN_MEMORY(jobs);
			IN_MEMORY(tagged);
			std::thread thread(net::worker, tagged[2]);
			sem_wait(&ready);
			inlined();
			IN_MEMORY(jobs);
			IN_MEMORY(tagged);
		}
	SOURCE
}

teardown() { [ -z "${child:-}" ] || kill "$child" 2>/dev/null || true; }

build() { g++ -g "$@" -pthread -o app locals.cpp; }
start() {
	./app >/dev/null 2>&1 3>&- &
	child=$!
	await "grep -q '^34 ' \"/proc/$child/syscall\""
}
stop() {
	kill "$child"
	child=
}
walk() {
	start
	# A machine that is busy may take longer than snap waits.
	for _ in 1 2 3 4 5; do "$TIDEMARK" snap -q -o "$1" "$child" && break; done
	stop
}
held() { json "$("$TIDEMARK" types --json "$1")" "[(h['field'], h['blocks']) for r in d['native']['types'] if r['type'] == '$2' for h in r['held_by']]"; }
rows() { json "$("$TIDEMARK" types --json "$1")" 'sorted((r["type"], r["blocks"]) for r in d["native"]["types"] if r["type"] in ("Job", "Part", "Job*"))'; }
# check SNAPSHOT: what hangs on its stacks is typed, and named.
check() {
	[ "$(rows "$1")" = "[('Job', 20), ('Job*', 1), ('Part', 4)]" ] || fail "$1: $(rows "$1")"
	# The thread's copy of its argument holds none but the last.
	[ "$(held "$1" Part)" = "[('recurse() mine', 4)]" ] || fail "$1: $(held "$1" Part)"
	[ "$(held "$1" 'Job*')" = "[('main() jobs', 1)]" ] || fail "$1: $(held "$1" 'Job*')"
	[[ $(held "$1" Job) == "[('Job*[]', 9), ('Job::next', 6), ('main() tagged[].job', 3)"* ]] || fail "$1: $(held "$1" Job)"
	run -0 "$TIDEMARK" refs -n all "$1" Job
	[[ $output == *"stack net::worker() queue.head_ of thread "* && $output == *"stack inlined() inner.head_ of thread "* ]] || fail "$1: $output"
	[[ $output == *"stack main() tagged[1].job of thread "* ]] || fail "$1: $output"
	# Words that are not in a variable, and the sum of all of a frame, are named by the function.
	run -0 "$TIDEMARK" retained --by root -n all "$1"
	[[ $output == *"stack main() of thread "* && $output == *"stack net::worker() of thread "* && $output == *"stack recurse() of thread "* ]] || fail "$1: $output"
	# Each frame of a recursion has its own.
	run -0 "$TIDEMARK" refs -n all --json "$1" Part
	[ "$(json "$output" 'sorted(len({(w["field"], w["address"]) for w in r["referrers"] if w["field"]}) for r in d["records"])')" = "[1, 1, 1, 1]" ] || fail "$1: $output"
	[ "$(json "$output" 'len({w["address"] for r in d["records"] for w in r["referrers"] if w["field"]})')" = 4 ]
}

@test "variables of functions that run type what they point to, and refs and types name them" {
	for flags in -O0 -O2; do
		build $flags
		rm -f walked.tide
		walk walked.tide
		check walked.tide
	done
}

@test "a symbolized snapshot says the same without debug information" {
	build -O2
	walk walked.tide
	"$TIDEMARK" types --json walked.tide >before.json
	"$TIDEMARK" refs -n all walked.tide Job >before.txt
	"$TIDEMARK" symbolize -q walked.tide
	rm app
	check walked.tide
	"$TIDEMARK" types --json walked.tide >after.json
	diff before.json after.json
	"$TIDEMARK" refs -n all walked.tide Job | diff before.txt -
}

@test "a core and a run have the variables of stacks, too" {
	build -O0
	start
	gcore -o core "$child" >log 2>&1 || fail "$(cat log)"
	stop
	"$TIDEMARK" snap -q --core core.* -o core.tide
	check core.tide
	start_run() { "$TIDEMARK" run -q -o run.tide ./app 3>&- & child=$!; }
	start_run
	await 'pid=$(pgrep -P "$child" -x app) && grep -q "^34 " "/proc/$pid/syscall"'
	for _ in 1 2 3 4 5; do "$TIDEMARK" snap -q -o live.tide "$pid" && break; done
	kill "$pid"
	wait "$child" || true
	child=
	check live.tide
}

@test "without debug information the stack is named as before" {
	build -O2 -s
	walk walked.tide
	run -0 "$TIDEMARK" retained -n all walked.tide
	[[ $output == *"stack of thread "* && $output != *"main()"* ]] || fail "$output"
	[ "$(rows walked.tide)" = "[]" ]
}
