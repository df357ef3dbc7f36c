#!/usr/bin/env bats
# Other users, links laid out as traps, ledgers with garbage in them: nothing is
# read or written elsewhere, and what is ours is private.

bats_require_minimum_version 1.5.0
load ../lib/helper

program() {
	compile program <<-'END'
		#include <stdio.h>
		#include <stdlib.h>
		#include <unistd.h>
		int main(int n, char **a) { for (int i = 0; i < 2000; i++) { void *volatile p = malloc(100); (void)p; } puts("ran"); fflush(stdout); if (n > 1) sleep(atoi(a[1])); return 5; }
	END
}

# A program that runs with a ledger in session/: $pid, $ledger.
started() {
	mkdir -m 700 session
	env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" \
		TIDEMARK_OUTPUT="$PWD/own.tide" ./program 120 >/dev/null 3>&- &
	pid=$!
	await 'ledger=$(ls session/*.ledger 2>/dev/null)'
	sleep 0.2
}

@test "ledgers are private" {
	program
	started
	mode=$(stat -c %a "$ledger") folder=$(stat -c %a session)
	kill -9 $pid
	[ "$mode" = 600 ] && [ "$folder" = 700 ] || fail "modes $mode, $folder"
}

@test "a link in the place of the folder of ledgers is not followed" {
	program
	mkdir -m 700 elsewhere && ln -s elsewhere session
	run env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_OUTPUT="$PWD/x.tide" TIDEMARK_COLLECTOR="$TIDEMARK" ./program
	[ "$status" = 5 ] || fail "$status: $output"
	[ -z "$(ls -A elsewhere)" ] || fail "written elsewhere: $(ls elsewhere)"
}

@test "a folder of ledgers that others may write, or that is another's, is not used" {
	program
	mkdir -m 777 session
	chmod 777 session
	run env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_OUTPUT="$PWD/x.tide" TIDEMARK_COLLECTOR="$TIDEMARK" ./program
	[ "$status" = 5 ] || fail "$status: $output"
	[ -z "$(ls -A session | grep ledger)" ] || fail "$(ls session)"
	[ "$(id -u)" = 0 ] || return 0
	chmod 700 session && chown 65534 session
	run env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_OUTPUT="$PWD/y.tide" TIDEMARK_COLLECTOR="$TIDEMARK" ./program
	[ "$status" = 5 ] || fail "$status: $output"
	[ -z "$(ls -A session | grep ledger)" ] || fail "$(ls session)"
}

@test "a collector without privileges refuses another user's ledger, a link, a pipe" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	program
	started
	cp "$ledger" other.ledger && chmod 644 other.ledger
	kill -9 $pid
	ln -s other.ledger link.ledger
	mkfifo pipe.ledger
	for file in link pipe; do
		run timeout 20 "$TIDEMARK" collect --ledger $file.ledger --serial 1 --reason 1 --flags 0 --output "$PWD/never.tide"
		[ "$status" = 3 ] && [[ $output == *tidemark:* ]] || fail "$file: $status $output"
		[ ! -e never.tide ] || fail "$file: a snapshot"
	done
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.." 2>/dev/null || true
	chmod 666 other.ledger
	run setpriv --reuid 65534 --regid 65534 --clear-groups timeout 20 "$TIDEMARK" collect --ledger other.ledger \
		--serial 1 --reason 1 --flags 0 --output /tmp/tide-safety-never.tide
	[ "$status" = 3 ] && [[ $output == *"another user"* ]] || fail "$status: $output"
	[ ! -e /tmp/tide-safety-never.tide ]
}

@test "garbage in the ledger of a live process: stat and info end by themselves" {
	program
	started
	cp "$ledger" good.ledger
	header=4096
	for seed in $(seq 1 "${GARBAGE:-25}"); do
		/usr/bin/python3 - "$ledger" $seed <<-'END'
			import random, sys
			random.seed(int(sys.argv[2]))
			with open(sys.argv[1], "r+b") as f:
			    for _ in range(random.choice([1, 4, 40])):
			        # behind the magic, the version and the lengths, which alone decide whether it is read at all
			        f.seek(random.randrange(16, 4096) & ~7)
			        f.write(random.choice([b"\xff" * 8, random.randbytes(8), (1 << 40).to_bytes(8, "little"),
			                               b"\1" + bytes(7)]))
		END
		timeout 30 "$TIDEMARK" stat "$ledger" >out 2>err && status=0 || status=$?
		[ $status = 0 ] || { [ $status -le 3 ] && grep -q '^tidemark: ' err; } || { kill -9 $pid; fail "stat, seed $seed: $status $(tail -n 2 err)"; }
		cp "$ledger" copy.ledger
		timeout 30 "$TIDEMARK" info copy.ledger >out 2>err && status=0 || status=$?
		[ $status = 0 ] || { [ $status -le 3 ] && grep -q '^tidemark: ' err; } || { kill -9 $pid; fail "info, seed $seed: $status $(tail -n 2 err)"; }
		dd if=good.ledger of="$ledger" bs=$header count=1 conv=notrunc 2>/dev/null
	done
	kill -9 $pid
}

@test "snap of another user's process: the name that its ledger gives is not written" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	program
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/.." "$BATS_TEST_TMPDIR/../.." 2>/dev/null || true
	mkdir -m 700 session && chown 65534:65534 session
	echo precious >precious.tide
	env LD_PRELOAD="$SHIM" TIDEMARK_SESSION="$PWD/session" TIDEMARK_COLLECTOR="$TIDEMARK" TIDEMARK_OVERWRITE=1 \
		TIDEMARK_OUTPUT="$PWD/precious.tide" setpriv --reuid 65534 --regid 65534 --clear-groups ./program 30 >/dev/null 3>&- &
	for _ in $(seq 100); do
		pid=$(pgrep -u 65534 -f '^./program 30' | head -n 1) && [ -n "$(ls session)" ] && break
		sleep 0.02
	done
	sleep 0.2
	cp session/*.ledger before.ledger
	run timeout 20 "$TIDEMARK" snap "$pid"
	kill -0 "$pid" || fail "the process is gone"
	[ "$status" = 2 ] && [[ $output == *"-o FILE"* ]] || { kill -9 "$pid"; fail "$status: $output"; }
	[ "$(cat precious.tide)" = precious ] || { kill -9 "$pid"; fail "overwritten"; }
	[ -z "$(ls | grep -E 'precious.+\.tide$' | grep -v '^precious.tide$')" ] || { kill -9 "$pid"; fail "$(ls)"; }
	# With a name it works, and only that is written.
	run timeout 20 "$TIDEMARK" snap -o named.tide "$pid"
	kill -9 "$pid"
	[ "$status" = 0 ] && [ -s named.tide ] || fail "with -o: $status $output"
	[ "$(cat precious.tide)" = precious ]
}

@test "snap takes the process that is meant, not the one that its ledger names" {
	program
	started
	sleep 60 3>&- &
	other=$!
	/usr/bin/python3 - "$ledger" $other <<-'END'
		import struct, sys
		with open(sys.argv[1], "r+b") as f:
		    f.seek(24)          # struct ledger_header.pid
		    f.write(struct.pack("i", int(sys.argv[2])))
	END
	run timeout 20 "$TIDEMARK" snap -o named.tide "$pid"
	first=$status
	run timeout 20 "$TIDEMARK" collect --ledger "$ledger" --serial 1 --reason 1 --flags 0 --output "$PWD/never.tide"
	state=$(awk '/^State/{print $2}' /proc/$other/status)
	kill -9 "$pid" $other
	[ "$first" = 0 ] || fail "snap: $first"
	[ "$status" = 3 ] && [[ $output == *"does not have this ledger"* ]] && [ ! -e never.tide ] || fail "collect: $status $output"
	[ "$state" = S ]
}

@test "killed in a PID namespace of its own, where it is number 1: the folder of the run goes all the same" {
	unshare -pf true 2>/dev/null || skip "no PID namespaces"
	program
	ls -d /dev/shm/tidemark-run-* 2>/dev/null | sort >before || true
	run timeout 30 "$TIDEMARK" run -q -f -o n.%p.tide -- unshare -pf --kill-child=KILL sh -c './program 1; kill -9 $$'
	left=$(ls -d /dev/shm/tidemark-run-* 2>/dev/null | sort | comm -13 before - | while read -r d; do ls "$d" | grep -q '^1\.1\.ledger' && ! grep -lq "$d" /proc/[0-9]*/maps 2>/dev/null && echo "$d"; done) || true
	[ -z "$left" ] || fail "left: $left"
}
