#!/usr/bin/env bats
# run.bats - `tidemark run`: the program is as it would be, and a snapshot is left.
bats_require_minimum_version 1.5.0

setup() {
	load helper
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

@test "no such program, not executable, wrong use" {
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
	for _ in $(seq 100); do grep -q ready out && break; sleep 0.05; done
	kill -TERM $pid
	local status=0
	wait $pid || status=$?
	[ $status = 143 ]
	[ -e s.tide ]
}

@test "--leak-exit: only when blocks are lost and the program succeeded" {
	run -23 "$TIDEMARK" run -q --leak-exit 23 -o a.tide ./app lose
	run -0 "$TIDEMARK" run -q --leak-exit 23 -o b.tide ./app
	run -5 "$TIDEMARK" run -q --leak-exit 23 -o c.tide ./app lose 5
}

@test "--leak-exit without a snapshot is no pass" {
	mkdir full
	run -125 "$TIDEMARK" run -q --leak-exit 23 -o /proc/x.tide ./app
}

@test "--every: numbered snapshots, and the one at the end" {
	"$TIDEMARK" run -q --every 100ms -o e.tide ./app wait
	[ -e e.tide ] && [ -e e.1.tide ] && [ -e e.2.tide ]
	[ "$(field e.1.tide 'd["snapshot"]["reason"]')" = timer ]
	[ "$(field e.tide 'd["snapshot"]["reason"]')" = exit ]
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

@test "wrong conditions and folders are told before the run" {
	run -2 "$TIDEMARK" run --when 'foo>3' ./app
	[[ $output == *"foo>3"*"rss>2G"* ]] || fail "$output"
	run -2 "$TIDEMARK" run --when 'rss>1G;live>' ./app
	run -0 "$TIDEMARK" run -q -o when.tide --when 'rss>100G;live+90%' ./app
	run -0 "$TIDEMARK" run -o no/where.tide sh -c 'echo started'
	[[ ${lines[0]} == *"cannot write to no: No such file"* && ${lines[1]} == started ]] || fail "$output"
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
			tide_mark_if("warmer");
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
