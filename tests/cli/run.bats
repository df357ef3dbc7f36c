#!/usr/bin/env bats
# run.bats - `tidemark run`: the program is as it would be, and a snapshot is left.
bats_require_minimum_version 1.5.0

setup() {
	load ../lib/helper
	[ -x app ] || compile app <<'END'
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static void *kept;
static void lose(void) { *(volatile char *)malloc(100) = 1; }
static void clear(void) { volatile char a[4096]; for (int i = 0; i < 4096; i++) a[i] = 0; }
int main(int argc, char **argv)
{
	kept = malloc(50);
	if (argc > 1 && !strcmp(argv[1], "lose")) { lose(); clear(); }
	if (argc > 1 && !strcmp(argv[1], "segv")) *(volatile int *)0 = 1;
	if (argc > 1 && !strcmp(argv[1], "abort")) abort();
	if (argc > 1 && !strcmp(argv[1], "kill")) kill(getpid(), SIGKILL);
	if (argc > 1 && !strcmp(argv[1], "sleep")) { puts("ready"); fflush(stdout); sleep(20); }
	if (argc > 1 && !strcmp(argv[1], "wait")) usleep(600000);
	if (argc > 1 && !strcmp(argv[1], "fork")) { if (!fork()) { free(malloc(7)); return 0; } usleep(200000); }
	return argc > 2 ? atoi(argv[2]) : !kept;
}
END
}

field() { json "$("$TIDEMARK" info --json "$1")" "$2"; }

@test "status, output and input are the program's own" {
	run -7 --separate-stderr "$TIDEMARK" run -- sh -c 'read x; echo "got $x"; exit 7' <<< hello
	[ "$output" = "got hello" ]
}

@test "the default name holds program and process" {
	"$TIDEMARK" run ./app 2>err
	[ "$(echo tidemark.app.*.tide)" != 'tidemark.app.*.tide' ]
	grep -q 'live in' err
	grep -q 'nothing is lost' err
	grep -q 'next: tidemark stat tidemark.app.' err
}

@test "nothing is said with -q" {
	"$TIDEMARK" run -q ./app 2>err
	[ ! -s err ]
}

@test "a file that exists stays, unless -f" {
	"$TIDEMARK" run -q -o x.tide ./app
	"$TIDEMARK" run -q -o x.tide ./app
	[ -e x.tide ] && [ -e x.1.tide ]
	"$TIDEMARK" run -q -f -o x.tide ./app
	[ ! -e x.2.tide ]
}

@test "no such program, not executable, usage errors" {
	run -127 "$TIDEMARK" run ./absent
	echo text >plain
	run -126 "$TIDEMARK" run ./plain
	run -126 "$TIDEMARK" run /
	run -2 "$TIDEMARK" run
	run -2 "$TIDEMARK" run --bogus ./app
	run -2 "$TIDEMARK" run --depth 0 ./app
	run -2 "$TIDEMARK" run --sample many ./app
}

@test "killed by a signal: 128 + n, and a snapshot of what is left" {
	run -139 "$TIDEMARK" run -q -o segv.tide ./app segv
	run -137 "$TIDEMARK" run -q -o kill.tide ./app kill
	run -0 "$TIDEMARK" stat kill.tide
	[ "$(field kill.tide 'd["snapshot"]["reason"]')" = signal ]
	[ "$(field kill.tide 'd["snapshot"]["complete"]')" = False ]
	[ -e segv.tide ]
}

@test "abort: a whole snapshot" {
	run -134 "$TIDEMARK" run -q -o abort.tide ./app abort
	[ "$(field abort.tide 'd["snapshot"]["reason"]')" = abort ]
	[ "$(field abort.tide 'd["snapshot"]["complete"]')" = True ]
}

@test "signals are passed on" {
	"$TIDEMARK" run -q -o s.tide ./app sleep >out 2>err &
	local pid=$!
	await 'grep -q ready out'
	kill -TERM $pid
	local status=0
	wait $pid || status=$?
	[ $status = 143 ]
	[ -e s.tide ]
}

# signalled SIGNAL FILE PROGRAM...: runs it until it says "ready", and signals `run`. Sets status.
signalled() {
	local signal=$1 file=$2 pid
	shift 2
	rm -f out
	"$TIDEMARK" run -q -f -o "$file" -- "$@" >out 2>err &
	pid=$!
	await 'grep -qs ready out'
	kill -"$signal" $pid
	status=0
	wait $pid || status=$?
}

@test "a signal that ends the program is passed on after its last snapshot, which is whole" {
	local code='import time; lost = ["x" * 100 + str(i) for i in range(1000)]; print("ready", flush=True); time.sleep(100)'
	for signal in TERM HUP; do
		signalled $signal s.tide ./app sleep
		[ $status = $((128 + $(kill -l $signal))) ]
		[ "$(field s.tide 'd["snapshot"]["reason"]')" = signal ]
		[ "$(field s.tide 'd["snapshot"]["complete"]')" = True ]
		[ ! -e s.1.tide ]
	done
	signalled TERM python.tide /usr/bin/python3 -c "$code"
	[ $status = 143 ]
	[ "$(field python.tide 'd["snapshot"]["complete"]')" = True ]
	"$TIDEMARK" info python.tide | grep -q 'fatal signal 15 (SIGTERM)'
	"$TIDEMARK" types python.tide | grep -q 'All reference counts are explained'
	"$TIDEMARK" leaks python.tide | grep -q 'nothing is lost'
}

@test "a signal that the program catches or ignores makes no snapshot of its own" {
	signalled TERM s.tide sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'
	[ $status = 7 ]
	[ "$(field s.tide 'd["snapshot"]["reason"]')" = exit ]
	signalled TERM t.tide sh -c 'trap "" TERM; echo ready; sleep 1; exit 3'
	[ $status = 3 ]
	[ "$(field t.tide 'd["snapshot"]["reason"]')" = exit ]
	[ ! -e s.1.tide ]
	[ ! -e t.1.tide ]
}

@test "--leak-exit: only when blocks are lost and the program succeeded" {
	run -23 "$TIDEMARK" run -q --leak-exit 23 -o a.tide ./app lose
	run -0 "$TIDEMARK" run -q --leak-exit 23 -o b.tide ./app
	run -5 "$TIDEMARK" run -q --leak-exit 23 -o c.tide ./app lose 5
}

@test "--wipe is refused where it could not be done" {
	for other in "--sample 64K" --no-references; do
		run -2 "$TIDEMARK" run -q --wipe $other ./app
		[[ ${lines[0]} == *"--wipe"*"${other%% *}"* ]]
	done
	# The variables alone: the snapshot does not claim it.
	TIDEMARK_WIPE=1 "$TIDEMARK" run -q --sample 64K -o wiped.tide ./app lose
	run -0 "$TIDEMARK" leaks wiped.tide
	[[ $output == *"--wipe, without --sample"* || $output != *"--wipe"* ]]
}

@test "--leak-exit without a snapshot does not pass" {
	mkdir full
	run -125 "$TIDEMARK" run -q --leak-exit 23 -o /proc/x.tide ./app
}

@test "--every: numbered snapshots, and the one at the end" {
	"$TIDEMARK" run -q --every 100ms -o e.tide ./app wait
	[ -e e.tide ] && [ -e e.1.tide ] && [ -e e.2.tide ]
	[ "$(field e.1.tide 'd["snapshot"]["reason"]')" = timer ]
	[ "$(field e.tide 'd["snapshot"]["reason"]')" = exit ]
}

@test "--every: a snapshot counts as a mark that older blocks have survived" {
	cat >ages.c <<-'EOF'
		#include <stdlib.h>
		#include <unistd.h>
		void *volatile kept[2];
		int main(void)
		{
			kept[0] = malloc(1000);
			while (access("ages.2.tide", F_OK))
				free(malloc(10)), usleep(1000);
			kept[1] = malloc(2000);
			return 0;
		}
	EOF
	gcc -g -o ages ages.c
	"$TIDEMARK" run -q --every 50ms -o ages.tide ./ages
	"$TIDEMARK" stat --json --by age ages.tide >ages.json
	"$TIDEMARK" stat --min-age 1 --by function --json ages.tide >old.json
	json "$(cat old.json)" 'sum(r["live_bytes"] for r in d["records"])' >old
	grep -qx 1000 old || fail "$(cat old old.json ages.json)"
	# One mark for each; that of the newest may still be on its way when the program ends.
	taken=$(ls ages.[0-9]*.tide | wc -l)
	marks=$(json "$("$TIDEMARK" timeline --json ages.tide)" 'sum(m["name"] == "snapshot" for m in d["marks"])')
	[ "$marks" -le "$taken" ] && [ "$marks" -ge $((taken - 1)) ] || fail "$marks marks of $taken snapshots"
}

@test "--every: Python's own last snapshot is the last, however long its interpreter takes to end" {
	cat >ends.py <<-'EOF'
		import time
		class Ends:
		    def __del__(self, sleep=time.sleep): sleep(0.7)
		ends = Ends()
		time.sleep(0.3)
	EOF
	run -0 --separate-stderr "$TIDEMARK" run --every 100ms -o ends.tide /usr/bin/python3 ends.py
	[[ $stderr == *"the program's own is ends.tide"* ]]
	own=$(field ends.tide 'd["snapshot"]["elapsed_ns"]')
	[ "$(field ends.tide 'd["snapshot"]["reason"]')" = exit ]
	[ -e ends.1.tide ]
	for file in ends.[0-9]*.tide; do
		[ "$(field "$file" 'd["snapshot"]["elapsed_ns"]')" -lt "$own" ] || fail "$file was taken after the last snapshot"
	done
}

@test "one snapshot per process; the pattern is the main program's" {
	"$TIDEMARK" run -o f.tide ./app fork 2>err
	[ "$(ls f*.tide | wc -l)" = 2 ]
	grep -q "2 snapshots; the program's own is f.tide" err
}

@test "children work in other folders; snapshots come here" {
	mkdir sub
	"$TIDEMARK" run -q -o g.tide sh -c 'cd sub; ../app; true'
	[ "$(ls g*.tide | wc -l)" = 2 ]
	[ -z "$(ls sub)" ]
}

@test "a static program runs, with one line that says why" {
	printf 'int main(void) { return 9; }' >static.c
	gcc -static -o static static.c || skip "no static libc"
	run -9 "$TIDEMARK" run ./static
	[ "${#lines[@]}" = 1 ]
	[[ "$output" == *"static"* ]]
}

@test "a folder that cannot be written: the program runs as it would" {
	run -4 --separate-stderr "$TIDEMARK" run -o /proc/x.tide sh -c 'echo out; exit 4'
	[ "$output" = out ]
	[[ "$stderr" == *"cannot write /proc/x.tide"* ]]
}

@test "a file size limit does not hurt, and leaves a snapshot" {
	run -0 bash -c "ulimit -f 1000; '$TIDEMARK' run -q -o l.tide ./app"
	[ "$(field l.tide 'd["snapshot"]["complete"]')" = False ]
	run -0 "$TIDEMARK" stat l.tide
}

@test "the session folder is removed" {
	for how in 'exit 0' 'kill -9 $$'; do
		"$TIDEMARK" run -q sh -c "echo \$TIDEMARK_SESSION >session; test -d \$TIDEMARK_SESSION && $how" || true
		[ -s session ]
		[ ! -e "$(cat session)" ]
	done
}

@test "the library alone does the same" {
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT=p.tide ./app
	[ "$(field p.tide 'd["snapshot"]["complete"]')" = True ]
}

@test "--no-references: counters only" {
	"$TIDEMARK" run --no-references -o n.tide ./app lose 2>err
	grep -q 'lost blocks are not known' err
	run -0 "$TIDEMARK" stat n.tide
}

@test "a killed process left no references: the verbs name the kill, not an option that nobody gave" {
	"$TIDEMARK" run -q -o killed.tide sh -c 'kill -9 $$' || true
	for verb in types leaks retained waste "refs malloc"; do
		set -- $verb
		run -3 "$TIDEMARK" "$1" killed.tide ${2:-}
		[[ $output == *"the process was killed"* && $output != *--no-references* ]] || fail "$verb: $output"
	done
	"$TIDEMARK" run -q --no-references -o few.tide ./app
	run -3 "$TIDEMARK" types few.tide
	[[ $output == *"counters only; "*"--no-references" ]] || fail "$output"
}

@test "wrong conditions and folders are reported before the run" {
	run -2 "$TIDEMARK" run --when 'foo>3' ./app
	[[ $output == *"foo>3"*"rss>2G"* ]] || fail "$output"
	run -2 "$TIDEMARK" run --when 'rss>1G;live>' ./app
	run -0 "$TIDEMARK" run -q -o when.tide --when 'rss>100G;live+90%' ./app
	run -0 "$TIDEMARK" run -o /dev/null/x/where.tide sh -c 'echo started'
	[[ ${lines[0]} == *"cannot write to /dev/null/x: Not a directory"* && ${lines[1]} == started ]] || fail "$output"
}

@test "tidemark.h: every call does nothing without the library, and works with it" {
	cat >calls.c <<-'SOURCE'
		#include <tidemark.h>
		#include <stdio.h>
		#include <stdlib.h>
		static void each(void *context, void *block, size_t bytes) { ++*(long *)context; (void)block; (void)bytes; }
		int main(void)
		{
			void *p = malloc(123), *words[4];
			struct tide_collected found = { { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 }, { 0, 0 } };
			struct tide_left left;
			size_t live = 7, peak = 7;
			long blocks = 0;

			tide_scope_begin("all");
			tide_mark("warm");
			tide_mark("warmer");
			tide_freeze();
			tide_start();
			tide_traced_memory(&live, &peak);
			tide_reset_peak();
			tide_blocks(0, each, &blocks);
			tide_track(1, words, 10);
			tide_untrack(1, words);
			tide_weak(words);
			tide_ignore(words);
			left = tide_scope_end("all");
			printf("%d %d %zu %d %d %d %ld %ld %ld %zu\n", tide_is_tracing(), live == 7, tide_size_of(p),
				tide_depth() > 0, tide_stack_of(p, words, 4) > 0, tide_collect(&found), tide_refcount(p) > 0 ? 1L :
				tide_refcount(p), tide_referrers(p, words, 0) < 0 ? -1L : 1L, tide_referents(p, words, 0), left.blocks);
			printf("%d %d %d\n", tide_snapshot("here"), tide_overhead() > 0, tide_count(0) > 0 || tide_count(1) > 0);
			tide_clear();
			tide_stop();
			free(p);
			return 0;
		}
	SOURCE
	${CC:-gcc} -Wall -Wextra -Werror -I"$ROOT/shim" -o calls calls.c
	cp calls.c calls.cc
	${CXX:-g++} -Wall -Wextra -Werror -I"$ROOT/shim" -o calls++ calls.cc
	for program in calls calls++; do
		run -0 "./$program"
		[ "${lines[0]}" = "0 1 0 0 0 38 -1 -1 -1 0" ] || fail "$output"
		[ "${lines[1]}" = "38 0 0" ] || fail "$output"
		run -0 "$TIDEMARK" run -q -f -o calls.tide "./$program"
		[[ ${lines[0]} == "1 0 123 1 1 0 1 1 0 "* ]] || fail "$output"
		[ "${lines[1]}" = "0 1 1" ] || fail "$output"
		[ -s here.tide ]
		rm here.tide
	done
}

@test "the folder of the pattern is made" {
	compile kept <<<'#include <stdlib.h>
char *volatile k; int main(void) { k = malloc(100); free(k); return 0; }'
	run -0 "$TIDEMARK" run -q -o new/folder/%e.tide ./kept
	[ -s new/folder/kept.tide ]
	cd "$BATS_TEST_TMPDIR"
	TIDEMARK_OUTPUT=other/%e.tide run -0 "$TIDEMARK" run -q ./kept
	[ -s other/kept.tide ]
}

# An allocator under another name: no call of the program is seen.
unseen() {
	compile unseen <<-'C'
		#include <stddef.h>
		static char heap[1 << 20];
		static size_t used;
		void *_rjem_malloc(size_t n) { void *p = heap + used; used += (n + 15) & ~15ul; return p; }
		void _rjem_free(void *p) { (void)p; }
		int main(void) { for (int i = 0; i < 100; i++) { volatile char *p = _rjem_malloc(100); p[0] = 1; } return 0; }
	C
}

@test "--leak-exit does not pass when the memory was not seen" {
	unseen
	compile seen <<<'#include <stdlib.h>
char *volatile k; int main(void) { k = malloc(100); free(k); return 0; }'
	printf 'int main(void) { return 0; }' >still.c
	gcc -static -o still still.c
	run -0 "$TIDEMARK" run -q --leak-exit 23 ./seen
	run -125 "$TIDEMARK" run -q --leak-exit 23 ./unseen
	[[ $output == *"cannot tell whether blocks are lost: unseen has jemalloc linked inside"* ]] || fail "$output"
	run -0 "$TIDEMARK" run -q --leak-exit 23 --allow-blind ./unseen
	run -125 "$TIDEMARK" run -q --leak-exit 23 ./still
	run -125 "$TIDEMARK" run -q --leak-exit 23 sh -c './unseen; ./seen'
	# What is lost in one process is known, whatever is not of another.
	compile leaky <<<'#include <stdlib.h>
int main(void) { for (int i = 0; i < 3; i++) { char *volatile p = malloc(100); p[0] = 1; p = 0; } return 0; }'
	run -23 "$TIDEMARK" run -q --leak-exit 23 sh -c './unseen; ./leaky'
}

@test "of several processes the largest are named, and each that leaks" {
	compile leaky <<<'#include <stdlib.h>
__attribute__((noinline)) static void lose(void) { char *volatile p = malloc(100); p[0] = 1; }
__attribute__((noinline)) static int wipe(void) { volatile char r[9999]; for (int i = 0; i < 9999; i++) r[i] = 1; return r[7] - 1; }
int main(void) { for (int i = 0; i < 3; i++) lose(); return wipe(); }'
	compile large <<<'#include <stdlib.h>
#include <string.h>
int main(void) { char *volatile p = malloc(3 << 20); memset(p, 1, 3 << 20); free(p); return 0; }'
	run -23 "$TIDEMARK" run --leak-exit 23 sh -c './leaky; ./large; true'
	[[ $output == *"sh: nothing is lost"* ]] || fail "$output"
	[[ $output == *"3 processes; the largest at their peak: large ("*") 3"*" MiB, "* ]] || fail "$output"
	[[ $output =~ leaky\ \([0-9]+\)\ lost\ 300\ B\ in\ 3\ blocks:\ (tidemark\.leaky\.[0-9]+\.tide) ]] || fail "$output"
	[[ $output == *"next: tidemark leaks ${BASH_REMATCH[1]}"* ]] || fail "$output"
	run -0 "$TIDEMARK" run sh -c './large; true'
	[[ $output =~ next:\ tidemark\ stat\ tidemark\.large\. ]] || fail "$output"
}

@test "programs with AddressSanitizer start, and the environment has nothing of it" {
	echo 'int main(void) { return 7; }' >asan.c
	gcc -fsanitize=address -o asan asan.c 2>/dev/null || skip "no AddressSanitizer"
	run -0 env -u ASAN_OPTIONS "$TIDEMARK" run -q sh -c 'echo "options:$ASAN_OPTIONS"; ./asan; echo "status $?"'
	[ "${lines[0]}" = "options:" ]
	[ "${lines[1]}" = "status 7" ] || fail "$output"
}
