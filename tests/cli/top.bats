#!/usr/bin/env bats
# `tidemark top`: as text (--batch), and on a terminal of tmux.

load ../lib/helper

setup() {
	PIDS=()
	SOCKET=tidemark-top-$$-$BATS_TEST_NUMBER
	# 50 blocks of 1000 bytes, 3 more for each line of input; "end" ends it.
	compile grow <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		void *volatile keep[100000];
		static int count;
		__attribute__((noinline)) void fill_cache(int n)
		{
			while (n--)
				keep[count++] = malloc(1000);
		}
		__attribute__((noinline)) void make_table(void)
		{
			keep[count++] = malloc(200000);
		}
		int main(void)
		{
			static char in[4096], out[4096], line[80];

			setvbuf(stdin, in, _IOFBF, sizeof(in));
			setvbuf(stdout, out, _IOLBF, sizeof(out));
			make_table();
			fill_cache(50);
			puts("ready");
			while (fgets(line, sizeof(line), stdin) && strcmp(line, "end\n")) {
				fill_cache(3);
					puts("done");
			}
			return 0;
		}
	C
}

teardown() {
	local p
	exec 7>&- || true
	tmux -L "$SOCKET" kill-server 2>/dev/null || true
	for p in "${PIDS[@]}"; do
		kill -9 "$p" 2>/dev/null || true
		wait "$p" 2>/dev/null || true
	done
}

start() {
	mkfifo input
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT='exit.%p.tide' ./grow <input >out 2>err 3>&- &
	PID=$!
	PIDS+=("$PID")
	exec 7>input
	await 'grep -q ready out' && return 0
	fail "the program did not start: $(cat err)"
}

# Three blocks more, seen by the program.
more() {
	local before
	before=$(grep -c done out || true)
	echo more >&7
	await '[ "$(grep -c done out)" -gt "$before" ]' && return 0
	fail "no answer"
}

# screen [WIDTH HEIGHT]: the view in a terminal of that size.
screen() {
	command -v tmux >/dev/null || skip "tmux is not installed"
	LC_ALL=C.UTF-8 tmux -L "$SOCKET" -f /dev/null new-session -d -x "${1:-80}" -y "${2:-24}" \
		"env LC_ALL=C.UTF-8 '$TIDEMARK' top --interval 100ms $PID 2>top.err; echo status \$?; sleep 60" 3>&- 7>&-
}

keys() { tmux -L "$SOCKET" send-keys "$@"; }

picture() { LC_ALL=C.UTF-8 tmux -L "$SOCKET" capture-pane -p; }

# Waits until the screen has a line that matches.
shows() {
	for _ in $(seq 200); do
		picture >picture
		grep -qE -- "$1" picture && return 0
		sleep 0.05
	done
	cat picture >&2
	fail "the screen never showed: $1"
}

@test "--batch prints what is live, what grew and how fast" {
	start
	"$TIDEMARK" top --batch 2 --interval 1s "$PID" >frames 3>&- 7>&- &
	top=$!
	await 'grep -q make_table frames'
	more
	wait "$top"
	cat frames
	[ "$(grep -c 'running$' frames)" = 2 ]
	grep -qE '^ *195 KiB +1 .* make_table ' frames
	grep -qE '^48\.8 KiB +50 +0 B .* fill_cache ' <(sed 's/^ *//' frames)
	grep -qE '^2\.93 KiB +3 +\+2\.93 KiB +[0-9.]+ (KiB|B) .* fill_cache ' <(sed 's/^ *//' frames)
	grep -q 'since top started +2.93 KiB in +3 blocks' frames
}

@test "the sums are those of a snapshot, by each key" {
	start
	"$TIDEMARK" snap --no-references -q -o now.tide "$PID"
	live=$(json "$("$TIDEMARK" stat --json now.tide)" 'sum(r["live_bytes"] for r in d["records"])')
	[ "$live" = 250000 ]
	for key in site function module thread; do
		"$TIDEMARK" top --batch 1 --by "$key" -n all "$PID" >frame
		grep -q 'live 244 KiB in 51 blocks' frame
	done
	run -2 "$TIDEMARK" top --batch 1 --by type "$PID"
	[[ $(tr -s ' \n' ' ' <<<"$output") == *"a running process does not say"*"stat --by type FILE"* ]] || fail "$output"
	"$TIDEMARK" top --batch 1 --by module now.tide | grep -qE '244 KiB +51 .*/grow$'
	"$TIDEMARK" top --batch 1 --by thread "$PID" | grep -qE "244 KiB +51 .* grow \($PID\)"
	"$TIDEMARK" top --batch 1 --search TABLE "$PID" >found
	grep -q make_table found
	! grep -q fill_cache found
}

@test "the process goes on, is not written to, and may end" {
	start
	"$TIDEMARK" top --batch 100 --interval 100ms "$PID" >frames 3>&- 7>&- &
	top=$!
	await 'grep -q running frames'
	echo end >&7
	wait "$PID"
	wait "$top"
	tail -n 8 frames
	grep -q 'the process has ended' frames
	[ "$(grep -c '^grow ' frames)" -lt 60 ]
}

@test "usage errors and what cannot be watched" {
	run "$TIDEMARK" top --batch 1
	[ "$status" = 2 ]
	run "$TIDEMARK" top --batch 0 1
	[ "$status" = 2 ]
	run "$TIDEMARK" top --sort colour --batch 1 1
	[ "$status" = 2 ]
	run "$TIDEMARK" top --batch 1 $$
	[ "$status" = 3 ]
	[[ $output == *"is not profiled"* ]]
	run "$TIDEMARK" top --batch 1 nowhere.tide
	[ "$status" = 3 ]
	run "$TIDEMARK" top $$ </dev/null
	[ "$status" = 2 ]
	[[ $output == *"--batch 1"* ]]
}

@test "screen: rows, a mark, growth, and the end of the process" {
	start
	screen
	shows 'running, every 100 ms'
	shows '195 KiB +1 .* make_table '
	shows '48\.8 KiB +50 .* fill_cache '
	fits 80 picture
	more
	shows '\+2\.93 KiB .* fill_cache '
	keys m
	shows 'since the mark .* 0 B in 0 blocks'
	more
	shows '5\.86 KiB +6 +\+2\.93 KiB .* fill_cache '
	echo end >&7
	wait "$PID"
	shows 'the process has ended'
	shows '5\.86 KiB +6 '
	keys q
	shows '^status 0'
}

@test "screen: sorting, grouping, stack, search, pause, help" {
	start
	screen
	shows make_table
	keys '>'
	shows 'g: site  <>: blocks'
	sed -n 6p picture | grep -q fill_cache
	keys Enter
	shows 'stack of site'
	shows '^  main .*grow.c:[0-9]+'
	keys Enter '<' / t a b l e Enter
	shows "1 row with 'table'"
	! grep -q fill_cache picture
	keys Escape
	shows fill_cache
	keys g
	shows 'g: function'
	# Every key is in sight, whatever the words.
	shows 'w snap$'
	fits 80 picture
	keys g
	shows '244 KiB +51 .*/grow *$'
	keys g
	shows "grow \($PID\)"
	keys p
	shows paused
	more
	sleep 0.3
	picture >picture
	grep -q 'in 51 blocks ' picture
	keys p
	shows 'in 54 blocks '
	keys h
	shows 'tidemark top: keys'
	keys x
	shows 'q quit'
	keys q
	shows '^status 0'
}

@test "screen: writes a snapshot, and follows the size of the terminal" {
	start
	screen 80 24
	shows make_table
	! grep -q allocs picture
	tmux -L "$SOCKET" resize-window -x 140 -y 30
	shows 'allocs'
	fits 140 picture
	tmux -L "$SOCKET" resize-window -x 50 -y 10
	for _ in $(seq 100); do
		picture >picture
		grep -q allocs picture || break
		sleep 0.05
	done
	shows make_tab
	fits 50 picture
	tmux -L "$SOCKET" resize-window -x 80 -y 24
	keys w
	shows 'snapshot: '
	# Another size does not take away what is said.
	tmux -L "$SOCKET" resize-window -x 90 -y 24
	sleep 0.3
	shows 'snapshot: '
	keys q
	shows '^status 0'
	"$TIDEMARK" info "exit.$PID".*tide >info || "$TIDEMARK" info exit.*.tide >info
	grep -q grow info
	more		# it goes on
}

@test "screen: the stack begins at the line that asked for memory, and long names of C++ are cut" {
	cat >grow.cc <<-'CC'
		#include <cstdio>
		#include <map>
		#include <string>
		#include <vector>
		template <class K, class V> struct LeastRecentlyUsedCache {
			std::map<K, std::vector<V>> entries;
			__attribute__((noinline)) void put(const K &k, V v) { entries[k].push_back(v); }
		};
		static LeastRecentlyUsedCache<std::string, std::pair<std::string, long>> cache;
		int main()
		{
			char line[80];
			for (int i = 0; i < 100; i++)
				cache.put(std::to_string(i), { std::string(100, 'x'), i });
			puts("ready");
			fflush(stdout);
			return !fgets(line, sizeof(line), stdin);
		}
	CC
	${CXX:-g++} -g -O1 -o grow grow.cc
	start
	screen
	shows 'Least.*put'
	keys Enter
	shows 'stack of site'
	shows 'blocks .*peak'
	# No frame of operator new or of an allocator comes before it.
	! sed -n '/stack of site/{n;p;}' picture | grep -qE 'operator new|allocat'
	keys g
	shows 'LeastRecentlyUsedCache<>::put'
	fits 80 picture
	keys q
	shows '^status 0'
	# Its last snapshot is written before the folder goes.
	echo end >&7
	wait "$PID"
}

@test "--batch 1 --sort growth shows what grew, not zeros" {
	compile grow <<-'SOURCE'
		#include <stdlib.h>
		#include <unistd.h>
		void *volatile keep[40000];
		int main(void) { for (int i = 0; i < 40000; i++) { keep[i] = malloc(1000); usleep(500); } return 0; }
	SOURCE
	"$TIDEMARK" run -q -f -o x.tide -- ./grow 3>&- &
	local run=$! pid=
	for _ in $(seq 100); do
		pid=$(ps -o pid=,comm= --ppid "$run" | awk '$2 == "grow" { print $1 }')
		[ -n "$pid" ] && "$TIDEMARK" top --batch 1 "$pid" 2>/dev/null | grep -q main && break
		sleep 0.1
	done
	timeout 60 "$TIDEMARK" top -q --batch 1 --interval 2s --sort growth "$pid" >growth || true
	kill "$pid"
	wait "$run" || true
	grep -q ' +[0-9.]* [KM]iB .* main ' growth || fail "$(cat growth)"
}

@test "a Python program is grouped by its functions" {
	cat >grow.py <<-'EOF'
		import time
		kept = []
		def remember():
		    for i in range(20_000): kept.append(["x%d" % i])
		remember()
		open("ready", "w").close()
		time.sleep(600)
	EOF
	"$TIDEMARK" run -q -f -o x.tide -- /usr/bin/python3 grow.py 3>&- &
	local run=$! pid=
	await '[ -e ready ]'
	pid=$(ps -o pid=,comm= --ppid "$run" | awk '$2 ~ /python/ { print $1 }')
	timeout 60 "$TIDEMARK" top -q --batch 1 --by function "$pid" >functions || true
	timeout 60 "$TIDEMARK" top -q --batch 1 "$pid" >sites || true
	kill "$pid"
	wait "$run" || true
	grep -q ' MiB [4-9][0-9],[0-9]* .* remember$' functions || fail "$(cat functions)"
	grep -q ' remember .*grow.py:4' sites || fail "$(cat sites)"
}

@test "what malloc holds, and what of it is free" {
	compile holds <<-'C'
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		static char *work[40000], *pins[40000];
		int main(void)
		{
			for (int i = 0; i < 40000; i++) {
				work[i] = memset(malloc(500), 1, 500);
				pins[i] = memset(malloc(100), 1, 100);
			}
			for (int i = 0; i < 40000; i++)
				free(work[i]);
			free(malloc(10));
			puts("ready");
			fflush(stdout);
			return getchar() == 'x';
		}
	C
	mkfifo input
	LD_PRELOAD=$SHIM TIDEMARK_OUTPUT='exit.%p.tide' ./holds <input >out 2>err 3>&- &
	PIDS+=($!)
	exec 7>input
	await 'grep -qs ready out'
	"$TIDEMARK" top --batch 1 ${PIDS[0]} >frame
	# 40,000 times 496 bytes are free, and 112 in use.
	grep -E '^malloc holds 2[3-5]\.[0-9] MiB, (18|19)\.[0-9] MiB of it free or slack$' frame || fail "$(cat frame)"
}
